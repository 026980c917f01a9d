"""`GET /v1/sessions/{id}/events`: a live session, read along by whoever holds its viewer link."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.boards import MAX_TARGETS, SOURCE
from deployments.metering import catalogue
from serve_app.api.event_stream import KEEP_ALIVE, KEEP_ALIVE_S, EventStream, sse
from serve_app.api.guard import principal_of, require
from serve_app.api.query import StreamQuery, query_values, require_target
from serve_app.api.service import Service
from serve_app.auth.keys import ANYBODY, Principal
from serve_app.errors import BusyError, InvalidRequestError
from serve_app.session import events
from serve_app.session.resume import Resumption
from serve_app.viewers.captions import Cursor, Reader
from serve_app.viewers.links import Invitation, Invitations, ViewerLinks
from serve_app.viewers.lobby import Followed, Lobby, session_not_found
from serve_app.viewers.newsroom import Newsroom, ServeViewers
from serve_app.viewers.sharing import Sharing

LAST_EVENT_ID = "last-event-id"
NO_CONTENT = 204
"""Makes a browser's EventSource stop connecting again."""


class ViewerQuery(BaseModel):
    """What a viewer may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str | None = None
    """The viewer link's; `viewer_token` in the owner's `session.created`. Not needed with a key of
    the same client that may view."""
    target: Annotated[tuple[str, ...], Field(max_length=MAX_TARGETS)] = ()
    """Languages to read in; repeat the key for several."""
    transcript: bool | None = None
    """Whether the text as it is spoken is told as well; without it, where there is no target."""
    partials: bool = True

    @property
    def lanes(self) -> tuple[str, ...]:
        """In the order in which a segment is told."""
        spoken = not self.target if self.transcript is None else self.transcript
        return (*((SOURCE,) if spoken else ()), *self.target)


class Audience:
    """All viewers of one replica, and what lets them in."""

    def __init__(self, service: Service) -> None:
        settings = service.config.viewers
        self.lobby = Lobby(service.hub, settings.hub.limits)
        self._newsroom = Newsroom(service.hub, settings.hub.limits)
        self.links = ViewerLinks(service.config.viewer_signer())
        self.invitations = Invitations(service.config.conversation_signer())
        self.hub = service.hub
        self.max_connection_bytes = settings.max_connection_bytes
        self.stay_s = settings.link_ttl_s
        self._max_viewers = settings.max_viewers
        self._viewers: Counter[str] = Counter()
        self._meters = service.meters.meters

    def share(
        self,
        session_id: str,
        serve_viewers: ServeViewers,
        own: tuple[str, ...],
        *,
        resumption: Resumption | None = None,
        invitation: Invitation | None = None,
        owner: Principal | None = None,
    ) -> Sharing:
        """One connection of a session, for its door to pass its events through."""
        known = owner is not None and owner is not ANYBODY
        return Sharing(
            session_id,
            self._newsroom,
            self.links,
            serve_viewers,
            own=own,
            resumption=resumption,
            invitation=invitation,
            owner=owner.client if known and owner else "",
        )

    def invited(self, query: StreamQuery) -> Invitation | None:
        """The side of a conversation that a session is; raises LinkRefusedError."""
        token = query.conversation
        return None if token is None else self.invitations.read(token)

    @asynccontextmanager
    async def seat(self, kind: Literal["session", "conversation"]) -> AsyncGenerator[None, None]:
        """Room for one more connection, to read one of those; raises BusyError."""
        if self._viewers.total() >= self._max_viewers:
            raise BusyError(
                f"This server has {self._max_viewers} viewers and takes no more; try again later.",
                code="too_many_viewers",
            )
        self._count(kind, +1)
        try:
            yield
        finally:
            self._count(kind, -1)

    def _count(self, kind: str, more: int) -> None:
        self._viewers[kind] += more
        self._meters.set(catalogue.VIEWERS_ACTIVE, self._viewers[kind], kind=kind)


async def session_events(request: Request) -> Response:
    """Answers once the session is known, so that a link that cannot work gets its 4xx."""
    service: Service = request.app.state.service
    audience: Audience = request.app.state.audience
    query = parse_viewer_query(request)
    session_id = request.path_params["id"]
    owner, until_s = _admitted(request, query.token, session_id)
    for target in query.target:
        require_target(target, service)
    if not query.lanes:
        raise InvalidRequestError(
            "Nothing is asked for: name a target, or leave transcript=false out.",
            param="transcript",
        )
    cursor = Cursor.decode(request.headers.get(LAST_EVENT_ID, ""))
    if cursor is not None and cursor.ended:
        return Response(status_code=NO_CONTENT)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(audience.seat("session"))
        followed = await stack.enter_async_context(audience.lobby.follow(session_id))
        if owner is not None and followed.copy.scene.owner != owner:
            raise session_not_found(session_id)
        reading = audience.lobby.reading(session_id, query.target, followed)
        await stack.enter_async_context(reading)
        reader = Reader(session_id, query.lanes, cursor, partials=query.partials)
        pieces = _told(followed, reader, until_s, audience.max_connection_bytes)
        return EventStream(pieces, stack.pop_all())


def _admitted(request: Request, token: str | None, session_id: str) -> tuple[str | None, float]:
    """Whose session it must be, if that is not said by a link; and until when (Unix time)."""
    audience: Audience = request.app.state.audience
    if token is not None:
        return None, audience.links.read(token, session_id).expires_at_s
    principal = principal_of(request)
    if principal is None or principal is ANYBODY:
        raise InvalidRequestError(
            "The query key 'token' is missing: take the link as it was given, or show an API key "
            "with the scope view of the client whose session it is.",
            param="token",
            code="missing_parameter",
        )
    return require(request, "view").client, time.time() + audience.stay_s


def parse_viewer_query(request: Request) -> ViewerQuery:
    """Raises InvalidRequestError for unknown and missing keys."""
    values = query_values(request.query_params)
    try:
        return ViewerQuery.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(ViewerQuery.model_fields)
            raise InvalidRequestError(
                f"Unknown query key {key!r}; known are {known}.",
                param=key,
                code="unknown_parameter",
            ) from error
        raise InvalidRequestError(
            f"The query key {key!r} is wrong: {problem['msg']}.",
            param=key,
            code="invalid_value",
        ) from error


async def _told(
    followed: Followed, reader: Reader, expires_at_s: float, max_bytes: int
) -> AsyncGenerator[bytes, None]:
    """Events as they come; ends with the session, the link, or the bound of one connection."""
    seq = 0
    sent_bytes = 0
    left = ""
    while not reader.ended and not left:
        version = followed.version
        for event in reader.events(followed.copy):
            seq += 1
            piece = sse(events.to_wire(seq, event), reader.cursor.encode())
            sent_bytes += len(piece)
            yield piece
            if sent_bytes > max_bytes:
                break
        left_s = expires_at_s - time.time()
        if followed.lost:
            left = "session_lost"
        elif left_s <= 0:
            left = "link_expired"
        elif sent_bytes > max_bytes:
            left = "renew"
        elif not reader.ended and not await followed.changed(version, min(KEEP_ALIVE_S, left_s)):
            yield KEEP_ALIVE
    if left:
        yield sse(events.to_wire(seq + 1, events.ViewerLeft(left)))


VIEWER_ROUTES = (Route("/v1/sessions/{id}/events", session_events),)
