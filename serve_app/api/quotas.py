"""Behind the guard: whether the caller's client has some of its share left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api.guard import PRINCIPAL, path_of, refuse
from serve_app.auth.keys import Principal
from serve_app.errors import ClientLimitError, DragomanError
from serve_app.limits.audio import Free, Spender
from serve_app.limits.desk import Desk

SESSION_DOORS = frozenset({"/v1/stream", "/v1/realtime", "/v1/realtime/translations"})
"""Whoever goes through one of these opens a live session."""
AUDIO_DOORS = ("/v1/audio/",)
"""By the beginning of their paths: they take files of audio."""

_USAGE = "dragoman.usage"


@dataclass(frozen=True, slots=True)
class Quotas:
    """ASGI middleware; a live session holds its place as long as it lasts."""

    app: ASGIApp
    desk: Desk
    count: Callable[[DragomanError], None]
    """Told of every refusal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the call through, and count what it uses."""
        principal: Principal | None = scope.get(PRINCIPAL)
        if principal is None:
            await self.app(scope, receive, send)
            return
        path = path_of(scope)
        session = path in SESSION_DOORS
        audio = session or path.startswith(AUDIO_DOORS)
        try:
            admission = await self.desk.admit(principal.client, session=session, audio=audio)
        except ClientLimitError as error:
            self.count(error)
            await refuse(error, scope, receive, send)
            return
        scope[_USAGE] = admission.usage
        try:
            await self.app(scope, receive, send)
        finally:
            self.desk.leave(admission)


def usage_of(connection: HTTPConnection) -> Spender:
    """Where the audio that a caller sends is counted."""
    usage: Spender | None = connection.scope.get(_USAGE)
    return Free() if usage is None else usage
