"""What a client must remember of a session to take it up again after it was cut off."""

from __future__ import annotations

from typing import Any

from serve_app.session import events
from serve_app.session.events import Event
from serve_app.session.holdings import Holdings


class Memory:
    """Feed it every event of the session; it forgets what is acknowledged, as the server does."""

    def __init__(self) -> None:
        self.acked_ms = 0
        """Audio from here on must be kept, and replayed."""
        self.resume_token: str | None = None
        self._held = Holdings()

    def note(self, event: Event) -> None:
        """The next event that came in."""
        self._held.note(event)
        match event:
            case events.SessionUpdated(resume_token=token):
                self.resume_token = token
            case events.SessionCreated() | events.Ack():
                self.acked_ms, self.resume_token = event.acked_ms, event.resume_token

    def message(self) -> dict[str, Any]:
        """What to send first on the new connection; then the audio from `acked_ms` on."""
        return {
            "type": "config",
            "resume_token": self.resume_token,
            "segments": self._held.messages(),
        }
