"""From aligned tokens to words with times; pure, knows no model."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deployments.engines.tokens import REPLACEMENT
from deployments.languages import UNSPACED
from deployments.types import Word

ALIGNMENT_STEP_SAMPLES = 320
"""One step of the encoder's time axis: 20 ms."""

_OPENING = "\"'“‘«„¿¡([{-「『（"  # noqa: RUF001
_CLOSING = "\"'.。,，!！?？:：;；”’»)]}、…」』）"  # noqa: RUF001
_PUNCTUATION = frozenset(string.punctuation + _OPENING + _CLOSING)
_SENTENCE_END = tuple(".。!！?？")
_LONGEST_TYPICAL_WORD_SAMPLES = 11_200


class WordSplitter(Protocol):
    """The part of faster-whisper's tokenizer that is needed here."""

    language_code: str

    @property
    def eot(self) -> int:
        """The end token."""
        ...

    def split_to_word_tokens(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        """Texts and tokens of the words."""
        ...


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where tokens lie in the window: `starts[i]` for token i, and one more for the end."""

    starts: NDArray[np.int64]
    """Samples from the start of the window, not decreasing, shape (tokens + 1,)."""
    probabilities: Sequence[float]

    @classmethod
    def from_path(
        cls, path: Sequence[tuple[int, int]], probabilities: Sequence[float], limit_samples: int
    ) -> Alignment:
        """Read a DTW path of (token, frame) pairs; no time lies beyond `limit_samples`."""
        tokens, frames = np.array(path, dtype=np.int64).reshape(-1, 2).T
        is_first = np.diff(tokens, prepend=-1) > 0
        starts = np.minimum(frames[is_first] * ALIGNMENT_STEP_SAMPLES, limit_samples)
        return cls(starts, probabilities)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or a mark as the tokenizer splits them: tokens [first, last)."""

    text: str
    first: int
    last: int

    @property
    def is_mark(self) -> bool:
        return all(character in _PUNCTUATION for character in self.text.strip())


def words_after_prefix(
    splitter: WordSplitter, tokens: Sequence[int], prefix_count: int, alignment: Alignment
) -> tuple[Word, ...]:
    """Words of `tokens[prefix_count:]`.

    What hangs on the last word of the prefix comes as a word without a leading space.
    """
    pieces = _split(splitter, tokens[prefix_count:], offset=prefix_count)
    unspaced = splitter.language_code in UNSPACED
    groups = _group_unspaced(pieces) if unspaced else _group_spaced(pieces)
    words = [_word(group, alignment) for group in groups]
    return tuple(_shorten_after_pauses(words, starts_window=prefix_count == 0))


def _split(splitter: WordSplitter, tokens: Sequence[int], offset: int) -> list[_Piece]:
    # The end token closes the last word; it comes back as a piece of its own.
    texts, token_groups = splitter.split_to_word_tokens([*tokens, splitter.eot])
    pieces = []
    for text, group in zip(texts[:-1], token_groups[:-1], strict=True):
        pieces.append(_Piece(text, offset, offset + len(group)))
        offset += len(group)
    # Where the decoder was cut off, the last character may be half there.
    while pieces and REPLACEMENT in pieces[-1].text:
        pieces.pop()
    return pieces


def _group_spaced(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """A word begins at a space, unless only opening marks lie since the last one."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        if groups and (not piece.text.startswith(" ") or _opens(groups[-1])):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return _with_text(groups)


def _group_unspaced(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """A word is a character, with the marks that hang on it."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        closes = piece.is_mark and piece.text.strip() not in _OPENING
        if groups and (closes or _opens(groups[-1])):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return _with_text(groups)


def _opens(group: Sequence[_Piece]) -> bool:
    """True for opening marks (or a bare space) that still wait for their word."""
    return all(piece.text.strip() in _OPENING for piece in group)


def _with_text(groups: Sequence[list[_Piece]]) -> list[list[_Piece]]:
    return [group for group in groups if any(piece.text.strip() for piece in group)]


def _word(group: Sequence[_Piece], alignment: Alignment) -> Word:
    # Marks make no sound: their stretch is a pause, their probability not that of the word.
    spoken = [piece for piece in group if not piece.is_mark] or list(group)
    start, end = alignment.starts[spoken[0].first], alignment.starts[spoken[-1].last]
    heard = [p for piece in spoken for p in alignment.probabilities[piece.first : piece.last]]
    return Word(
        text="".join(piece.text for piece in group),
        start_samples=int(start),
        end_samples=int(end),
        probability=float(np.mean(heard)),
        attended_samples=int(alignment.starts[spoken[-1].last - 1]),
    )


def _shorten_after_pauses(words: Sequence[Word], *, starts_window: bool) -> list[Word]:
    """Alignment leaves no gaps, so a pause counts as part of the word after it; cut it off."""
    durations = [w.end_samples - w.start_samples for w in words if w.end_samples > w.start_samples]
    if not durations:
        return list(words)
    longest = 2 * min(int(median(durations)), _LONGEST_TYPICAL_WORD_SAMPLES)
    shortened = []
    after_pause = starts_window
    for word in words:
        start = max(word.start_samples, word.end_samples - longest)
        shortened.append(replace(word, start_samples=start) if after_pause else word)
        after_pause = word.text.endswith(_SENTENCE_END)
    return shortened
