"""What a client did wrong or the server could not do: every error knows its own wire answer."""

from __future__ import annotations

from typing import Any


class DragomanError(Exception):
    """Base of all errors that a client is told about; the message says how to mend it."""

    status = 500
    type = "server_error"
    code = "internal_error"
    retryable = False

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.code

    def to_wire(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


class InvalidRequestError(DragomanError):
    """The request is malformed or asks for what is not served."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class InvalidAudioError(InvalidRequestError):
    """The body is not audio that can be read."""

    code = "invalid_audio"


class NotFoundError(InvalidRequestError):
    """There is nothing at this path."""

    status = 404
    code = "not_found"


class MethodNotAllowedError(InvalidRequestError):
    """The path exists and the method does not."""

    status = 405
    code = "method_not_allowed"
