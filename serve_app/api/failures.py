"""What the stages raise, as the errors that clients are told about."""

from __future__ import annotations

from deployments.types import (
    EngineError,
    SourceTooLongError,
    StageUnavailableError,
    UnsupportedLanguageError,
)
from serve_app.errors import DragomanError, InvalidRequestError, UnavailableError


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
