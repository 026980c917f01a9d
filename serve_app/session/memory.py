"""What a session carries from one utterance to the next: what was said, and in which language."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

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


NO_HINTS = Hints()


def switch_probability(window_samples: int) -> float:
    """How probable another language than the usual one has to be, to be believed."""
    short = window_samples < to_samples(SHORT_WINDOW_MS)
    return SHORT_SWITCH_PROBABILITY if short else SWITCH_PROBABILITY


class Memory:
    """Of the utterances that are over; bounded."""

    def __init__(self, context_characters: int, hotwords: str, earlier: Hints = NO_HINTS) -> None:
        """`earlier` is what a session that is taken up again remembered."""
        self._context_characters = context_characters
        self._hotwords = hotwords
        self._after: deque[tuple[int, Hints]] = deque([(0, replace(earlier, hotwords=hotwords))])

    @property
    def hints(self) -> Hints:
        """For the next utterance."""
        return self._after[-1][1]

    def configure(self, context_characters: int, hotwords: str) -> None:
        """From the next utterance on."""
        self._context_characters, self._hotwords = context_characters, hotwords
        self._replace_newest(replace(self.hints, hotwords=hotwords))

    def note(self, text: str, language: str, end: int) -> None:
        """An utterance is over at a sample, and this was said.

        Text of another language is no context.
        """
        before = self.hints
        context = before.context if language == before.usual_language else ""
        kept = newest(f"{context} {text.strip()}".rstrip(), self._context_characters)
        self._after.append((end, Hints(kept, self._hotwords, language)))

    def forget_text(self) -> None:
        """Text that was invented invites more of its kind: go on without any."""
        self._replace_newest(replace(self.hints, context=""))

    def hints_at(self, sample: int) -> Hints:
        """What was remembered of the utterances that end before a sample; forgets what was then
        forgotten already, so that samples may only rise."""
        while len(self._after) > 1 and self._after[1][0] <= sample:
            self._after.popleft()
        return self._after[0][1]

    def _replace_newest(self, hints: Hints) -> None:
        self._after[-1] = (self._after[-1][0], hints)


def newest(text: str, limit_characters: int) -> str:
    """The end of a text, from a word's beginning on."""
    if len(text) <= limit_characters:
        return text
    _, _, kept = text[len(text) - limit_characters :].partition(" ")
    return f" {kept}" if kept else ""
