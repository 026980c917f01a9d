"""Words at the edge of a new window that were committed out of the window before it."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.types import Word
from serve_app.session.audio import to_samples
from serve_app.session.policies.base import same_word

MAX_REPEATED_WORDS = 5
"""As in whisper_streaming."""
SAME_SOUND_MS = 240
"""Words that end this soon after the committed ones were not said again: they are their echo.
whisper_streaming allows a second, and so drops a word that is said twice."""


def without_echo(words: tuple[Word, ...], committed: Sequence[Word]) -> tuple[Word, ...]:
    """The words without those at their beginning that end the committed ones as well.

    A window that begins where committed text ends still holds the sound of its last word.
    """
    for count in range(min(MAX_REPEATED_WORDS, len(words), len(committed)), 0, -1):
        repeated = all(map(same_word, words, committed[-count:]))
        until = committed[-1].end_samples + to_samples(SAME_SOUND_MS)
        if repeated and words[count - 1].end_samples <= until:
            return words[count:]
    return words


def as_words(text: str, end_samples: int) -> tuple[Word, ...]:
    """Committed text to compare with; of its words only the end of the last is known."""
    newest = text.split()[-MAX_REPEATED_WORDS:]
    return tuple(Word(word, end_samples, end_samples, 1.0) for word in newest)
