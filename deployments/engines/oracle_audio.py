"""Words written into 16-bit samples, so that what is said is known exactly from the audio alone.

A word fills its stretch of audio with blocks of eight samples: a mark, five samples that say which
word it is, the block's position in the word, a checksum. No other sample is as high as a mark, and
the mark of a word's first block is the highest of all. The last block is cut where the word ends.
Silence is zero. Each sample of a word has at least a quarter of full scale, so that any energy
detector hears it, and signs alternate, so that there is no offset.

The samples must arrive untouched: 16 kHz, mono, no gain, no lossy codec. A word counts as heard
only where each of its samples is in place. Knows no engine and no session.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.types import Samples

SESSION_BITS = 16
INDEX_BITS = 20
_LENGTH_BITS = 17
_LANGUAGE_BITS = 15
_ENDING_BITS = 2

ENDINGS = ("", ",", ".", "?")
"""Punctuation that a word may carry."""

BLOCK_SAMPLES = 8
MIN_WORD_SAMPLES = BLOCK_SAMPLES
MAX_WORD_SAMPLES = (1 << _LENGTH_BITS) - 1

LOUDNESS = 0.25
"""Least magnitude of a word's samples, of full scale 1."""

_FULL_SCALE = 32_768
_FIRST_MARK = 32_767
_MARK = 28_672
_LEVEL = 8_192
_SYMBOL_BITS = 14
_SYMBOL_MASK = (1 << _SYMBOL_BITS) - 1
_IDENTITY = slice(1, 6)
_POSITION = 6
_CHECK = 7
_SIGNS = np.array([1, -1] * (BLOCK_SAMPLES // 2), dtype=np.int16)
_POSITIONS = np.arange(1 + MAX_WORD_SAMPLES // BLOCK_SAMPLES, dtype=np.int16)

_LETTERS = "_abcdefghijklmnopqrstuvwxyz"
_LANGUAGE_LETTERS = 3

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TEXT_LETTERS = 7
_TEXT_BITS = SESSION_BITS + INDEX_BITS
_TEXT_MASK = (1 << _TEXT_BITS) - 1
_SCRAMBLE = 0x9E3779B97
_UNSCRAMBLE = pow(_SCRAMBLE, -1, _TEXT_MASK + 1)


@dataclass(frozen=True, slots=True, order=True)
class WordId:
    """The `index`th word, from 0, of a session."""

    session: int
    index: int

    @property
    def text(self) -> str:
        """Seven lower-case letters and digits, different for each word of each session.

        Scrambled: a text that counts (w1.1000 w1.1001) compresses so well that the session's gate
        against looping models would drop it.
        """
        code = _scrambled(self.session << INDEX_BITS | self.index)
        digits = []
        for _ in range(TEXT_LETTERS):
            code, digit = divmod(code, len(_DIGITS))
            digits.append(_DIGITS[digit])
        return "".join(reversed(digits))

    @classmethod
    def of_text(cls, text: str) -> WordId | None:
        """The word that a text, with or without punctuation, stands for; None where it is none."""
        letters = text.strip().rstrip("".join(ENDINGS))
        if len(letters) != TEXT_LETTERS or not set(letters) <= set(_DIGITS):
            return None
        code = int(letters, len(_DIGITS))
        if code > _TEXT_MASK:
            return None
        return cls(*divmod(_unscrambled(code), 1 << INDEX_BITS))


@dataclass(frozen=True, slots=True)
class OracleWord:
    """A word and the stretch of audio that it fills."""

    word: WordId
    start_samples: int
    end_samples: int
    language: str = "en"
    """Two or three lower-case letters."""
    ending: str = ""
    """One of ENDINGS."""

    @property
    def text(self) -> str:
        """As it is written, punctuation included."""
        return self.word.text + self.ending


def encode(words: Iterable[OracleWord], begin: int, end: int) -> NDArray[np.int16]:
    """Samples [begin, end) of the stream in which these words are said, in any order.

    Raises ValueError for what the code cannot hold.
    """
    samples = np.zeros(end - begin, dtype=np.int16)
    for word in words:
        first, last = max(word.start_samples, begin), min(word.end_samples, end)
        if first < last:
            stretch = samples[first - begin : last - begin]
            if stretch.any():
                raise ValueError(f"{word} is said over another word")
            stretch[:] = _waveform(word)[first - word.start_samples : last - word.start_samples]
    return samples


def decode(samples: Samples) -> list[OracleWord]:
    """The words that lie whole in a window, in order, with times from its start."""
    words = []
    for start in np.flatnonzero(samples == np.float32(_FIRST_MARK / _FULL_SCALE)).tolist():
        word = _read(samples[start : start + BLOCK_SAMPLES], start)
        if word is None or word.end_samples > len(samples):
            continue
        stretch = samples[start : word.end_samples] * np.float32(_FULL_SCALE)
        if np.array_equal(stretch, _waveform(word)):
            words.append(word)
    return words


def session_of(samples: Samples) -> int | None:
    """The session whose words, or parts of words, these samples are; None for silence."""
    for at in np.flatnonzero(samples >= np.float32(_MARK / _FULL_SCALE)).tolist():
        word = _read(samples[at : at + BLOCK_SAMPLES], at)
        if word is not None:
            return word.word.session
    return None


def _waveform(word: OracleWord) -> NDArray[np.int16]:
    """The samples of a word, shape (its length,)."""
    length = word.end_samples - word.start_samples
    identity = _pack(word, length)
    positions = _POSITIONS[: -(-length // BLOCK_SAMPLES)]
    blocks = np.empty((len(positions), BLOCK_SAMPLES), dtype=np.int16)
    blocks[:] = _SIGNS * np.array([_MARK, *_symbols(identity), 0, 0], dtype=np.int16)
    blocks[0, 0] = _FIRST_MARK
    blocks[:, _POSITION] = positions + _LEVEL
    blocks[:, _CHECK] = -_LEVEL - (positions ^ _checksum(identity))
    return blocks.reshape(-1)[:length]


def _read(block: Samples, at: int) -> OracleWord | None:
    """The word that the block at a sample belongs to; None where it is cut or no block."""
    if len(block) < BLOCK_SAMPLES:
        return None
    symbols = [round(value) for value in (block * np.float32(_FULL_SCALE) * _SIGNS).tolist()]
    *payload, position, check = (symbol - _LEVEL for symbol in symbols[1:])
    if not all(0 <= symbol <= _SYMBOL_MASK for symbol in (*payload, position, check)):
        return None
    identity = 0
    for symbol in payload:
        identity = identity << _SYMBOL_BITS | symbol
    if _checksum(identity) ^ position != check:
        return None
    return _unpack(identity, at - position * BLOCK_SAMPLES)


def _pack(word: OracleWord, length: int) -> int:
    """All that a block says about its word, in 70 bits; ValueError where it does not fit."""
    fields = (
        (word.word.session, SESSION_BITS),
        (word.word.index, INDEX_BITS),
        (length, _LENGTH_BITS),
        (_language_code(word.language), _LANGUAGE_BITS),
        (ENDINGS.index(word.ending), _ENDING_BITS),
    )
    identity = 0
    for value, bits in fields:
        if not 0 <= value < 1 << bits or length < MIN_WORD_SAMPLES:
            raise ValueError(f"{word} cannot be written into audio")
        identity = identity << bits | value
    return identity


def _unpack(identity: int, start: int) -> OracleWord:
    values = []
    for bits in (_ENDING_BITS, _LANGUAGE_BITS, _LENGTH_BITS, INDEX_BITS, SESSION_BITS):
        values.append(identity & (1 << bits) - 1)
        identity >>= bits
    ending, language, length, index, session = values
    name = _language_name(language)
    return OracleWord(WordId(session, index), start, start + length, name, ENDINGS[ending])


def _symbols(identity: int) -> list[int]:
    """As heights of samples."""
    shifts = range((_IDENTITY.stop - _IDENTITY.start - 1) * _SYMBOL_BITS, -1, -_SYMBOL_BITS)
    return [_LEVEL + (identity >> shift & _SYMBOL_MASK) for shift in shifts]


def _checksum(identity: int) -> int:
    return zlib.crc32(identity.to_bytes(9, "big")) & _SYMBOL_MASK


def _language_code(name: str) -> int:
    code = 0
    for letter in name.ljust(_LANGUAGE_LETTERS, _LETTERS[0]):
        code = code * len(_LETTERS) + _LETTERS.index(letter)
    return code


def _language_name(code: int) -> str:
    letters = ""
    for _ in range(_LANGUAGE_LETTERS):
        code, letter = divmod(code, len(_LETTERS))
        letters = _LETTERS[letter] + letters
    return letters.rstrip(_LETTERS[0])


def _scrambled(code: int) -> int:
    for _ in range(2):
        code = code * _SCRAMBLE & _TEXT_MASK
        code ^= code >> _TEXT_BITS // 2
    return code


def _unscrambled(code: int) -> int:
    for _ in range(2):
        code ^= code >> _TEXT_BITS // 2
        code = code * _UNSCRAMBLE & _TEXT_MASK
    return code
