"""What the client itself has to tell among the server's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from serve_app.session.events import Event


@dataclass(frozen=True, slots=True)
class Reconnecting(Event):
    """The connection is lost; the client keeps the audio and will take the session up again."""

    type: ClassVar[str] = "client.reconnecting"
    why: str
    url: str
    """Where it connects to next."""
    attempt: int
    """1 for the first since anything was dealt with."""
    delay_ms: int
    """How long it waits before."""


@dataclass(frozen=True, slots=True)
class Reconnected(Event):
    """The session goes on as if nothing had happened."""

    type: ClassVar[str] = "client.reconnected"
    url: str
    acked_ms: int
    """Audio from here on is sent again."""
