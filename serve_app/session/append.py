"""What of a segment's translation may be told while the segment is still spoken. Knows no engine.

Three modes. `append`: the translation grows with the segment and nothing told is ever taken back.
`revise`: drafts are shown as volatile text, committed is the translation of the closed segment.
`final`: closed segments alone are translated.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, Protocol

from deployments.languages import UNSPACED
from serve_app.session.segments import ends_sentence

MtMode = Literal["append", "revise", "final"]

HOLD_BACK_WORDS = 1
"""A draft's last word often changes its form, or loses a full stop, with the next source word."""
HOLD_BACK_CHARACTERS = 2
MAX_RATIO = 2.0
"""Longest translation that is believed of an open segment, in characters for each of the source.
Simultaneous translators cut at 1.23 to 1.34 tokens for each (SimulStreaming); as little as that
would also cut good drafts of short sources."""
SLACK_CHARACTERS = 20

_DENSITY = {"zh": 3.0, "yue": 3.0, "ja": 2.0}
"""Letters of an alphabet that say as much as one character."""
_CLAUSE_END = frozenset(",;:\u3001\uff0c\uff1b\uff1a")
_WORD = re.compile(r"\s*\S+")
_CHARACTER = re.compile(r"\s*(?:[0-9A-Za-z\u00c0-\u024f\u0370-\u052f]+|\S)")
"""A word of a spaced script inside unspaced text stays whole, or its tokens would be cut."""


@dataclass(frozen=True, slots=True)
class Source:
    """What was asked to be translated: an open segment, as far as it was committed."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What the draft adds to the committed translation, and its tail that may still change."""

    added: str
    volatile: str


class DraftPolicy(Protocol):
    """Decides over the drafts of one open segment in one language."""

    @property
    def while_open(self) -> bool:
        """Whether the segment is translated at all before it closes."""
        ...

    def update(self, source: Source, committed: str, draft: str) -> Settled:
        """Take the next draft; it begins with `committed`."""
        ...


class Append:
    """LocalAgreement-2 over drafts: what two successive ones say alike is final.

    Liu et al. 2020 (https://arxiv.org/abs/2005.11185) for text, as in SimulStreaming. Units are
    compared as they are written, because they are told as they are written. The last ones are held
    back while the clause is open, and what is longer than the source makes likely waits too.
    """

    while_open = True

    def __init__(self, target_language: str) -> None:
        self._target_language = target_language
        self._previous: list[str] = []

    def update(self, source: Source, committed: str, draft: str) -> Settled:
        """See DraftPolicy."""
        units = split_units(draft[len(committed) :], self._target_language)
        count = min(self._agreed(units), self._likely(units, source, committed))
        count = max(0, min(count, len(units) - self._held_back(units, source)))
        self._previous = units[count:]
        return Settled("".join(units[:count]), "".join(units[count:]))

    def _agreed(self, units: list[str]) -> int:
        count = 0
        for before, now in zip(self._previous, units, strict=False):
            if before != now:
                break
            count += 1
        return count

    def _likely(self, units: list[str], source: Source, committed: str) -> int:
        room = MAX_RATIO * _size(source.text, source.language) + SLACK_CHARACTERS
        room -= _size(committed, self._target_language)
        for count, unit in enumerate(units):
            room -= _size(unit, self._target_language)
            if room < 0:
                return count
        return len(units)

    def _held_back(self, units: list[str], source: Source) -> int:
        if not closes_clause(source.text):
            return HOLD_BACK_CHARACTERS if is_unspaced(self._target_language) else HOLD_BACK_WORDS
        # The source goes on: a draft that ends the sentence here is wrong about it.
        return int(bool(units) and ends_sentence(units[-1]))


class Echo:
    """The source itself, where it is spoken in the target language already."""

    while_open = True

    def update(self, source: Source, committed: str, draft: str) -> Settled:
        """All that is committed of the source is final."""
        return Settled(draft[len(committed) :], "")


@dataclass(frozen=True, slots=True)
class AtClose:
    """Nothing is final before the segment closes; drafts until then are shown or never made."""

    while_open: bool

    def update(self, source: Source, committed: str, draft: str) -> Settled:
        """See DraftPolicy."""
        return Settled("", draft[len(committed) :])


def draft_policy(
    mode: MtMode, source_language: str, target_language: str, *, partials: bool
) -> DraftPolicy:
    """The policy for a new segment; volatile text that nobody wants to see is not asked for."""
    if mode != "append":
        return AtClose(while_open=mode == "revise" and partials)
    return Echo() if source_language == target_language else Append(target_language)


def is_unspaced(language: str) -> bool:
    """Whether characters rather than words are the units of a language."""
    return language in UNSPACED


def split_units(text: str, language: str) -> list[str]:
    """Words or characters with the space before them; joined they are the text again."""
    if not is_unspaced(language):
        return _whole(_WORD.findall(text), text)
    units: list[str] = []
    for piece in _CHARACTER.findall(text):
        if units and unicodedata.category(piece[0])[0] == "M":
            units[-1] += piece
        else:
            units.append(piece)
    return _whole(units, text)


def closes_clause(text: str) -> bool:
    """Whether a source text ends where a clause does."""
    return text.rstrip()[-1:] in _CLAUSE_END


def _whole(units: list[str], text: str) -> list[str]:
    rest = text[sum(map(len, units)) :]
    if rest and units:
        units[-1] += rest
    return units


def _size(text: str, language: str) -> float:
    return len(text) * _DENSITY.get(language, 1.0)
