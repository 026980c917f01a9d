"""What a session has come to, in the order in which it must leave."""

from __future__ import annotations

from serve_app.session import effects as fx
from serve_app.session.events import Event
from serve_app.session.resume import ResumePoint


class Telling:
    """Collects events and requests until they are taken; numbers the events from 1."""

    def __init__(self) -> None:
        self._seq = 0
        self._told: list[fx.Effect] = []
        self._asked: list[fx.Effect] = []

    def tell(self, event: Event, resume: ResumePoint | None = None) -> None:
        """The client is told; `resume` is what a token in the event is to say."""
        self._seq += 1
        self._told.append(fx.Emit(self._seq, event, resume))

    def ask(self, request: fx.RunVad | fx.RunAsr | fx.RunMt | fx.Finish) -> None:
        """A stage is asked, or nothing ever again."""
        self._asked.append(request)

    def effects(self) -> list[fx.Effect]:
        """All since the last call: events before requests, so that no answer overtakes an event."""
        effects = self._told + self._asked
        self._told, self._asked = [], []
        return effects
