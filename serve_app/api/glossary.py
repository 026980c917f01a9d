"""Terms that a client wants translated in its own way."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.languages import LANGUAGE_NAMES
from deployments.types import StageInfo
from serve_app.errors import InvalidRequestError
from serve_app.session.translations import Glossary

MAX_TERMS = 64
MAX_TERM_CHARACTERS = 100
MAX_CHARACTERS = 2_000
"""Of all terms together: they go with every draft that is asked for, and in every resume token."""


def parse_glossary(terms: Sequence[str], targets: Sequence[str], mt: StageInfo) -> Glossary:
    """`source=target` or `de:source=target`, by target language.

    Raises InvalidRequestError for anything else, and where the model takes no glossary.
    """
    if terms and not mt.takes_glossary:
        raise _refusal(
            f"The model {mt.model} takes no glossary: it cannot be told how to translate a term. "
            "Leave the key out, or let the server's mt.model be an instruction-tuned model.",
            code="unsupported_parameter",
        )
    if len(terms) > MAX_TERMS:
        raise _refusal(f"A glossary may have {MAX_TERMS} terms, not {len(terms)}.")
    characters = sum(map(len, terms))
    if characters > MAX_CHARACTERS:
        raise _refusal(
            f"A glossary may have {MAX_CHARACTERS} characters, not {characters}: they go with each "
            "sentence that is translated. Keep the terms that this session needs."
        )
    found: dict[str, list[tuple[str, str]]] = {}
    for term in terms:
        language, pair = _parse(term, targets)
        found.setdefault(language, []).append(pair)
    return {language: tuple(pairs) for language, pairs in found.items()}


def _parse(term: str, targets: Sequence[str]) -> tuple[str, tuple[str, str]]:
    language, separator, rest = term.partition(":")
    if separator and language in LANGUAGE_NAMES and language not in targets:
        raise _refusal(f"The term {term!r} is for {language!r}, which is no target; add it as one.")
    if not separator or language not in targets:
        language, rest = "", term
    source, _, target = (part.strip() for part in rest.partition("="))
    if not source or not target or "=" in target:
        raise _refusal(f"The term {term!r} is not of the form source=target.")
    if max(len(source), len(target)) > MAX_TERM_CHARACTERS:
        raise _refusal(f"A term may have {MAX_TERM_CHARACTERS} characters on each side.")
    if not (source + target).isprintable():
        raise _refusal(f"The term {term!r} has characters that cannot be printed; leave them out.")
    if not language and len(targets) != 1:
        example = next(iter(targets), "de")
        raise _refusal(
            f"The term {term!r} is of no one language: with {len(targets)} targets say which, "
            f"as in {example}:{term}."
        )
    return language or targets[0], (source, target)


def _refusal(message: str, code: str = "invalid_value") -> InvalidRequestError:
    return InvalidRequestError(message, param="glossary", code=code)
