"""What all translators ask of a request before they take it."""

from __future__ import annotations

from deployments.engines.prompts import PromptFormat
from deployments.types import (
    EngineError,
    MtRequest,
    SourceTooLongError,
    StageInfo,
    UnsupportedLanguageError,
)


def require_served(info: StageInfo, request: MtRequest) -> None:
    """Raise UnsupportedLanguageError or EngineError for what the model was not made for."""
    pair = (request.source_language, request.target_language)
    if pair[0] == pair[1] or (info.languages and not set(pair) <= set(info.languages)):
        languages = ", ".join(info.languages)
        pairs = f"between any two of {languages}" if languages else "any two languages"
        raise UnsupportedLanguageError(
            f"{info.model} does not translate {pair[0]} to {pair[1]}; it translates {pairs}"
        )
    if request.glossary and not info.takes_glossary:
        raise EngineError(
            f"{info.model} takes no glossary; set mt.model to an instruction-tuned model"
        )


def require_length(source_tokens: int, max_source_tokens: int) -> None:
    """Raise SourceTooLongError for more than a sentence may have."""
    if source_tokens > max_source_tokens:
        raise SourceTooLongError(
            f"the source has {source_tokens} tokens; a sentence may have {max_source_tokens}"
        )


def require_prompt_fits(
    prompts: PromptFormat, request: MtRequest, max_source_tokens: int, max_tokens: int
) -> None:
    """Raise SourceTooLongError, or EngineError where prompt and translation have no room."""
    source_tokens = prompts.source_length(request)
    require_length(source_tokens, max_source_tokens)
    needed = len(prompts.prompt(request)) + most_new_tokens(source_tokens)
    if needed > max_tokens:
        raise EngineError(
            f"the request may need {needed} tokens with its history, glossary and translation so "
            f"far, and the model has {max_tokens}. Send a shorter glossary, or raise max_model_len "
            "of the engine."
        )


def most_new_tokens(source_tokens: int) -> int:
    """No language needs more than this for what another one said; a model in a loop would."""
    return 16 + 2 * source_tokens


def warm_requests(info: StageInfo) -> list[MtRequest]:
    """Texts of several lengths, so that no request of a user pays for a first run."""
    source, target = (*info.languages, "en", "de")[:2]
    return [MtRequest("a " * count, source, target) for count in (2, 8, 24)]
