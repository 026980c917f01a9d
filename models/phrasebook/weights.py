"""How often each pattern is drawn, so that the whole vocabulary turns up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from models.phrasebook.entries import Phrase
from models.phrasebook.templates import Lexicon, Pattern, class_of

_Need = tuple[str, str]
_FLOOR = 1.0


def pattern_weights(patterns: Sequence[Pattern], lexicon: Lexicon) -> tuple[float, ...]:
    """Weigh a pattern by its neediest class, so that no word is rare.

    Every class, in every English form it takes, splits its size among the patterns using it. A
    floor keeps a pattern's fixed words alive, and more combinations count a little more.
    """
    needs = [_needs(pattern, lexicon) for pattern in patterns]
    users = Counter(need for wanted in needs for need in wanted)
    return tuple(
        _FLOOR
        + math.log2(combinations(pattern, lexicon)) / 4
        + max(len(lexicon[name]) / users[name, form] for name, form in wanted)
        for pattern, wanted in zip(patterns, needs, strict=True)
    )


def combinations(pattern: Pattern, lexicon: Lexicon) -> int:
    """How many ways there are to fill the pattern's slots."""
    slots = Counter(class_of(slot) for slot in pattern.slots)
    return math.prod(math.perm(len(lexicon[name]), count) for name, count in slots.items())


def _needs(pattern: Pattern, lexicon: Lexicon) -> frozenset[_Need]:
    found = set()
    for slot in pattern.templates["en"].slots():
        for name in map(class_of, slot.names):
            is_phrase = isinstance(lexicon[name][0], Phrase)
            number = "*" if slot.form.endswith("*") else ""
            found.add((name, slot.form if is_phrase else number))
    return frozenset(found)
