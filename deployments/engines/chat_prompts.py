"""What the formats of models with a chat template have in common."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.engines.chat_template import ChatTemplate
from deployments.engines.prompt_texts import Holes, TextTokens
from deployments.types import MtRequest


class ChatFormat:
    """A prompt rendered by a model's own template; texts from outside are put in afterwards."""

    def __init__(
        self, texts: TextTokens, template: ChatTemplate, end_tokens: tuple[str, ...]
    ) -> None:
        self._texts = texts
        self._template = template
        self._end_tokens = end_tokens

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """See PromptFormat."""
        return self._end_tokens

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """See PromptFormat."""
        return self._texts.ids(tokens)

    def source_length(self, request: MtRequest) -> int:
        """See PromptFormat."""
        return len(self._texts.plain(request.source))

    def text(self, request: MtRequest, ids: Sequence[int]) -> str:
        """See PromptFormat; a source of one line has a translation of one, what follows is talk."""
        text = self._texts.continuation(request.committed_target, ids)
        if "\n" in request.source:
            return text
        committed = request.committed_target
        return committed + text[len(committed) :].partition("\n")[0].rstrip()

    def _filled(self, rendered: str, holes: Holes, committed_target: str) -> list[str]:
        """The tokens of a rendered prompt, with the texts in it and the committed target behind."""
        tokens: list[str] = []
        for text, is_outside in holes.split(rendered):
            tokens += self._texts.plain(text) if is_outside else self._texts.markup(text)
        return tokens + self._texts.plain(committed_target.rstrip())
