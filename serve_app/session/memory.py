"""What a session carries from one utterance to the next: what was said, and in which language."""

from __future__ import annotations

from dataclasses import dataclass

from serve_app.session.audio import to_samples

SHORT_WINDOW_MS = 1_500
SHORT_SWITCH_PROBABILITY = 0.7
"""A window this short tells little about its language, and another than the usual one has to be as
probable as this. The bundled model is right, and surer than this, from 650 ms on."""
SWITCH_PROBABILITY = 0.5
"""In a longer window; half is what is left to all other languages together."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the recogniser may know before it hears an utterance."""

    context: str = ""
    """What was said before."""
    hotwords: str = ""
    usual_language: str | None = None


def switch_probability(window_samples: int) -> float:
    """How probable another language than the usual one has to be, to be believed."""
    short = window_samples < to_samples(SHORT_WINDOW_MS)
    return SHORT_SWITCH_PROBABILITY if short else SWITCH_PROBABILITY


class Memory:
    """Of the utterances that are over; bounded."""

    def __init__(self, context_characters: int, hotwords: str) -> None:
        self._context_characters = context_characters
        self._hints = Hints(hotwords=hotwords)

    @property
    def hints(self) -> Hints:
        """For the next utterance."""
        return self._hints

    def note(self, text: str, language: str) -> None:
        """An utterance is over, and this was said; text of another language is no context."""
        before = self._hints
        context = before.context if language == before.usual_language else ""
        kept = newest(f"{context} {text.strip()}".rstrip(), self._context_characters)
        self._hints = Hints(kept, before.hotwords, language)

    def forget_text(self) -> None:
        """Text that was invented invites more of its kind: go on without any."""
        self._hints = Hints("", self._hints.hotwords, self._hints.usual_language)


def newest(text: str, limit_characters: int) -> str:
    """The end of a text, from a word's beginning on."""
    if len(text) <= limit_characters:
        return text
    _, _, kept = text[len(text) - limit_characters :].partition(" ")
    return f" {kept}" if kept else ""
