"""Random parallel phrasebook sentences in English, German and Spanish."""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass
from itertools import accumulate

from models.phrasebook.continuations import Beginning, Continuations
from models.phrasebook.entries import LANGUAGES, Entry, GrammarError
from models.phrasebook.lexicon import LEXICON
from models.phrasebook.patterns import PATTERNS
from models.phrasebook.templates import Pattern, class_of
from models.phrasebook.weights import pattern_weights

__all__ = [
    "LANGUAGES",
    "Beginning",
    "Continuations",
    "GrammarError",
    "Sentence",
    "begin",
    "is_held_out",
    "patterns",
    "sample",
    "sample_pattern",
    "words",
]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HELD_OUT_ONE_IN = 20


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same sentence in all languages."""

    topic: str
    pattern: str
    en: str
    de: str
    es: str

    def text(self, language: str) -> str:
        """The sentence in one of `LANGUAGES`."""
        if language not in LANGUAGES:
            raise ValueError(f"unknown language {language!r}")
        return str(getattr(self, language))


_BY_NAME = {pattern.name: pattern for pattern in PATTERNS}
_CUMULATIVE = tuple(accumulate(pattern_weights(PATTERNS, LEXICON)))


def sample(rng: random.Random) -> Sentence:
    """One random sentence; the same generator state gives the same sentence."""
    return _fill(rng.choices(PATTERNS, cum_weights=_CUMULATIVE)[0], rng)


def begin(language: str, rng: random.Random) -> tuple[Sentence, Beginning]:
    """A random sentence, and the beginning of it in a language, cut between any two words."""
    pattern = rng.choices(PATTERNS, cum_weights=_CUMULATIVE)[0]
    chosen = _choose(pattern, rng)
    sentence = Sentence(pattern.topic, pattern.name, **pattern.fill(chosen))
    words = sentence.text(language).split(" ")
    said = " ".join(words[: rng.randrange(1, max(2, len(words)))])
    return sentence, Beginning(pattern, chosen, language, said)


def patterns() -> tuple[str, ...]:
    """The names of all patterns."""
    return tuple(_BY_NAME)


def sample_pattern(pattern: str, rng: random.Random) -> Sentence:
    """One random sentence of the named pattern."""
    if pattern not in _BY_NAME:
        raise ValueError(f"unknown pattern {pattern!r}")
    return _fill(_BY_NAME[pattern], rng)


def is_held_out(sentence: Sentence) -> bool:
    """Whether the sentence is kept for measuring and must never be trained on."""
    digest = hashlib.sha256(sentence.en.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % _HELD_OUT_ONE_IN == 0


def words(text: str) -> list[str]:
    """Lower-cased words without punctuation; 'twenty-five' is two words, "don't" is one."""
    return _WORD.findall(text.lower())


def _fill(pattern: Pattern, rng: random.Random) -> Sentence:
    return Sentence(pattern.topic, pattern.name, **pattern.fill(_choose(pattern, rng)))


def _choose(pattern: Pattern, rng: random.Random) -> dict[str, Entry]:
    chosen: dict[str, Entry] = {}
    taken: dict[str, list[Entry]] = {}
    for slot in pattern.slots:
        name = class_of(slot)
        used = taken.setdefault(name, [])
        entry = rng.choice(LEXICON[name])
        while entry in used:
            entry = rng.choice(LEXICON[name])
        used.append(entry)
        chosen[slot] = entry
    return chosen
