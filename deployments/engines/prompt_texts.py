"""Tokens of prompts and of texts from outside, which never become markup."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer

from deployments.engines.tokens import REPLACEMENT, plain_tokenizer


class TextTokens:
    """Tokens of prompts and of texts inside them, kept apart."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._plain = plain_tokenizer(tokenizer)
        self._vocabulary = tokenizer.get_vocab()

    def knows(self, token: str) -> bool:
        """Whether the vocabulary has this very token."""
        return token in self._vocabulary

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The numbers of tokens of the vocabulary."""
        return [self._vocabulary[token] for token in tokens]

    def markup(self, text: str) -> list[str]:
        """Tokens of our own text, special ones included."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def plain(self, text: str) -> list[str]:
        """Tokens of a text from outside."""
        return list(self._plain.encode(text, add_special_tokens=False).tokens)

    def continuation(self, committed: str, ids: Sequence[int]) -> str:
        """`committed`, then the new ids' text, joined by the space that the ids carry."""
        # Some decoders drop the space before the first token they see: it must not be a new one.
        before = self._plain.encode(committed, add_special_tokens=False).ids
        shown = self._tokenizer.decode(before)
        whole = self._tokenizer.decode([*before, *ids])
        # A cap on the length may cut a character in two.
        added: str = whole[len(shown) :].rstrip(REPLACEMENT)
        if not committed:
            return added.strip()
        if committed[-1].isspace():
            added = added.lstrip()
        return (committed + added).rstrip() if added.strip() else committed


class Holes:
    """Marks that stand for texts from outside while a template is rendered around them."""

    # Private-use characters: no template writes them, and texts never pass through a template.
    _MARK = "\ue0f0"

    def __init__(self) -> None:
        self._texts: list[str] = []

    def put(self, text: str) -> str:
        """The mark that stands for `text`."""
        self._texts.append(text)
        return f"{self._MARK}{len(self._texts) - 1}{self._MARK}"

    def split(self, rendered: str) -> list[tuple[str, bool]]:
        """Pieces in order, each with whether it comes from outside."""
        pieces = enumerate(rendered.split(self._MARK))
        filled = ((self._texts[int(p)], True) if i % 2 else (p, False) for i, p in pieces)
        return [(text, is_outside) for text, is_outside in filled if text]
