"""Conversations of two: links for both sides, their event streams, and what is written down."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, aclosing
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.boards import Passage
from deployments.tables import SIDES, ConsentAction, Conversation, Side
from serve_app.api.event_stream import KEEP_ALIVE, KEEP_ALIVE_S, EventStream, sse
from serve_app.api.guard import require
from serve_app.api.query import query_values, require_target
from serve_app.api.service import Service
from serve_app.api.viewers import LAST_EVENT_ID, Audience
from serve_app.auth.keys import Principal
from serve_app.errors import DragomanError, InvalidRequestError, TooLargeError, UnavailableError
from serve_app.session import events
from serve_app.viewers import minutes
from serve_app.viewers.captions import Cursor
from serve_app.viewers.conversation import Listener, updated
from serve_app.viewers.links import Invitation
from serve_app.viewers.lobby import HUB_TIMEOUT_S

MAX_BODY_BYTES = 1_024

T = TypeVar("T")
Q = TypeVar("Q", bound=BaseModel)


class ConsentMissingError(DragomanError):
    """Not both sides have agreed that the conversation is written down."""

    status = 403
    type = "permission_error"
    code = "consent_missing"


class ConsentQuery(BaseModel):
    """Whose consent it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    """Of one side's link."""


class ConversationQuery(BaseModel):
    """How one side reads along."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    """Of one side's link."""
    language: str
    """In which it reads what the other says."""


class TranscriptQuery(BaseModel):
    """How a conversation is written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    """Of one side's link."""
    format: Literal["txt", "json"] = "txt"


class Consent(BaseModel):
    """What one side says about a transcript."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: ConsentAction
    """`request`: agree, and ask the other side to. `give`, `withdraw`: one's own."""


class Link(BaseModel):
    """What one side of a conversation is given."""

    token: str
    page: str
    """Path of the page for this side."""


class NewConversation(BaseModel):
    """A conversation, and what lets its two sides in."""

    id: str
    expires_at: int
    """Unix time, in seconds."""
    host: Link
    guest: Link


async def create_conversation(request: Request) -> Response:
    """Nothing is kept: the links say that there is a conversation."""
    service: Service = request.app.state.service
    audience: Audience = request.app.state.audience
    name = f"c{uuid.uuid4().hex[:20]}"
    principal = require(request, "stream")
    links = {side: _link(audience, name, side, principal) for side in SIDES}
    expires_at = int(time.time() + service.config.viewers.link_ttl_s)
    created = NewConversation(id=name, expires_at=expires_at, **links)
    return JSONResponse(created.model_dump(), status_code=201)


async def conversation_events(request: Request) -> Response:
    """All that was said, then what is being said, for one side."""
    service: Service = request.app.state.service
    audience: Audience = request.app.state.audience
    query = _parsed(ConversationQuery, request.query_params)
    invitation = audience.invitations.read(query.token, request.path_params["id"])
    require_target(query.language, service)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(audience.seat("conversation"))
        cursors = Cursor.decode_all(request.headers.get(LAST_EVENT_ID, ""))
        listener = Listener(audience.hub, audience.lobby, invitation, query.language, cursors)
        pieces = _told(listener, invitation, audience.max_connection_bytes)
        return EventStream(pieces, stack.pop_all())


async def consent(request: Request) -> Response:
    """One side's word on a transcript; the answer is the event that both are told."""
    audience: Audience = request.app.state.audience
    query = _parsed(ConsentQuery, request.query_params)
    invitation = audience.invitations.read(query.token, request.path_params["id"])
    said = await _consent_of(request)
    table = await _asked(
        audience.hub.agree(invitation.conversation_id, invitation.side, said.action)
    )
    return JSONResponse(events.to_wire(0, updated(invitation, table)))


async def transcript(request: Request) -> Response:
    """What was said, in both languages; only where both agree."""
    audience: Audience = request.app.state.audience
    query = _parsed(TranscriptQuery, request.query_params)
    name = request.path_params["id"]
    audience.invitations.read(query.token, name)
    table = await _asked(audience.hub.look(name))
    _require_consent(table)
    told = minutes.remarks(table, await _said(audience, table))
    if query.format == "json":
        return JSONResponse(minutes.as_json(name, told))
    return PlainTextResponse(minutes.as_text(told))


def _link(audience: Audience, name: str, side: Side, principal: Principal) -> Link:
    token = audience.invitations.token(name, side, principal.client, principal.key_id)
    # Behind #, so that the token gets into no log of a server between.
    return Link(token=token, page=f"/conversation#{name}.{token}")


async def _told(
    listener: Listener, invitation: Invitation, max_bytes: int
) -> AsyncGenerator[bytes, None]:
    sent_bytes = 0
    left = ""
    seq = 0
    async with aclosing(listener.news(KEEP_ALIVE_S)) as batches:
        async for batch in batches:
            pieces = [sse(told.wire, told.cursor) for told in batch] or [KEEP_ALIVE]
            seq = batch[-1].wire["seq"] if batch else seq
            for piece in pieces:
                sent_bytes += len(piece)
                yield piece
            if time.time() > invitation.expires_at_s:
                left = "link_expired"
            elif sent_bytes > max_bytes:
                left = "renew"
            if left:
                break
    yield sse(events.to_wire(seq + 1, events.ViewerLeft(left)))


async def _consent_of(request: Request) -> Consent:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError(f"The body has over {MAX_BODY_BYTES} bytes.", param="body")
    try:
        return Consent.model_validate(from_json(body))
    except ValueError as error:
        raise InvalidRequestError(
            'The body is JSON, {"action": "request"}, or "give" or "withdraw".', param="action"
        ) from error


def _require_consent(table: Conversation) -> None:
    if not table.is_agreed:
        missing = " and ".join(f"the {side}" for side in SIDES if not table.seats[side].consents)
        raise ConsentMissingError(
            f"The conversation is written down only if both sides agree, and {missing} did not "
            'yet: each side POSTs {"action": "give"} to /consent with its own link.'
        )


async def _said(audience: Audience, table: Conversation) -> list[tuple[Side, Passage]]:
    said: list[tuple[Side, Passage]] = []
    for side in SIDES:
        for session_id in table.seats[side].sessions:
            news = await _asked(audience.hub.read(session_id, None, 0.0))
            said += [(side, passage) for passage in (news.passages if news else ())]
    return said


async def _asked(call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(HUB_TIMEOUT_S):
            return await call
    except Exception as error:
        raise UnavailableError(
            "The hub that keeps the conversation does not answer; try again."
        ) from error


def _parsed(kind: type[Q], params: QueryParams) -> Q:
    try:
        return kind.model_validate(query_values(params))
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0])
        known = ", ".join(kind.model_fields)
        raise InvalidRequestError(
            f"The query key {key!r} is wrong: {problem['msg']}. Known are {known}.", param=key
        ) from error


CONVERSATION_ROUTES = (
    Route("/v1/conversations", create_conversation, methods=["POST"]),
    Route("/v1/conversations/{id}/events", conversation_events),
    Route("/v1/conversations/{id}/consent", consent, methods=["POST"]),
    Route("/v1/conversations/{id}/transcript", transcript),
)
