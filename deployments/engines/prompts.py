"""How a causal language model is asked to translate: one format for each kind of model.

The source is data, never instructions: every text from outside is tokenized apart from the
prompt around it, by a tokenizer that knows no special token. What stays the same from request to
request stands first and the committed target last, so that engines can keep what they computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

from deployments.engines.chat_template import (
    TEMPLATE_FILE,
    TOKENIZER_CONFIG_FILE,
    load_chat_template,
    load_end_tokens,
)
from deployments.engines.dragoman_prompts import DragomanFormat
from deployments.engines.instruct_prompts import InstructFormat
from deployments.engines.prompt_texts import TextTokens
from deployments.engines.translategemma_prompts import TranslateGemmaFormat
from deployments.models import ModelCorruptError
from deployments.types import MtRequest

_TOKENIZER_FILE = "tokenizer.json"


class PromptFormat(Protocol):
    """One way to ask."""

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """Tokens that end a translation."""
        ...

    @property
    def takes_glossary(self) -> bool:
        """Whether a prompt has a place for terms."""
        ...

    @property
    def takes_open(self) -> bool:
        """Whether the model knows what to do with a source that goes on."""
        ...

    def prompt(self, request: MtRequest) -> list[str]:
        """All tokens before the first new one; the committed target stands last."""
        ...

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The numbers of tokens, for engines that are asked in numbers."""
        ...

    def source_length(self, request: MtRequest) -> int:
        """Tokens of the source alone."""
        ...

    def text(self, request: MtRequest, ids: Sequence[int]) -> str:
        """The committed target and what the new ids add to it."""
        ...


def prompt_format(directory: Path, *, open_sources: bool = False) -> PromptFormat:
    """The format that the model in `directory` was trained for; raises ModelCorruptError.

    `open_sources` says whether a model of ours was trained on sources that go on.
    """
    tokenizer = Tokenizer.from_file(str(directory / _TOKENIZER_FILE))
    texts = TextTokens(tokenizer)
    if texts.knows(DragomanFormat.TRANSLATE):
        return DragomanFormat(texts, open_sources=open_sources)
    template = load_chat_template(directory)
    if template is None:
        raise ModelCorruptError(
            f"{directory} says nowhere how to ask for a translation: it has neither the token "
            f"{DragomanFormat.TRANSLATE} nor a chat template ({TEMPLATE_FILE} or chat_template "
            f"in {TOKENIZER_CONFIG_FILE}). Set mt.model to an instruction-tuned model."
        )
    end_tokens = load_end_tokens(directory, tokenizer)
    if TranslateGemmaFormat.LANGUAGE_KEY in template.source:
        return TranslateGemmaFormat(texts, template, end_tokens)
    return InstructFormat(texts, template, end_tokens)
