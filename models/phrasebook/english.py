"""English noun phrases: articles and number."""

from __future__ import annotations

from models.phrasebook.entries import Adjective, Declension, GrammarError

# Determiner before singular and plural nouns.
_DETERMINERS: dict[str, tuple[str, str]] = {
    "bare": ("", ""),
    "the": ("the", "the"),
    "a": ("a", "some"),
    "my": ("my", "my"),
    "our": ("our", "our"),
    "this": ("this", "these"),
}
_CONSONANT_SOUNDS = ("uni", "use", "euro")


def noun_phrase(form: str, noun: Declension, adjective: Adjective | None) -> str:
    """Render e.g. form 'a' as 'an old map', form 'the*' as 'the old maps'."""
    name = form.removesuffix("*")
    plural = noun.is_plural(form.endswith("*"))
    prefix = ""
    if name == "at":
        name, prefix = "the", noun.locative or "at"
    determiner = _DETERMINERS[name][plural]
    words = [adjective.en] if adjective else []
    words.append(noun.plural if plural else noun.singular)
    if determiner == "a" and _starts_with_vowel(words[0]):
        determiner = "an"
    return " ".join(word for word in (prefix, determiner, *words) if word)


def choose(options: list[str], by_gender: bool, noun: Declension) -> str:
    """Pick the option that agrees with the noun; English things agree in number only."""
    if by_gender or len(options) != 2:
        raise GrammarError("English agreement needs 'singular/plural'")
    return options[noun.is_plural(False)]


def _starts_with_vowel(word: str) -> bool:
    if word.startswith("hour"):
        return True
    return word[0].lower() in "aeiou" and not word.lower().startswith(_CONSONANT_SOUNDS)
