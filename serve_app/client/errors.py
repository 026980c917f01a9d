"""What can go wrong between a client and its server; every message says what to do."""

from __future__ import annotations


class ClientError(Exception):
    """Base: the message is fit to be shown as it is."""


class UsageError(ClientError):
    """The command line or the local file cannot be used as given."""


class ServerUnreachableError(ClientError):
    """Nobody answers at the address."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"No server answers at {url} ({why}). Start one with `make serve` (or "
            "`serve run serve_config.yaml`), or name another with --url."
        )
        self.url = url


class RequestRejectedError(ClientError):
    """The server answered with an error object instead of events."""

    def __init__(self, status: int, message: str, *, param: str | None, code: str | None) -> None:
        super().__init__(f"The server rejected the request: {message} (HTTP {status}, {code})")
        self.status = status
        self.message = message
        self.param = param
        """The query key at fault, where there is one."""
        self.code = code


class ConnectionBrokenError(ClientError):
    """The events stopped before `session.closed`."""

    def __init__(self, why: str, acked_ms: int) -> None:
        super().__init__(
            f"The connection broke before the session was closed ({why}). What was committed "
            f"stands; audio from {acked_ms / 1000:.1f} s on must be sent again."
        )
        self.acked_ms = acked_ms


class MalformedEventError(ClientError):
    """The server sent something that is no event."""
