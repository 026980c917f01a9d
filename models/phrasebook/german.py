"""German noun phrases: articles, contractions, case and adjective endings."""

from __future__ import annotations

from dataclasses import dataclass

from models.phrasebook.entries import Adjective, Declension, GrammarError

_Row = tuple[str, str, str, str]
_GENDERS = ("m", "f", "n", "pl")
_CASES = ("nom", "akk", "dat")

_ARTICLE: tuple[_Row, ...] = (
    ("der", "die", "das", "die"),
    ("den", "die", "das", "die"),
    ("dem", "der", "dem", "den"),
)
_STRONG: tuple[_Row, ...] = (
    ("er", "e", "es", "e"),
    ("en", "e", "es", "e"),
    ("em", "er", "em", "en"),
)
_MIXED: tuple[_Row, ...] = (
    ("er", "e", "es", "en"),
    ("en", "e", "es", "en"),
    ("en", "en", "en", "en"),
)
_WEAK: tuple[_Row, ...] = (
    ("e", "e", "e", "en"),
    ("en", "e", "e", "en"),
    ("en", "en", "en", "en"),
)
_POSSESSIVE: tuple[_Row, ...] = (
    ("", "e", "", "e"),
    ("en", "e", "", "e"),
    ("em", "er", "em", "en"),
)
_CONTRACTIONS: dict[str, tuple[str, _Row]] = {
    "zum": ("dat", ("zum", "zur", "zum", "zu den")),
    "im": ("dat", ("im", "in der", "im", "in den")),
    "am": ("dat", ("am", "an der", "am", "an den")),
    "aufdem": ("dat", ("auf dem", "auf der", "auf dem", "auf den")),
    "vom": ("dat", ("vom", "von der", "vom", "von den")),
    "beim": ("dat", ("beim", "bei der", "beim", "bei den")),
    "aufden": ("akk", ("auf den", "auf die", "auf das", "auf die")),
    "ins": ("akk", ("in den", "in die", "ins", "in die")),
    "fürs": ("akk", ("für den", "für die", "für das", "für die")),
}
# 'Where' and 'where to' depend on the preposition that the noun itself asks for.
_BY_LOCATIVE = {
    "wo": {"in": "im", "an": "am", "auf": "aufdem"},
    "wohin": {"in": "ins", "an": "zum", "auf": "aufden"},
}


@dataclass(frozen=True, slots=True)
class _Determiner:
    case: str
    forms: _Row
    endings: _Row


def _build_determiners() -> dict[str, _Determiner]:
    """Name each determiner by its masculine form: 'einen' stands for the accusative of 'ein'."""
    table: dict[str, _Determiner] = {}
    for row, case in enumerate(_CASES):
        weak, mixed, strong = _WEAK[row], _MIXED[row], _STRONG[row]
        table[case] = _Determiner(case, ("", "", "", ""), strong)
        table[_ARTICLE[row][0]] = _Determiner(case, _ARTICLE[row], weak)
        m, f, n, pl = ("dies" + ending for ending in _STRONG[row])
        table[m] = _Determiner(case, (m, f, n, pl), weak)
        for stem in ("mein", "Ihr", "unser"):
            m, f, n, pl = (stem + ending for ending in _POSSESSIVE[row])
            table[m] = _Determiner(case, (m, f, n, pl), mixed)
        m, f, n, _ = ("ein" + ending for ending in _POSSESSIVE[row])
        table[m] = _Determiner(case, (m, f, n, ""), (*mixed[:3], strong[3]))
    for name, (case, forms) in _CONTRACTIONS.items():
        table[name] = _Determiner(case, forms, _WEAK[_CASES.index(case)])
    return table


_DETERMINERS = _build_determiners()


def noun_phrase(form: str, noun: Declension, adjective: Adjective | None) -> str:
    """Render e.g. form 'einen' as 'einen alten Stadtplan', form 'dem*' as 'den alten Plänen'."""
    name = form.removesuffix("*")
    plural = noun.is_plural(form.endswith("*"))
    if name in _BY_LOCATIVE:
        name = _BY_LOCATIVE[name][noun.locative or "in"]
    determiner = _DETERMINERS[name]
    column = _GENDERS.index("pl" if plural else noun.gender)
    words = [determiner.forms[column]]
    if adjective:
        words.append(adjective.de_stem + determiner.endings[column])
    words.append(_noun(noun, plural, determiner.case))
    return " ".join(word for word in words if word)


def choose(options: list[str], by_gender: bool, noun: Declension) -> str:
    """Pick from 'm|f|n', 'm|f|n|pl' or 'singular/plural'."""
    plural = noun.is_plural(False)
    if not by_gender and len(options) == 2:
        return options[plural]
    if not by_gender or len(options) not in (3, 4):
        raise GrammarError("German agreement needs 'm|f|n', 'm|f|n|pl' or 'singular/plural'")
    return options[_GENDERS.index("pl" if plural else noun.gender)]


def _noun(noun: Declension, plural: bool, case: str) -> str:
    if plural:
        takes_n = case == "dat" and noun.plural[-1] not in "ns"
        return noun.plural + "n" * takes_n
    return noun.singular if case == "nom" else noun.oblique or noun.singular
