"""One WebSocket to one server: opened, read, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from serve_app.client.errors import (
    MalformedEventError,
    RequestRejectedError,
    ServerUnreachableError,
)
from serve_app.client.stream import short_reason
from serve_app.client.wire import Received, decode_line

PATH = "/v1/stream"
CONNECT_TIMEOUT_S = 10.0
HEARTBEAT_S = 20.0
"""A connection on which nothing comes back for half as long again is dead, whatever TCP says."""
CUT_CODE = 1006
"""Of a connection that ended without a close frame (RFC 6455, 7.4.1)."""

MAX_RETRY_AFTER_S = 60.0
"""No server is left alone for longer, whatever it says."""

RETRYABLE_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS = {
    401: "Give an API key: api_key=..., or DRAGOMAN_API_KEY for the command.",
    403: "The API key does not allow this.",
    404: f"There is no {PATH} here. Is this a Dragoman server?",
}


class NoConnectionError(Exception):
    """This attempt failed; another may not."""

    def __init__(self, why: str, *, absent: bool = False, wanted_s: float = 0) -> None:
        super().__init__(why)
        self.why = why
        self.absent = absent
        """Whether nobody answers at all."""
        self.wanted_s = wanted_s
        """How long the server wants to be left alone."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How a connection ended."""

    code: int
    why: str


def new_http(api_key: str | None) -> aiohttp.ClientSession:
    """What all connections of a session are opened with."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
    return aiohttp.ClientSession(headers=headers, timeout=timeout)


def require_http_url(url: str) -> None:
    """Raises ServerUnreachableError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ServerUnreachableError(url, "this is no http:// URL")


class Connection:
    """A socket on which one session speaks."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.closed: Closed | None = None
        """Set once `events` has come to its end."""

    async def say(self, message: Mapping[str, Any]) -> None:
        """A config or the end."""
        await self._socket.send_json(message)

    async def speak(self, pcm: bytes) -> None:
        """Audio; waits where the network is slower."""
        await self._socket.send_bytes(pcm)

    async def events(self) -> AsyncGenerator[Received, None]:
        """What the server says until the connection ends; raises MalformedEventError."""
        while self.closed is None:
            message = await self._socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    yield decode_line(message.data.encode())
                case aiohttp.WSMsgType.BINARY:
                    raise MalformedEventError("The server sent bytes. Is this a Dragoman server?")
                case aiohttp.WSMsgType.CLOSE:
                    self.closed = Closed(message.data or CUT_CODE, message.extra or "")
                case _:
                    code = self._socket.close_code or CUT_CODE
                    self.closed = Closed(code, "the connection was cut")


@asynccontextmanager
async def connected(http: aiohttp.ClientSession, url: str) -> AsyncIterator[Connection]:
    """Raises NoConnectionError; RequestRejectedError where trying again is of no use."""
    try:
        socket = await http.ws_connect(f"{url.rstrip('/')}{PATH}", heartbeat=HEARTBEAT_S)
    except aiohttp.WSServerHandshakeError as error:
        if error.status in RETRYABLE_STATUS:
            raise NoConnectionError(
                f"HTTP {error.status}", wanted_s=_retry_after_s(error.headers)
            ) from error
        hint = _HINTS.get(error.status, error.message)
        raise RequestRejectedError(error.status, hint, param=None, code=None) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NoConnectionError(short_reason(error), absent=True) from error
    async with socket:
        yield Connection(socket)


def _retry_after_s(headers: Mapping[str, str] | None) -> float:
    """RFC 9110, 10.2.3, where it is a number of seconds; ours never send a date."""
    text = (headers or {}).get("Retry-After", "")
    return min(float(text), MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0.0
