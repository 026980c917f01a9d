"""Read the lexicon's plain-text tables, one 'English | German | Spanish' entry a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.phrasebook.entries import Adjective, Declension, GrammarError, Noun, Phrase

_DE_GENDERS = {"der": "m", "die": "f", "das": "n"}
_ES_GENDERS = {"el": "m", "la": "f", "los": "m", "las": "f", "el:f": "f"}
_CONTINUATION = re.compile(r"\|\n\s*")
_PLAIN_VOWELS = str.maketrans("áéíóú", "aeiou")


def nouns(table: str) -> tuple[Noun, ...]:
    """Read 'knife/knives | das Messer/Messer | el cuchillo'.

    German 'der Kunde/Kunden/Kunden' adds the oblique singular, 'der Zucker' has no plural and
    '/Schuhe' no singular; a plural missing in English or Spanish follows the rule, '-' denies one.
    '@in' after a noun names the preposition that says where.
    """
    return tuple(Noun(_english(en), _german(de), _spanish(es)) for en, de, es in _rows(table))


def adjectives(table: str) -> tuple[Adjective, ...]:
    """Read 'dark | dunkel/dunkl | oscuro'; German adds a stem, Spanish other forms where needed."""
    return tuple(_adjective(en, de, es) for en, de, es in _rows(table))


def phrases(table: str, en: str = "", de: str = "", es: str = "") -> tuple[Phrase, ...]:
    """Read wording with ';' between the forms that `en`, `de` and `es` name in their order."""
    names = [columns.split() or [""] for columns in (en, de, es)]
    return tuple(
        Phrase(*(_forms(cell, name) for cell, name in zip(row, names, strict=True)))
        for row in _rows(table)
    )


def _rows(table: str) -> Iterator[tuple[str, str, str]]:
    for line in _CONTINUATION.sub("| ", table.strip()).splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 3 or not all(cells):
            raise GrammarError(f"a row needs three filled cells: {line!r}")
        yield cells[0], cells[1], cells[2]


def _forms(cell: str, names: list[str]) -> dict[str, str]:
    parts = [part.strip() for part in cell.split(";")]
    if len(parts) != len(names):
        raise GrammarError(f"{cell!r} should have the forms {names}")
    return dict(zip(names, parts, strict=True))


def _split_locative(cell: str) -> tuple[str, str]:
    wording, _, locative = cell.partition("@")
    return wording.strip(), locative.strip()


def _english(cell: str) -> Declension:
    wording, locative = _split_locative(cell)
    singular, slash, plural = wording.partition("/")
    if not slash:
        plural = english_plural(singular)
    return Declension("n", singular, "" if plural == "-" else plural, locative=locative)


def _german(cell: str) -> Declension:
    wording, locative = _split_locative(cell)
    if wording.startswith("/"):
        return Declension("pl", "", wording[1:])
    article, _, forms = wording.partition(" ")
    singular, _, rest = forms.partition("/")
    plural, _, oblique = rest.partition("/")
    if article not in _DE_GENDERS or not singular:
        raise GrammarError(f"not a German noun: {cell!r}")
    return Declension(_DE_GENDERS[article], singular, plural, oblique, locative)


def _spanish(cell: str) -> Declension:
    article, _, forms = cell.partition(" ")
    if article not in _ES_GENDERS or not forms:
        raise GrammarError(f"not a Spanish noun: {cell!r}")
    gender = _ES_GENDERS[article]
    if article in ("los", "las"):
        return Declension(gender, "", forms)
    singular, slash, plural = forms.partition("/")
    if not slash:
        head, _, tail = singular.partition(" ")
        plural = f"{spanish_plural(head)} {tail}".strip()
    plural = "" if plural == "-" else plural
    return Declension(gender, singular, plural, stressed_a=article == "el:f")


def _adjective(en: str, de: str, es: str) -> Adjective:
    predicate, _, stem = de.partition("/")
    masculine, _, others = es.partition("/")
    if others:
        forms = (masculine, *others.split("/"))
        if len(forms) != 4:
            raise GrammarError(f"a Spanish adjective has one form or four: {es!r}")
        return Adjective(en, predicate, stem or predicate, (forms[0], forms[1], forms[2], forms[3]))
    feminine = f"{masculine[:-1]}a" if masculine.endswith("o") else masculine
    plurals = spanish_plural(masculine), spanish_plural(feminine)
    return Adjective(en, predicate, stem or predicate, (masculine, feminine, *plurals))


def english_plural(singular: str) -> str:
    """Regular English plural of the last word."""
    if singular.endswith(("s", "x", "ch", "sh")):
        return f"{singular}es"
    if singular.endswith("y") and singular[-2] not in "aeou":
        return f"{singular[:-1]}ies"
    return f"{singular}s"


def spanish_plural(singular: str) -> str:
    """Regular Spanish plural of the last word."""
    if singular[-1] in "aeioué":
        return f"{singular}s"
    if singular.endswith("z"):
        return f"{singular[:-1]}ces"
    if singular[-1] in "ns" and singular[-2] in "áéíóú":
        return f"{singular[:-2]}{singular[-2].translate(_PLAIN_VOWELS)}{singular[-1]}es"
    return f"{singular}es"
