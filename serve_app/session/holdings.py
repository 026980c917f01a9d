"""What a client was told of a session that is not acknowledged yet, from the events it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from serve_app.session import events
from serve_app.session.events import Event


@dataclass(slots=True)
class _Held:
    """A segment as it was told so far."""

    utterance_id: str
    start_ms: int
    end_ms: int
    language: str
    text: str = ""
    closed: bool = False
    translations: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Text and whether it is all of it, by target."""

    def message(self, segment_id: str) -> dict[str, Any]:
        return {
            "segment_id": segment_id,
            "utterance_id": self.utterance_id,
            "text": self.text,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "language": self.language,
            "closed": self.closed,
            "translations": [
                {"target": target, "text": text, "closed": closed}
                for target, (text, closed) in self.translations.items()
            ],
        }


class Holdings:
    """Feed it every event of the session; it forgets what is acknowledged, as the server does."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def note(self, event: Event) -> None:
        """The next event that was told."""
        match event:
            case events.TranscriptCommitted():
                self._grow(event)
            case events.TranslationCommitted(segment_id, target, text, closed):
                if segment_id in self._held:
                    told = self._held[segment_id].translations
                    told[target] = (told.get(target, ("", False))[0] + text, closed)
            case events.Ack(acked_ms):
                self._held = {k: held for k, held in self._held.items() if held.end_ms > acked_ms}

    def take_up(self, messages: list[dict[str, Any]]) -> None:
        """What was held when the session was cut off."""
        for message in messages:
            rest = {k: v for k, v in message.items() if k not in ("segment_id", "translations")}
            told = {t["target"]: (t["text"], t["closed"]) for t in message["translations"]}
            self._held[message["segment_id"]] = _Held(**rest, translations=told)

    def messages(self) -> list[dict[str, Any]]:
        """The segments as resuming wants them, oldest first."""
        return [held.message(segment_id) for segment_id, held in self._held.items()]

    def _grow(self, event: events.TranscriptCommitted) -> None:
        held = self._held.setdefault(
            event.segment_id,
            _Held(event.utterance_id, event.start_ms, event.end_ms, event.language),
        )
        held.text += event.text
        held.end_ms, held.closed = event.end_ms, event.closed
