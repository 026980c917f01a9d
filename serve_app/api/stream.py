"""`POST /v1/stream`: audio in the request body, events out at the same time."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_app.api.boxes import Inbox, TooFarAheadError
from serve_app.api.guard import principal_of
from serve_app.api.query import (
    StreamQuery,
    parse_stream_query,
    session_options,
    with_viewers_targets,
)
from serve_app.api.quotas import usage_of
from serve_app.api.service import Service
from serve_app.api.viewers import Audience
from serve_app.auth.keys import Principal
from serve_app.decode import PcmLayout, decode
from serve_app.limits.audio import idle_error, within
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.session import Session

NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

logger = logging.getLogger("ray.serve")


class SendOnlyResponse(StreamingResponse):
    """A streaming answer that leaves the request to its reader, and then closes its resources.

    Starlette's own listens for a disconnect beside the stream, and eats the upload doing so.
    """

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], media_type: str, resources: AsyncExitStack
    ) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; the body's reader notices when the client goes away."""
        async with self._resources, aclosing(self._pieces):
            await self.stream_response(send)


async def stream(request: Request) -> Response:
    """Answers once the first audio was understood, so that a bad request gets its 4xx."""
    service: Service = request.app.state.service
    query = parse_stream_query(request.query_params, service)
    audience: Audience = request.app.state.audience
    audience.invited(query)
    layout = PcmLayout(query.rate, query.channels)
    service.admit()
    limits = service.config.limits
    async with AsyncExitStack() as stack:
        body = await stack.enter_async_context(_held(request.stream(), limits.waiting_body_bytes))
        decoded = await stack.enter_async_context(
            aclosing(decode(body, query.format, layout, limits.audio()))
        )
        try:
            with service.meters.arriving():
                async with asyncio.timeout(limits.idle_s):
                    started = await _started(decoded)
        except TimeoutError:
            raise idle_error(limits.idle_s) from None
        # The replica may have been told to go while nothing was said.
        service.floor.admit()
        audio = within(started, limits.session(), usage_of(request))
        media_type = SSE if SSE in request.headers.get("accept", "") else NDJSON
        told = _session_events(service, audience, query, audio, principal_of(request))
        return SendOnlyResponse(_lines(told, media_type), media_type, stack.pop_all())


@asynccontextmanager
async def _held(
    body: AsyncIterator[bytes], limit_bytes: int
) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
    """The body, taken off Serve, which holds any amount of it, and held here within a bound.

    The pieces end with TooFarAheadError or ClientDisconnect where the body did.
    """
    inbox: Inbox[bytes] = Inbox(limit_bytes, "limits.waiting_body_bytes")

    async def read() -> None:
        try:
            async for piece in body:
                inbox.put(piece)
        except TooFarAheadError as error:
            inbox.abandon(error)
            # Serve would keep the rest until the answer has ended.
            async for _ in body:
                pass
        except Exception as error:
            inbox.abandon(error)
        inbox.end()

    reading = asyncio.create_task(read())
    try:
        yield inbox.items()
    finally:
        inbox.end()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _started(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The pieces, the first audible one already here; raises what stands in its way."""
    first = b""
    while not first:
        first = await anext(pieces)

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return all_pieces()


async def _session_events(
    service: Service,
    audience: Audience,
    query: StreamQuery,
    audio: AsyncIterator[bytes],
    owner: Principal | None,
) -> AsyncGenerator[fx.Emit, None]:
    session = Session(f"s{uuid.uuid4().hex[:20]}", session_options(service, query))
    asked = query

    def serve_viewers(targets: tuple[str, ...]) -> None:
        nonlocal asked
        now = with_viewers_targets(asked, query.target, targets, service)
        if now is not None:
            asked = now
            runner.tell(fx.Configure(session_options(service, now), now.model_dump(mode="json")))

    invitation = audience.invited(query)
    sharing = audience.share(
        session.session_id, serve_viewers, query.target, invitation=invitation, owner=owner
    )
    seq = 0
    try:
        with service.open(session, "http") as runner:
            async with aclosing(runner.events(audio, query.model_dump(mode="json"))) as emitted:
                async for emit in emitted:
                    seq = emit.seq
                    yield sharing.pass_on(emit)
    except ClientDisconnect:
        logger.info("session %s: the client went away", session.session_id)
    except Exception:
        logger.exception("session %s failed", session.session_id)
        yield fx.Emit(seq + 1, events.Error("internal_error", "The session failed.", True))
        yield sharing.pass_on(fx.Emit(seq + 2, events.SessionClosed("error")))
    finally:
        sharing.close()


async def _lines(
    emitted: AsyncGenerator[fx.Emit, None], media_type: str
) -> AsyncGenerator[bytes, None]:
    async with aclosing(emitted):
        async for emit in emitted:
            wire = events.to_wire(emit.seq, emit.event)
            yield _as_sse(wire) if media_type == SSE else _as_ndjson(wire)


def _as_ndjson(wire: dict[str, Any]) -> bytes:
    return _json(wire) + b"\n"


def _as_sse(wire: dict[str, Any]) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (wire["type"].encode(), wire["seq"], _json(wire))


def _json(wire: dict[str, Any]) -> bytes:
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode()
