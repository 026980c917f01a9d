"""Tokenizing text that comes from outside."""

from __future__ import annotations

import json

from tokenizers import Tokenizer

REPLACEMENT = "\ufffd"
"""What a decoder writes for bytes that are not (yet) a character."""


def plain_tokenizer(tokenizer: Tokenizer) -> Tokenizer:
    """The same vocabulary without any added token: markup in a text stays mere characters.

    `encode_special_tokens` would not do: it spares only tokens flagged as special, and models
    steer by others too (`<think>`, `<tool_call>`).
    """
    spec = json.loads(tokenizer.to_str())
    spec.update(added_tokens=[], post_processor=None, truncation=None, padding=None)
    return Tokenizer.from_str(json.dumps(spec))
