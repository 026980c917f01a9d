"""How the bundled model is asked to translate."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.engines.prompt_texts import TextTokens
from deployments.types import MtRequest, UnsupportedLanguageError


class DragomanFormat:
    """The bundled model's: `<|translate|><|de|><|en|>` source `<|target|>` target.

    After a source that goes on stands a second `<|translate|>`.
    """

    TRANSLATE = "<|translate|>"
    TARGET = "<|target|>"
    END = "<|endoftext|>"
    takes_glossary = False

    def __init__(self, texts: TextTokens, *, open_sources: bool = False) -> None:
        self._texts = texts
        self._open_sources = open_sources

    @property
    def takes_open(self) -> bool:
        """See PromptFormat."""
        return self._open_sources

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """See PromptFormat."""
        return (self.END,)

    def prompt(self, request: MtRequest) -> list[str]:
        """See PromptFormat."""
        return [
            self.TRANSLATE,
            self._language(request.source_language),
            self._language(request.target_language),
            *self._words(request.source),
            *([self.TRANSLATE] if request.open and self._open_sources else []),
            self.TARGET,
            *self._words(request.committed_target),
        ]

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """See PromptFormat."""
        return self._texts.ids(tokens)

    def source_length(self, request: MtRequest) -> int:
        """See PromptFormat."""
        return len(self._words(request.source))

    def text(self, request: MtRequest, ids: Sequence[int]) -> str:
        """See PromptFormat."""
        return self._texts.continuation(request.committed_target, ids)

    def _words(self, text: str) -> list[str]:
        """Tokens with the space before each word, so that parts and whole split alike."""
        stripped = text.strip()
        return self._texts.plain(f" {stripped}") if stripped else []

    def _language(self, code: str) -> str:
        token = f"<|{code}|>"
        if not self._texts.knows(token):
            raise UnsupportedLanguageError(f"the model has no token for the language {code!r}")
        return token
