"""What can be said in one language of a sentence whose end is not yet heard in another.

The phrasebook's languages are parallel without alignment, so this goes by agreement: what all
sentences that begin with the same words have in common at the beginning of their translations.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from models.phrasebook.entries import LANGUAGES, Entry
from models.phrasebook.lexicon import LEXICON
from models.phrasebook.patterns import PATTERNS
from models.phrasebook.templates import Pattern, class_of

Chosen = Mapping[str, Entry]

_AHEAD_WORDS = 1
"""The phrasebook is so small that few words give away a whole sentence; an interpreter does not
speak so far ahead of the speaker."""
_SAME_PATTERN_TRIALS = 40
_OTHER_PATTERN_TRIALS = 12
_INDEX_FILLS = 150
_INDEX_WORDS = 2
_KEPT_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first words of a sentence that is said, and how the sentence was made."""

    pattern: Pattern
    chosen: Chosen
    language: str
    text: str
    """At least one word and not all."""

    def begins(self, text: str) -> bool:
        """Whether another sentence of the language is still possible."""
        return text.startswith(self.text) and text[len(self.text) :].startswith(" ")


@dataclass
class Continuations:
    """Knows which patterns begin alike."""

    seed: int = 1
    _alike: dict[tuple[str, str], list[Pattern]] = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(f"continuations {self.seed}")
        self._alike = {}
        for pattern in PATTERNS:
            for key in {key for _ in range(_INDEX_FILLS) for key in _keys(pattern, rng)}:
                self._alike.setdefault(key, []).append(pattern)

    def safe(self, said: Beginning, target: str, rng: random.Random) -> str:
        """The beginning of the translation that holds however the sentence goes on."""
        whole = said.pattern.templates[target].fill(said.chosen).split(" ")
        heard = len(said.text.split(" "))
        # The last word ends the sentence, which the speaker has not done.
        safe = whole[: min(heard + _AHEAD_WORDS, len(whole) - 1)]
        for other in self._possible(said, target, rng):
            safe = _common(safe, other.split(" "))
            if not safe:
                break
        return " ".join(safe)

    def _possible(self, said: Beginning, target: str, rng: random.Random) -> Iterator[str]:
        key = (said.language, " ".join(said.text.split(" ")[:_INDEX_WORDS]))
        for pattern in self._alike.get(key, []):
            if pattern is not said.pattern:
                yield from _of_another_pattern(said, pattern, target, rng)
        yield from _of_the_same_pattern(said, target, rng)


def _of_the_same_pattern(said: Beginning, target: str, rng: random.Random) -> Iterator[str]:
    """Each slot filled with anything that leaves what was said as it is."""
    source = said.pattern.templates[said.language]
    candidates = {
        slot: [
            entry
            for entry in LEXICON[class_of(slot)]
            if said.begins(source.fill({**said.chosen, slot: entry}))
        ]
        for slot in said.pattern.slots
    }
    for _ in range(_SAME_PATTERN_TRIALS):
        chosen = {slot: rng.choice(entries) for slot, entries in candidates.items()}
        if said.begins(source.fill(chosen)):
            yield said.pattern.templates[target].fill(chosen)


def _of_another_pattern(
    said: Beginning, pattern: Pattern, target: str, rng: random.Random
) -> Iterator[str]:
    """Slots filled mostly with what was chosen for slots of the same class."""
    for _ in range(_OTHER_PATTERN_TRIALS):
        chosen: dict[str, Entry] = {}
        for slot in pattern.slots:
            name = class_of(slot)
            kept = [entry for own, entry in said.chosen.items() if class_of(own) == name]
            use_kept = kept and rng.random() < _KEPT_SHARE
            chosen[slot] = rng.choice(kept if use_kept else list(LEXICON[name]))
        if said.begins(pattern.templates[said.language].fill(chosen)):
            yield pattern.templates[target].fill(chosen)


def _common(one: list[str], other: list[str]) -> list[str]:
    pairs = zip(one, other, strict=False)
    return [word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _keys(pattern: Pattern, rng: random.Random) -> Iterable[tuple[str, str]]:
    chosen = {slot: rng.choice(LEXICON[class_of(slot)]) for slot in pattern.slots}
    for language in LANGUAGES:
        words = pattern.templates[language].fill(chosen).split(" ")
        for count in range(1, _INDEX_WORDS + 1):
            yield language, " ".join(words[:count])
