"""Parallel sentence templates: parsing, checking and filling their slots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from models.phrasebook import english, german, spanish
from models.phrasebook.entries import (
    LANGUAGES,
    Adjective,
    Declension,
    Entry,
    GrammarError,
    Noun,
    Phrase,
)

_NOUN_PHRASES = {
    "en": english.noun_phrase,
    "de": german.noun_phrase,
    "es": spanish.noun_phrase,
}
_CHOOSERS = {"en": english.choose, "de": german.choose, "es": spanish.choose}
_SLOT = re.compile(r"\{([^{}]*)\}")
_BLOCK = re.compile(r"\n(?! )")
_CONTINUATION = re.compile(r"\n {8}")
_OPENERS = "¿¡"

Lexicon = Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True)
class Slot:
    """One hole of a template: '{form:name}' or '{form:noun+adjective}', the form being optional."""

    language: str
    form: str
    names: tuple[str, ...]

    def fill(self, chosen: Mapping[str, Entry]) -> str:
        """The wording for the entries chosen by slot name."""
        return _render(self.language, self.form, tuple(chosen[name] for name in self.names))


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence in one language: literal text and slots in turn."""

    parts: tuple[str | Slot, ...]

    def slots(self) -> tuple[Slot, ...]:
        """Its slots in order."""
        return tuple(part for part in self.parts if isinstance(part, Slot))

    def fill(self, chosen: Mapping[str, Entry]) -> str:
        """The capitalised sentence for the entries chosen by slot name."""
        filled = (part if isinstance(part, str) else part.fill(chosen) for part in self.parts)
        return _capitalise("".join(filled))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Parallel templates whose slots are filled with the same lexicon entries."""

    topic: str
    name: str
    templates: Mapping[str, Template]
    slots: tuple[str, ...]

    def fill(self, chosen: Mapping[str, Entry]) -> dict[str, str]:
        """The sentence by language for the entries chosen by slot name."""
        return {language: self.templates[language].fill(chosen) for language in LANGUAGES}


def class_of(slot: str) -> str:
    """Lexicon class a slot draws from: 'city1' and 'city2' are two different cities."""
    return slot.rstrip("0123456789")


def compile_patterns(topic: str, table: str, lexicon: Lexicon) -> tuple[Pattern, ...]:
    """Read a table of a name line and three indented lines each: English, German, Spanish."""
    blocks = _BLOCK.split(_CONTINUATION.sub(" ", table.strip()))
    return tuple(_compile(topic, block.splitlines(), lexicon) for block in blocks)


def _compile(topic: str, block: list[str], lexicon: Lexicon) -> Pattern:
    name, *texts = (line.strip() for line in block)
    identifier = f"{topic}.{name}"
    if len(texts) != len(LANGUAGES) or not name.isidentifier():
        raise GrammarError(f"{identifier}: needs a name and one line per language: {texts}")
    templates = {
        language: _parse(identifier, language, text)
        for language, text in zip(LANGUAGES, texts, strict=True)
    }
    names = {
        language: {name for slot in template.slots() for name in slot.names}
        for language, template in templates.items()
    }
    if not names["en"] == names["de"] == names["es"]:
        raise GrammarError(f"{identifier}: the languages have different slots: {names}")
    pattern = Pattern(topic, identifier, templates, tuple(sorted(names["en"])))
    _check_entries(pattern, lexicon)
    return pattern


def _parse(identifier: str, language: str, text: str) -> Template:
    if set("{}") & set(_SLOT.sub("", text)):
        raise GrammarError(f"{identifier}: unbalanced braces in {text!r}")
    parts: list[str | Slot] = []
    for index, part in enumerate(_SLOT.split(text)):
        if index % 2 == 0:
            parts.append(part)
            continue
        form, _, target = part.rpartition(":")
        names = tuple(target.split("+"))
        if len(names) > 2 or not all(name.isidentifier() for name in names):
            raise GrammarError(f"{identifier}: bad slot {part!r}")
        parts.append(Slot(language, form, names))
    return Template(tuple(part for part in parts if part != ""))


def _check_entries(pattern: Pattern, lexicon: Lexicon) -> None:
    """Render every entry in every slot once, so that a misfit fails at import and not later."""
    for name in pattern.slots:
        if class_of(name) not in lexicon:
            raise GrammarError(f"{pattern.name}: no lexicon class {class_of(name)!r}")
    for template in pattern.templates.values():
        for slot in template.slots():
            head, *others = (lexicon[class_of(name)] for name in slot.names)
            for entry in head:
                chosen = (entry, *(other[0] for other in others))
                try:
                    _render(slot.language, slot.form, chosen)
                except (KeyError, IndexError, GrammarError) as error:
                    raise GrammarError(f"{pattern.name}: {slot} cannot take {entry}") from error


@cache
def _render(language: str, form: str, chosen: tuple[Entry, ...]) -> str:
    head = chosen[0]
    if isinstance(head, Noun):
        adjective = chosen[1] if len(chosen) > 1 else None
        if adjective is not None and not isinstance(adjective, Adjective):
            raise GrammarError("only an adjective can join a noun")
        return _render_noun(language, form, getattr(head, language), adjective)
    if len(chosen) > 1:
        raise GrammarError("only a noun can take an adjective")
    if isinstance(head, Phrase):
        forms: Mapping[str, str] = getattr(head, language)
        return forms[form]
    if form:
        raise GrammarError("a lone adjective has no forms")
    return {"en": head.en, "de": head.de, "es": head.es[0]}[language]


def _render_noun(language: str, form: str, noun: Declension, adjective: Adjective | None) -> str:
    for separator in "|/":
        if separator in form:
            return _CHOOSERS[language](form.split(separator), separator == "|", noun)
    return _NOUN_PHRASES[language](form, noun, adjective)


def _capitalise(text: str) -> str:
    start = len(text) - len(text.lstrip(_OPENERS))
    return text[:start] + text[start].upper() + text[start + 1 :]
