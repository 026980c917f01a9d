"""The translator's vocabulary and the layout of its sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
TRANSLATE = "<|translate|>"
TARGET = "<|target|>"
LANGUAGES = ("en", "de", "es")
VOCABULARY_SIZE = 2_000


def language_token(language: str) -> str:
    """The token that names a language."""
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}")
    return f"<|{language}|>"


SPECIAL = (END, TRANSLATE, TARGET, *(language_token(language) for language in LANGUAGES))


@dataclass(frozen=True, slots=True)
class Pair:
    """A text in one language and what it says in another."""

    source: str
    target: str
    source_language: str
    target_language: str
    open: bool = False
    """Whether the source goes on, and the target says only what is sure so far."""


def train_tokenizer(texts: Iterable[str], path: Path) -> None:
    """Learn a byte-level BPE and write it as `tokenizer.json`.

    Every word, the first one too, carries the space before it, so a text cut between words gives
    the same tokens in two pieces as in one.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != VOCABULARY_SIZE:
        raise RuntimeError("the texts are too few for the vocabulary")
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


class Tokens:
    """Texts to token sequences and back."""

    def __init__(self, path: Path) -> None:
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.encode_special_tokens = True
        self.ids(SPECIAL)

    def text(self, text: str) -> list[str]:
        """Tokens of a text; special tokens spelt out in it are taken for plain text."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).tokens)

    def prompt(self, pair: Pair, prefix: str = "") -> list[str]:
        """All that stands before the translation, and the part of it that is already given.

        A source that goes on is marked by a token that the vocabulary has anyway.
        """
        return [
            TRANSLATE,
            language_token(pair.source_language),
            language_token(pair.target_language),
            *self.text(pair.source),
            *([TRANSLATE] if pair.open else []),
            TARGET,
            *self.text(prefix),
        ]

    def example(self, pair: Pair) -> tuple[list[int], int]:
        """Ids of the whole sequence, and how many of them are the prompt."""
        prompt = self.prompt(pair)
        return self.ids([*prompt, *self.text(pair.target), END]), len(prompt)

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """Ids of tokens that are all in the vocabulary."""
        return [self._id(token) for token in tokens]

    def decode(self, tokens: Sequence[str]) -> str:
        """The text that tokens spell, without the space before its first word."""
        plain = [token for token in tokens if token not in SPECIAL]
        return str(self.tokenizer.decode(self.ids(plain))).strip()

    def _id(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer lacks {token!r}")
        return int(found)
