"""A model's own chat template, as Hugging Face ships and renders it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue
from tokenizers import Tokenizer

from deployments.models import ModelCorruptError

TEMPLATE_FILE = "chat_template.jinja"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
GENERATION_CONFIG_FILE = "generation_config.json"

Message = dict[str, str]
"""`role` and `content`."""

ListMessage = dict[str, str | list[dict[str, str]]]
"""The same where a template wants a list of parts as content."""


class ChatTemplate:
    """Messages to prompt text. Raises ModelCorruptError where the template is broken."""

    def __init__(self, source: str, special_tokens: dict[str, str]) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = datetime.now().strftime
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelCorruptError(f"the model's chat template is broken: {error}") from error
        self.source = source
        self._special_tokens = special_tokens
        self.has_system_turn = self._accepts_system_turn()

    def render(self, messages: Sequence[Message] | Sequence[ListMessage]) -> str:
        """The prompt up to where the model answers."""
        return self._template.render(
            messages=messages,
            add_generation_prompt=True,
            # Thinking aloud costs seconds and is no translation.
            enable_thinking=False,
            **self._special_tokens,
        )

    def _accepts_system_turn(self) -> bool:
        """False for templates that refuse one, as Gemma's does."""
        try:
            self.render([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
        except TemplateError:
            return False
        return True


def load_chat_template(directory: Path) -> ChatTemplate | None:
    """The template in a model's directory, if there is one."""
    config = _read_json(directory / TOKENIZER_CONFIG_FILE)
    path = directory / TEMPLATE_FILE
    source = path.read_text(encoding="utf-8") if path.is_file() else config.get("chat_template")
    if not isinstance(source, str):
        return None
    names = [name for name in config if name.endswith("_token")]
    tokens = {name: text for name in names if (text := _token_text(config[name]))}
    return ChatTemplate(source, tokens)


def load_end_tokens(directory: Path, tokenizer: Tokenizer) -> tuple[str, ...]:
    """The tokens that end a turn; raises ModelCorruptError where the model names none."""
    ids = _read_json(directory / GENERATION_CONFIG_FILE).get("eos_token_id", [])
    listed = [tokenizer.id_to_token(i) for i in _as_list(ids) if isinstance(i, int)]
    named = _token_text(_read_json(directory / TOKENIZER_CONFIG_FILE).get("eos_token"))
    tokens = dict.fromkeys(token for token in (*listed, named) if token)
    if not tokens:
        raise ModelCorruptError(
            f"{directory} names no end token: neither eos_token in {TOKENIZER_CONFIG_FILE} "
            f"nor eos_token_id in {GENERATION_CONFIG_FILE}"
        )
    return tuple(tokens)


def _read_json(path: Path) -> dict[str, JsonValue]:
    content: dict[str, JsonValue] = json.loads(path.read_bytes()) if path.is_file() else {}
    return content


def _token_text(value: JsonValue) -> str | None:
    """Tokens are written as text, or as an object that holds it."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _as_list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)
