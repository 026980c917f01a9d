"""Spanish noun phrases: articles, contractions, gender and number."""

from __future__ import annotations

from models.phrasebook.entries import Adjective, Declension, GrammarError

# Forms for m, f, m plural, f plural, named by the masculine one.
_DETERMINERS: dict[str, tuple[str, str, str, str]] = {
    "bare": ("", "", "", ""),
    "el": ("el", "la", "los", "las"),
    "al": ("al", "a la", "a los", "a las"),
    "del": ("del", "de la", "de los", "de las"),
    "un": ("un", "una", "unos", "unas"),
    "este": ("este", "esta", "estos", "estas"),
    "mi": ("mi", "mi", "mis", "mis"),
    "su": ("su", "su", "sus", "sus"),
    "nuestro": ("nuestro", "nuestra", "nuestros", "nuestras"),
}
# These take the masculine form before a stressed a: el águila blanca, las águilas blancas.
_BEFORE_STRESSED_A = ("el", "al", "del", "un")


def noun_phrase(form: str, noun: Declension, adjective: Adjective | None) -> str:
    """Render e.g. form 'un' as 'una maleta roja'; 'pred' gives only the agreeing adjective."""
    name = form.removesuffix("*")
    column = _column(noun, form.endswith("*"))
    if name == "pred":
        if adjective is None:
            raise GrammarError("'pred' needs an adjective")
        return adjective.es[column]
    stressed = noun.stressed_a and name in _BEFORE_STRESSED_A
    article_column = 0 if stressed and column == 1 else column
    words = [_DETERMINERS[name][article_column], noun.plural if column > 1 else noun.singular]
    if adjective:
        words.append(adjective.es[column])
    return " ".join(word for word in words if word)


def choose(options: list[str], by_gender: bool, noun: Declension) -> str:
    """Pick from 'm|f', 'm|f|m plural|f plural' or 'singular/plural'."""
    column = _column(noun, False)
    if len(options) == 2:
        return options[noun.gender == "f" if by_gender else column > 1]
    if not by_gender or len(options) != 4:
        raise GrammarError("Spanish agreement needs 'm|f', four forms or 'singular/plural'")
    return options[column]


def _column(noun: Declension, wanted_plural: bool) -> int:
    return 2 * noun.is_plural(wanted_plural) + (noun.gender == "f")
