"""In front of the guard: every call of a door that is not for everybody is noted in the audit log.

Sessions note themselves what becomes of them (serve_app/api/service.py); this notes the rest, and
what never became a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from serve_app.api.guard import PRINCIPAL, is_for_everybody
from serve_app.audit import Call, current_call
from serve_app.errors import DragomanError

UNKNOWN_DOOR = "unknown"
"""Paths that lead nowhere are not noted: they may hold anything."""
CLIENT_GONE = "client_gone"


@dataclass(frozen=True, slots=True)
class Auditing:
    """ASGI middleware."""

    app: ASGIApp
    doors: Sequence[BaseRoute]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, and note how it ended."""
        if scope["type"] not in ("http", "websocket") or is_for_everybody(scope):
            await self.app(scope, receive, send)
            return
        call = Call(self._door(scope), (scope.get("client") or ("",))[0])
        current_call.set(call)
        status: int | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.close":
                    status = message.get("code", 1000)
            call.principal = scope.get(PRINCIPAL)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except (ClientDisconnect, WebSocketDisconnect):
            raise
        except Exception:
            # Whoever is outside answers it with a 500.
            status, call.code = DragomanError.status, call.code or DragomanError.code
            raise
        finally:
            if call.session_id is None:
                _note_end(call, status)

    def _door(self, scope: Scope) -> str:
        method = "WS" if scope["type"] == "websocket" else scope["method"]
        for route in self.doors:
            if isinstance(route, Route | WebSocketRoute):
                match, _ = route.matches(scope)
                if match is not Match.NONE:
                    return f"{method} {route.path}"
        return f"{method} {UNKNOWN_DOOR}"


def _note_end(call: Call, status: int | None) -> None:
    if status is None:
        call.code = call.code or CLIENT_GONE
    is_good = status is not None and (status < 400 or status == 1000)
    call.note("served" if is_good else "refused", status=status)
