"""The kinds of lexicon entry and the features that agreement needs from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES: tuple[str, ...] = ("en", "de", "es")


class GrammarError(ValueError):
    """A lexicon table or a sentence template is malformed."""


# Entries are compared by identity: they serve as cache keys, and two equal ones would be a mistake.
@dataclass(frozen=True, slots=True, eq=False)
class Declension:
    """One noun in one language; an empty singular or plural means that the noun lacks it."""

    gender: str
    singular: str
    plural: str
    oblique: str = ""
    locative: str = ""
    stressed_a: bool = False

    def is_plural(self, wanted: bool) -> bool:
        """Whether the noun stands in the plural when the template wants this number."""
        if wanted and not self.plural:
            raise GrammarError(f"{self.singular!r} has no plural")
        return wanted or not self.singular


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """A noun in all languages."""

    en: Declension
    de: Declension
    es: Declension


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """An adjective: German predicate form and stem, Spanish forms m, f, m plural, f plural."""

    en: str
    de: str
    de_stem: str
    es: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """Ready-made wording; per language the named forms it comes in ('' is the plain form)."""

    en: Mapping[str, str]
    de: Mapping[str, str]
    es: Mapping[str, str]


Entry = Noun | Adjective | Phrase
