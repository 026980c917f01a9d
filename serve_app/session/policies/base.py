"""What all policies share: the interface, the decision, and how words compare."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from deployments.types import Word


@dataclass(frozen=True, slots=True)
class Decision:
    """Words that became final, and the tail that may still change."""

    committed: tuple[Word, ...]
    volatile: tuple[Word, ...]


class CommitPolicy(Protocol):
    """Decides over the hypotheses of one utterance; each one starts where committed text ends.

    The last decode of an utterance is not its business: that commits all.
    """

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Take the next hypothesis; `heard_until` is the end of the audio behind it."""
        ...


def commit_while(words: tuple[Word, ...], is_final: Iterable[bool], hold_back: int) -> Decision:
    """Commit up to the first word that is not final; the `hold_back` newest never are."""
    may_go = max(0, len(words) - hold_back)
    count = min(may_go, sum(1 for _ in takewhile(bool, is_final)))
    return Decision(committed=words[:count], volatile=words[count:])


def agreement(before: tuple[Word, ...], now: tuple[Word, ...]) -> int:
    """How many words two hypotheses begin with in common, case and punctuation apart."""
    pairs = zip(before, now, strict=False)
    return sum(1 for _ in takewhile(lambda pair: same_word(*pair), pairs))


def same_word(one: Word, other: Word) -> bool:
    """Whether two words are one, case and punctuation apart."""
    return normalise(one.text) == normalise(other.text)


def normalise(text: str) -> str:
    """A word as it is compared: case folded, punctuation and symbols off."""
    letters = (c for c in text.casefold() if unicodedata.category(c)[0] not in "PSZ")
    return "".join(letters)


def is_clear(word: Word, heard_until: int, guard_samples: int) -> bool:
    """Whether the decoder looked well before the last audio heard when it said the word's end.

    An engine that does not tell where it looked has the word's end taken for it, which is later.
    """
    attended = word.end_samples if word.attended_samples is None else word.attended_samples
    return attended <= heard_until - guard_samples
