"""Whisper's vocabulary by meaning; knows no model and no audio."""

from __future__ import annotations

from functools import cache

import tokenizers
from faster_whisper.tokenizer import Tokenizer

from deployments.engines.tokens import plain_tokenizer
from deployments.models import ModelCorruptError


class WhisperVocabulary:
    """Ids that prompts are made of, and the splitting of text into words."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, multilingual: bool) -> None:
        self._tokenizer = tokenizer
        self._plain = plain_tokenizer(tokenizer)
        self.multilingual = multilingual
        self.end = self._required("<|endoftext|>")
        self.no_timestamps = self._required("<|notimestamps|>")
        self.previous: int | None = tokenizer.token_to_id("<|startofprev|>")
        """Stands before text that is not in the window; None where the model was taught none."""
        markup = ("transcribe", "translate", "startoftranscript", "startofprev", "startoflm")
        ids = (tokenizer.token_to_id(f"<|{name}|>") for name in (*markup, "nospeech", "nocaptions"))
        # -1 stands for what the model itself names in its configuration.
        self.suppressed = [-1, *(token for token in ids if token is not None)]
        self.splitter = cache(self._splitter)

    def has_language(self, code: str) -> bool:
        """Whether the model can be asked for this language."""
        return not self.multilingual or self._tokenizer.token_to_id(f"<|{code}|>") is not None

    def start(self, language: str) -> list[int]:
        """Tokens before the text, without the one that turns time tokens off."""
        sequence: list[int] = self.splitter(language).sot_sequence
        return sequence

    def encode(self, prefix: str) -> list[int]:
        """Ids of text that may come from a client: markup in it is not obeyed."""
        ids: list[int] = self._plain.encode(prefix.rstrip(), add_special_tokens=False).ids
        return ids

    def _required(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ModelCorruptError(f"tokenizer.json has no token {token}: not a Whisper model")
        return found

    def _splitter(self, language: str) -> Tokenizer:
        task = "transcribe" if self.multilingual else None
        return Tokenizer(
            self._tokenizer, self.multilingual, task, language if self.multilingual else None
        )
