"""How TranslateGemma is asked to translate: by language codes, without instructions of ours."""

from __future__ import annotations

from jinja2 import TemplateError

from deployments.engines.chat_prompts import ChatFormat
from deployments.engines.chat_template import ListMessage
from deployments.engines.prompt_texts import Holes
from deployments.types import MtRequest, UnsupportedLanguageError


class TranslateGemmaFormat(ChatFormat):
    """A message is a list of one part that names both languages; the template writes the rest.

    The model was trained on single messages, so history stays out.
    """

    LANGUAGE_KEY = "source_lang_code"
    """A template that reads this key is TranslateGemma's."""
    takes_glossary = False
    takes_open = False
    # The template tells scripts of Chinese apart.
    _CODES = {"zh": "zh-Hans"}  # noqa: RUF012

    def prompt(self, request: MtRequest) -> list[str]:
        """See PromptFormat."""
        holes = Holes()
        part: dict[str, str] = {
            "type": "text",
            self.LANGUAGE_KEY: self._code(request.source_language),
            "target_lang_code": self._code(request.target_language),
            "text": holes.put(request.source.strip()),
        }
        message: ListMessage = {"role": "user", "content": [part]}
        try:
            rendered = self._template.render([message])
        except TemplateError as error:
            pair = f"{request.source_language} to {request.target_language}"
            raise UnsupportedLanguageError(
                f"the model's template takes no request from {pair}: {error}"
            ) from error
        return self._filled(rendered, holes, request.committed_target)

    def _code(self, code: str) -> str:
        return self._CODES.get(code, code)
