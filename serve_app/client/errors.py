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
        what = f"HTTP {status}, {code}" if code else f"HTTP {status}"
        super().__init__(f"The server rejected the request: {message} ({what})")
        self.status = status
        self.message = message
        self.param = param
        """The query key at fault, where there is one."""
        self.code = code


class NoSessionError(ClientError):
    """Servers answer, and none of them begins a session."""

    def __init__(self, url: str, why: str, limit_s: float) -> None:
        super().__init__(
            f"No session was begun within {limit_s:g} s; {url} said: {why}. Try again later, or "
            "name another server with --url."
        )


class SessionRefusedError(ClientError):
    """The server ended the session, and the same again would fail again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"The server refused the session: {message} ({code})")
        self.code = code
        """As in docs/protocol.md."""
        self.message = message


class SessionLostError(ClientError):
    """The server does not take the session up again."""

    def __init__(self, code: str, message: str, acked_ms: int) -> None:
        super().__init__(
            f"The session cannot be taken up again: {message} ({code}) What was committed stands; "
            f"send the audio from {acked_ms / 1000:.1f} s on in a new session."
        )
        self.code = code
        self.acked_ms = acked_ms


class KeptAudioFullError(ClientError):
    """Audio comes in and none of it is acknowledged, for too long."""

    def __init__(self, limit_s: float, acked_ms: int) -> None:
        super().__init__(
            f"{limit_s:g} s of audio wait for the server to acknowledge them, since "
            f"{acked_ms / 1000:.1f} s: it is out of reach or too slow. Wait for room with send(), "
            "or keep more with max_kept_s."
        )
        self.acked_ms = acked_ms


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
