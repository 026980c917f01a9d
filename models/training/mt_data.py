"""Examples for the translator: phrasebook sentences, joined, cut short, and misheard."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations

from models import phrasebook
from models.training.mt_tokens import LANGUAGES, Pair

DIRECTIONS = tuple(permutations(LANGUAGES, 2))
_JOINED = ((0.80, 1), (0.96, 2), (1.0, 3))
_CLAUSE_SHARE = 0.05
_NOISY_SHARE = 0.13
_UNFINISHED_SHARE = 0.25
_AFTER_ANOTHER_SHARE = 0.1
_SECOND_SLIP_SHARE = 0.25
_SHORTEST_MISSPELT = 5
_FINAL = ".?!"
_FUNCTION_WORDS = {
    "en": "a an the to of in on at for is are do some my this with",
    "de": "der die das den dem ein eine einen einem einer zu in im am mit",
    "es": "el la los las un una unos unas a de en por con es al del",
}
_LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "de": "abcdefghijklmnopqrstuvwxyzäöüß",
    "es": "abcdefghijklmnopqrstuvwxyzñáéíóú",
}

Slip = Callable[[str, str, random.Random], str]


def training_sentences(rng: random.Random) -> Iterator[phrasebook.Sentence]:
    """Sentences that may be learnt, without end."""
    while True:
        sentence = phrasebook.sample(rng)
        if not phrasebook.is_held_out(sentence):
            yield sentence


def held_out_sentences(count: int, seed: int) -> list[phrasebook.Sentence]:
    """Different sentences that are never learnt."""
    rng = random.Random(f"held out {seed}")
    found: dict[str, phrasebook.Sentence] = {}
    while len(found) < count:
        sentence = phrasebook.sample(rng)
        if phrasebook.is_held_out(sentence):
            found.setdefault(sentence.en, sentence)
    return list(found.values())


def vocabularies(count: int, seed: int) -> dict[str, frozenset[str]]:
    """The words of each language that occur in `count` sentences."""
    rng = random.Random(f"words {seed}")
    seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for _ in range(count):
        sentence = phrasebook.sample(rng)
        for language in LANGUAGES:
            seen[language].update(phrasebook.words(sentence.text(language)))
    return {language: frozenset(words) for language, words in seen.items()}


class Examples:
    """Endless examples; what is drawn depends on the generator alone."""

    def __init__(self, known: dict[str, frozenset[str]]) -> None:
        self._misspell = Misspelling(known)
        self._continuations = phrasebook.Continuations()

    def draw(self, rng: random.Random) -> Pair:
        """One example of a random direction."""
        pair = self.unfinished(rng) if rng.random() < _UNFINISHED_SHARE else _clean(rng)
        if rng.random() >= _NOISY_SHARE:
            return pair
        return self.misheard(pair, 2 if rng.random() < _SECOND_SLIP_SHARE else 1, rng)

    def unfinished(self, rng: random.Random, *, held_out: bool = False) -> Pair:
        """The beginning of a sentence, and as much of its translation as is sure by then."""
        source_language, target_language = rng.choice(DIRECTIONS)
        sentence, said = phrasebook.begin(source_language, rng)
        while phrasebook.is_held_out(sentence) != held_out:
            sentence, said = phrasebook.begin(source_language, rng)
        safe = self._continuations.safe(said, target_language, rng)
        pair = Pair(said.text, safe, source_language, target_language, open=True)
        if rng.random() < _AFTER_ANOTHER_SHARE:
            return _after(next(training_sentences(rng)), pair)
        return pair

    def misheard(self, pair: Pair, slips: int, rng: random.Random) -> Pair:
        """The pair with slips in its source as a speech recogniser makes them."""
        kinds: tuple[Slip, ...] = (lower_first, unpunctuated, function_word, self._misspell)
        source = pair.source
        for slip in rng.sample(kinds, slips):
            source = slip(source, pair.source_language, rng)
        return replace(pair, source=source)


def _clean(rng: random.Random) -> Pair:
    sentences = training_sentences(rng)
    source_language, target_language = rng.choice(DIRECTIONS)
    draw = rng.random()
    count = next(count for bound, count in _JOINED if draw < bound)
    chosen = [next(sentences) for _ in range(count)]
    source = " ".join(sentence.text(source_language) for sentence in chosen)
    target = " ".join(sentence.text(target_language) for sentence in chosen)
    pair = Pair(source, target, source_language, target_language)
    if count == 1 and rng.random() < _CLAUSE_SHARE:
        return clause(pair, chosen[0], rng)
    return pair


def _after(sentence: phrasebook.Sentence, pair: Pair) -> Pair:
    """The pair behind a whole sentence whose end the recogniser did not hear as one."""
    return replace(
        pair,
        source=f"{sentence.text(pair.source_language)} {pair.source}",
        target=f"{sentence.text(pair.target_language)} {pair.target}".strip(),
    )


def clause(pair: Pair, sentence: phrasebook.Sentence, rng: random.Random) -> Pair:
    """One clause of a sentence that has equally many between its commas in every language."""
    clauses = {language: sentence.text(language).split(", ") for language in LANGUAGES}
    count = len(clauses["en"])
    if count == 1 or any(len(found) != count for found in clauses.values()):
        return pair
    index = rng.randrange(count)
    end = "," if index < count - 1 and rng.random() < 0.5 else ""
    return replace(
        pair,
        source=clauses[pair.source_language][index] + end,
        target=clauses[pair.target_language][index] + end,
    )


def lower_first(text: str, _language: str, _rng: random.Random) -> str:
    """The text as it is written in the middle of a sentence."""
    start = next((i for i, letter in enumerate(text) if letter.isalpha()), 0)
    return text[:start] + text[start : start + 1].lower() + text[start + 1 :]


def unpunctuated(text: str, _language: str, rng: random.Random) -> str:
    """The text without the mark at its end, or without any comma."""
    if "," in text and rng.random() < 0.5:
        return text.replace(",", "")
    return text.rstrip(_FINAL)


def function_word(text: str, language: str, rng: random.Random) -> str:
    """The text with one function word missing or doubled."""
    words = text.split(" ")
    known = _FUNCTION_WORDS[language].split()
    places = [i for i, word in enumerate(words) if word in known]
    if places:
        place = rng.choice(places)
        words[place : place + 1] = rng.choice(([], [words[place]] * 2))
    return " ".join(words)


class Misspelling:
    """One content word with one edit, which must not make it another known word."""

    def __init__(self, known: dict[str, frozenset[str]]) -> None:
        self._known = known

    def __call__(self, text: str, language: str, rng: random.Random) -> str:
        """The text with one of its longer words misspelt."""
        words = text.split(" ")
        places = [i for i, word in enumerate(words) if len(word) >= _SHORTEST_MISSPELT]
        if not places:
            return text
        place = rng.choice(places)
        edited = one_edit(words[place], _LETTERS[language], rng)
        if not self._known[language].isdisjoint(phrasebook.words(edited)):
            return text
        words[place] = edited
        return " ".join(words)


def one_edit(word: str, letters: str, rng: random.Random) -> str:
    """The word with a letter inside it lost, changed, added or swapped with the next one."""
    places = [i for i in range(1, len(word) - 1) if word[i].isalpha() and word[i + 1].isalpha()]
    if not places:
        return word
    i = rng.choice(places)
    edits = (
        word[:i] + word[i + 1 :],
        word[:i] + rng.choice(letters) + word[i + 1 :],
        word[:i] + rng.choice(letters) + word[i:],
        word[:i] + word[i + 1] + word[i] + word[i + 2 :],
    )
    return rng.choice(edits)
