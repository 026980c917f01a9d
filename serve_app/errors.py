"""What a client did wrong or the server could not do: every error knows its own wire answer."""

from __future__ import annotations

from typing import Any


class DragomanError(Exception):
    """Base of all errors that a client is told about; the message says how to mend it."""

    status = 500
    type = "server_error"
    code = "internal_error"
    retryable = False
    retry_after_s: int | None = None
    """When the same request may work; None where that cannot be said."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.code

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to the answer."""
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}

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


class UnauthorizedError(InvalidRequestError):
    """The caller is not known."""

    status = 401
    code = "invalid_api_key"

    @property
    def headers(self) -> dict[str, str]:
        """How to show who one is (RFC 6750, 3)."""
        return {"www-authenticate": "Bearer"}


class ForbiddenError(InvalidRequestError):
    """The caller is known and may not do this."""

    status = 403
    code = "insufficient_scope"


class NotFoundError(InvalidRequestError):
    """There is nothing at this path."""

    status = 404
    code = "not_found"


class MethodNotAllowedError(InvalidRequestError):
    """The path exists and the method does not."""

    status = 405
    code = "method_not_allowed"


class TooLargeError(InvalidRequestError):
    """The request holds more than the server takes."""

    status = 413
    code = "too_large"


class BusyError(DragomanError):
    """The server does as much of this as it takes on at a time."""

    status = 429
    type = "rate_limit_error"
    code = "busy"
    retryable = True
    retry_after_s = 5


class ClientLimitError(DragomanError):
    """This client has used up its share."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    retryable = True

    def __init__(self, message: str, *, code: str, retry_after_s: int) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class UriTooLongError(InvalidRequestError):
    """The URL is longer than the server takes."""

    status = 414
    code = "uri_too_long"


class HeadersTooLargeError(InvalidRequestError):
    """The headers are larger than the server takes."""

    status = 431
    code = "headers_too_large"


class UnavailableError(DragomanError):
    """A stage cannot answer now."""

    status = 503
    code = "unavailable"
    retryable = True
    retry_after_s = 2


class OverloadedError(UnavailableError):
    """One more session would harm those that are here."""

    code = "overloaded"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"The server has as many sessions as it can serve well. Try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s
