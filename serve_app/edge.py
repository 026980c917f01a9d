"""In front of Serve's proxy: takes away what clients could change their service with, and haste.

Ray Serve obeys these headers from anybody, before the ingress sees the request (Ray 2.60,
`serve/_private/proxy.py`): a client could end its own session early, keep a replica at work for
nobody, or choose its replica. Serve calls `proxy_middlewares` in every proxy whose environment has
RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serve_app.edge:proxy_middlewares (`dragoman serve` has).

The proxy takes whatever is sent, as fast as it comes, and all who share it wait meanwhile. So a
request or WebSocket is read at a bounded pace, and the network holds the rest back.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALLBACK_VARIABLE = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
CALLBACK = "serve_app.edge:proxy_middlewares"
SESSION_VARIABLE = "RAY_SERVE_SESSION_ID_HEADER_KEY"
"""Ray's name for the header that it routes by."""

AT_ONCE_BYTES = 1 << 19
"""Of one request or WebSocket. What waits in the proxy goes to the replica in one message, and a
large one through Ray's object store, whose pages stay in memory once they were used."""
PER_S_BYTES = 8 << 20
"""After that: 250 times what a stream of 16 kHz PCM has."""

REQUEST_ID = b"x-request-id"
_GOOD_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_OBEYED = frozenset(
    {b"x-request-timeout-seconds", b"x-request-disconnect-disabled", b"serve-multiplexed-model-id"}
)
_ROUTER = b"x-serve-router-"

NOT_IN_FRONT = (
    f"{CALLBACK_VARIABLE} is not set to {CALLBACK}: clients can change their own timeouts with "
    "headers that Ray Serve obeys. Set it where Ray is started (docs/security.md)."
)


def proxy_middlewares() -> list[Middleware]:
    """What Serve puts in front of its proxy."""
    session_header = os.environ.get(SESSION_VARIABLE, "x-session-id")
    return [Middleware(HeaderFilter, _normal(session_header.encode())), Middleware(ReadingPace)]


@dataclass(frozen=True, slots=True)
class ReadingPace:
    """ASGI middleware that reads so much at once of a request, and then so much a second."""

    app: ASGIApp
    at_once_bytes: int = AT_ONCE_BYTES
    per_s_bytes: int = PER_S_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes, none of it before it is due."""
        loop = asyncio.get_running_loop()
        full_s = self.at_once_bytes / self.per_s_bytes
        read_until_s = loop.time()

        async def paced() -> Message:
            nonlocal read_until_s
            message = await receive()
            read_until_s = max(read_until_s, loop.time()) + _size(message) / self.per_s_bytes
            if (wait_s := read_until_s - full_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            return message

        await self.app(scope, paced, send)


@dataclass(frozen=True, slots=True)
class HeaderFilter:
    """ASGI middleware without the headers that Serve would obey, and with ids fit for a log."""

    app: ASGIApp
    session_header: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is left."""
        if scope["type"] in ("http", "websocket"):
            scope["headers"] = [
                (name, value) for name, value in scope["headers"] if self._passes(name, value)
            ]
        await self.app(scope, receive, send)

    def _passes(self, name: bytes, value: bytes) -> bool:
        plain = _normal(name)
        if plain == REQUEST_ID:
            return _GOOD_REQUEST_ID.fullmatch(value) is not None
        return not (plain in _OBEYED or plain == self.session_header or plain.startswith(_ROUTER))


def _size(message: Message) -> int:
    """Bytes of a piece of a body, or of a message on a WebSocket."""
    return len(message.get("body") or message.get("bytes") or message.get("text") or b"")


def _normal(name: bytes) -> bytes:
    """As Serve compares names: without regard to case, and to which of - and _ it is."""
    return name.lower().replace(b"_", b"-")
