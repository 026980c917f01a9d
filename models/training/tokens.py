"""The vocabulary: a byte-level BPE over the training texts, then Whisper's special tokens.

Order and spelling of the special tokens follow OpenAI's Whisper, since faster-whisper and
CTranslate2 look them up by name and count time tokens up from <|notimestamps|>.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

BPE_TOKENS = 1_000
TIME_TOKENS = 1_501
TIME_STEP_S = 0.02
LANGUAGES = ("en", "de", "es")
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    # CTranslate2 takes a Whisper model for multilingual only if its vocabulary holds the empty
    # string, which a tokenizer file cannot: this token stands for it until the export.
    "<|empty|>",
    "<|notimestamps|>",
)
_PUNCTUATION = ".,;:!?"


def train_tokenizer(texts: Iterable[str], path: Path) -> None:
    """Learn the BPE and write a `tokenizer.json` that holds all tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((" " + text for text in texts), trainer)
    if tokenizer.get_vocab_size() != BPE_TOKENS:
        raise RuntimeError("the texts are too few for the vocabulary")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in _SPECIAL])
    tokenizer.add_special_tokens(
        [AddedToken(f"<|{i * TIME_STEP_S:.2f}|>", special=True) for i in range(TIME_TOKENS)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


class Tokens:
    """Ids by meaning."""

    def __init__(self, path: Path) -> None:
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        self.size: int = self.tokenizer.get_vocab_size()
        self.end = self._id("<|endoftext|>")
        self.start = self._id("<|startoftranscript|>")
        self.transcribe = self._id("<|transcribe|>")
        self.previous = self._id("<|startofprev|>")
        self.no_speech = self._id("<|nospeech|>")
        self.empty = self._id("<|empty|>")
        self.no_times = self._id("<|notimestamps|>")
        self.languages = {language: self._id(f"<|{language}|>") for language in LANGUAGES}
        self._words: dict[str, tuple[int, ...]] = {}

    def _id(self, name: str) -> int:
        found = self.tokenizer.token_to_id(name)
        if found is None:
            raise ValueError(f"the tokenizer lacks {name}")
        return int(found)

    def time(self, seconds: float) -> int:
        """The time token nearest to `seconds`."""
        step = round(seconds / TIME_STEP_S)
        return self.no_times + 1 + min(max(step, 0), TIME_TOKENS - 1)

    def word(self, word: str) -> tuple[int, ...]:
        """Ids of one whitespace-separated word, with the space before it.

        The pre-tokenizer splits before every space, so the words' ids put together are the ids
        of the text.
        """
        ids = self._words.get(word)
        if ids is None:
            ids = tuple(self.tokenizer.encode(" " + word, add_special_tokens=False).ids)
            self._words[word] = ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids below the special ones."""
        return str(self.tokenizer.decode([i for i in ids if i < self.end])).strip()


def without_final_punctuation(word: str) -> str:
    """The word as it is written while nobody knows yet how the sentence goes on."""
    return word.rstrip(_PUNCTUATION)
