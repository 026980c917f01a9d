"""Which words of successive hypotheses may be committed. Knows no audio and no model."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Protocol

from deployments.types import Word


@dataclass(frozen=True, slots=True)
class Decision:
    """Words that became final, and the tail that may still change."""

    committed: tuple[Word, ...]
    volatile: tuple[Word, ...]


class CommitPolicy(Protocol):
    """Decides over the hypotheses of one utterance; each one starts where committed text ends."""

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Take the next hypothesis; `heard_until` is the end of the audio behind it."""
        ...


class LocalAgreement:
    """LocalAgreement-2: a word is final when two successive hypotheses agree on it and all before.

    Liu et al. 2020 (https://arxiv.org/abs/2005.11185), as used for live Whisper by Macháček et al.
    2023 (https://aclanthology.org/2023.ijcnlp-demo.3). Words are compared without case and
    punctuation. A word that touches the end of what was heard may be half a word, and waits.
    """

    def __init__(self, edge_guard_samples: int) -> None:
        self._edge_guard = edge_guard_samples
        self._previous: tuple[Word, ...] = ()

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Compare with the hypothesis before; positions share the unit of `Word.end_samples`."""
        agreed = 0
        for before, now in zip(self._previous, words, strict=False):
            if normalise(before.text) != normalise(now.text):
                break
            if now.end_samples > heard_until - self._edge_guard:
                break
            agreed += 1
        self._previous = words[agreed:]
        return Decision(committed=words[:agreed], volatile=words[agreed:])


def normalise(text: str) -> str:
    """A word as it is compared: case folded, punctuation and symbols off."""
    letters = (c for c in text.casefold() if unicodedata.category(c)[0] not in "PSZ")
    return "".join(letters)
