"""How large the parts of a request and of a message may be, before anybody reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api.guard import refuse
from serve_app.errors import (
    DragomanError,
    HeadersTooLargeError,
    InvalidRequestError,
    TooLargeError,
    UriTooLongError,
)
from serve_app.limits.settings import LimitSettings

# Possessive, and its end may be missing: else one without an end is looked through again and again.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.S)
_OPENING, _BRACKET = "[{", re.compile(r"[\[\]{}]")


class MessageTooLargeError(InvalidRequestError):
    """A message on a WebSocket holds more than the server takes."""

    status = 413
    code = "message_too_large"


@dataclass(frozen=True, slots=True)
class Bounds:
    """ASGI middleware for the query and the headers."""

    app: ASGIApp
    limits: LimitSettings
    count: Callable[[DragomanError], None]
    """Told of every refusal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let what is small enough through."""
        if scope["type"] in ("http", "websocket") and (error := self._problem(scope)):
            self.count(error)
            await refuse(error, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _problem(self, scope: Scope) -> DragomanError | None:
        query_bytes = len(scope.get("query_string", b""))
        if query_bytes > self.limits.query_bytes:
            return UriTooLongError(
                f"The query of the URL has {query_bytes} bytes, and may have "
                f"{self.limits.query_bytes} (limits.query_bytes). Long glossaries go into a config "
                "message of WS /v1/stream."
            )
        header_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
        if header_bytes > self.limits.header_bytes:
            return HeadersTooLargeError(
                f"The headers have {header_bytes} bytes, and may have {self.limits.header_bytes} "
                "(limits.header_bytes)."
            )
        return None


def require_message(message: str | bytes, limits: LimitSettings) -> None:
    """Raise MessageTooLargeError, InvalidRequestError for what no client need send."""
    if isinstance(message, bytes) or message.isascii():
        size_bytes = len(message)
    else:
        size_bytes = len(message.encode(errors="surrogatepass"))
    if size_bytes > limits.message_bytes:
        raise MessageTooLargeError(
            f"A message has {size_bytes} bytes, and may have {limits.message_bytes} "
            "(limits.message_bytes). Send audio in smaller pieces, best of 20 to 250 ms."
        )
    if isinstance(message, str):
        require_depth(message, limits)


def require_depth(text: str, limits: LimitSettings) -> None:
    """Raise InvalidRequestError for JSON that is nested too deeply; it need not be valid."""
    most = limits.json_depth
    # Nearly all messages have fewer brackets than that, and one of the others is looked through.
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in _OPENING else -1
        if depth > most:
            raise InvalidRequestError(
                f"The JSON is nested more than {most} deep (limits.json_depth).",
                code="json_too_deep",
            )


async def json_body(request: Request, limits: LimitSettings) -> bytes:
    """A whole body of JSON; raises TooLargeError, InvalidRequestError, ClientDisconnect."""
    body = bytearray()
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limits.json_bytes:
        raise _too_large(limits)
    async for piece in request.stream():
        body += piece
        if len(body) > limits.json_bytes:
            raise _too_large(limits)
    require_depth(body.decode(errors="replace"), limits)
    return bytes(body)


def _too_large(limits: LimitSettings) -> TooLargeError:
    return TooLargeError(
        f"The body is larger than {limits.json_bytes} bytes (limits.json_bytes); split it into "
        "several requests."
    )
