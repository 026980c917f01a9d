"""What browsers are told and held to: which pages may call, and how answers may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.guard import refuse
from serve_app.auth.settings import ANY_ORIGIN, BrowserSettings
from serve_app.errors import ForbiddenError

PREFLIGHT_S = 600
SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every answer that does not say it otherwise, as the page does."""


def browser_layers(settings: BrowserSettings, *, own_pages: bool) -> list[Middleware]:
    """From the outside in; they stand in front of the guard, so that refusals can be read.

    `own_pages`: whether sockets of all others are refused.
    """
    layers = [Middleware(SecurityHeaders)]
    if settings.origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=["GET", "POST", "PUT"],
                allow_headers=["authorization", "content-type", "last-event-id", "x-request-id"],
                expose_headers=["retry-after", "www-authenticate", "x-request-id"],
                max_age=PREFLIGHT_S,
            )
        )
    if own_pages:
        layers.append(Middleware(SocketOrigins, settings.origins))
    return layers


@dataclass(frozen=True, slots=True)
class SecurityHeaders:
    """Adds the headers that browsers heed."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers leave with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


@dataclass(frozen=True, slots=True)
class SocketOrigins:
    """Refuses WebSockets of foreign pages, to which CORS does not apply."""

    app: ASGIApp
    origins: tuple[str, ...]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Programs send no origin; browsers always do."""
        if scope["type"] == "websocket":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and not self._allowed(origin, headers.get("host", "")):
                refusal = ForbiddenError(
                    f"Pages of {origin[:200]} may not open sockets here; browsers.origins in the "
                    "configuration says which may.",
                    code="foreign_origin",
                )
                await refuse(refusal, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _allowed(self, origin: str, host: str) -> bool:
        # Without the scheme: in front of the server TLS may have ended.
        return (
            ANY_ORIGIN in self.origins or origin in self.origins or urlsplit(origin).netloc == host
        )
