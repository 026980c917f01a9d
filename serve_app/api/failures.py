"""What goes wrong, as the errors that clients are told about, and as what may be logged of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from deployments.types import (
    EngineError,
    SourceTooLongError,
    StageUnavailableError,
    UnsupportedLanguageError,
)
from serve_app.errors import DragomanError, InvalidRequestError, UnavailableError

logger = logging.getLogger("ray.serve")


class RequestFailedError(Exception):
    """Something went wrong; a line of the replica's log before it says where."""


@dataclass(frozen=True, slots=True)
class Withholding:
    """ASGI middleware that logs what nobody expected, and lets out an error that quotes nothing.

    Serve's proxy logs the messages of all that a replica raises, and those may be what was said.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        try:
            await self.app(scope, receive, send)
        except (ClientDisconnect, WebSocketDisconnect):
            raise
        except Exception:
            logger.exception("a request failed")
            raise RequestFailedError from None


def as_known(error: Exception) -> DragomanError:
    """The error with a wire answer that stands for any error."""
    match error:
        case DragomanError():
            return error
        case UnsupportedLanguageError() | SourceTooLongError():
            return InvalidRequestError(f"{error}.", code=error.code)
        case StageUnavailableError():
            return UnavailableError("A stage has no replica that can answer now; try again.")
        case TimeoutError():
            return UnavailableError("A stage did not answer in time; try again.")
        case EngineError():
            return DragomanError(f"A stage failed: {error}.", code="stage_failed")
        case _:
            return DragomanError("Something went wrong on the server; its log tells more.")
