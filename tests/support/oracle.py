"""Streams of words that the oracle engines hear, and what became of each word of them."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from deployments.engines.oracle_audio import OracleWord, WordId, encode
from serve_app.session.audio import to_ms, to_samples
from serve_app.session.events import Event, to_wire

WORD_MS = (320, 700)
"""A word that were shorter would be said faster than the session's gates believe."""
SENTENCE_WORDS = (2, 9)
WORD_PAUSES_MS = (0, 0, 0, 60, 200)
SENTENCE_PAUSES_MS = (0, 300, 700, 1_500)
LONG_PAUSE_MS = 1_000
MAX_TALK_MS = 12_000
"""After as long without a long pause there is one, so that no utterance is cut within a word."""

Wire = Mapping[str, Any]


@dataclass(frozen=True)
class OracleStream:
    """What is said in one session, and when."""

    session: int
    words: tuple[OracleWord, ...]
    length_samples: int

    def pcm(self, begin: int = 0, end: int | None = None) -> bytes:
        """Samples [begin, end) as they are sent; made on demand, for streams of hours."""
        end = self.length_samples if end is None else min(end, self.length_samples)
        first = bisect_right(self.words, begin, key=lambda word: word.end_samples)
        last = bisect_left(self.words, end, key=lambda word: word.start_samples)
        return encode(self.words[first:last], begin, end).astype("<i2").tobytes()

    def pieces(self, piece_samples: int) -> Iterator[bytes]:
        """All of it, piece by piece."""
        for begin in range(0, self.length_samples, piece_samples):
            yield self.pcm(begin, begin + piece_samples)


def speak(
    session: int,
    count: int,
    *,
    seed: int = 0,
    language: str = "en",
    word_ms: tuple[int, int] = WORD_MS,
) -> OracleStream:
    """A stream of `count` words with the lengths and pauses that the seed says."""
    rng = random.Random(f"{seed}.{session}")
    words: list[OracleWord] = []
    at = rng.randrange(to_samples(2_000))
    talk_start = at
    sentence_end = rng.randint(*SENTENCE_WORDS)
    for index in range(count):
        end = at + rng.randint(to_samples(word_ms[0]), to_samples(word_ms[1]))
        ending = rng.choice(["", "", "", ","])
        pause_ms = rng.choice(WORD_PAUSES_MS)
        if index >= sentence_end:
            sentence_end = index + rng.randint(*SENTENCE_WORDS)
            ending = rng.choice([".", "?"])
            pause_ms = rng.choice(SENTENCE_PAUSES_MS)
        if end - talk_start > to_samples(MAX_TALK_MS):
            pause_ms = LONG_PAUSE_MS
        words.append(OracleWord(WordId(session, index), at, end, language, ending))
        at = end + to_samples(pause_ms)
        if pause_ms >= LONG_PAUSE_MS:
            talk_start = at
    return OracleStream(session, tuple(words), at + rng.randrange(to_samples(1_500)))


@dataclass(frozen=True)
class Account:
    """What is wrong with a transcript or a translation; equal to EXACT where nothing is."""

    lost: tuple[WordId, ...] = ()
    """Said and never told."""
    doubled: tuple[WordId, ...] = ()
    """Once for each time that a word was told again."""
    reordered: tuple[WordId, ...] = ()
    """Told for the first time after a later word."""
    leaked: tuple[WordId, ...] = ()
    """Of other sessions."""
    garbled: tuple[str, ...] = ()
    """Texts that are no word that anybody said."""
    mistimed: tuple[WordId, ...] = ()
    """Told with other times than they were said at."""
    misplaced: tuple[WordId, ...] = ()
    """Translated under another segment than they were committed in."""


EXACT = Account()


def account_transcript(told: Iterable[Event | Wire], stream: OracleStream) -> Account:
    """What became of the words of a stream, by the events of its session."""
    committed = _of_type("transcript.committed", told)
    ledger = _Ledger(stream)
    for _, text in _passages(committed):
        for written in text.split():
            ledger.enter(written)
    times = {word.word: _times_ms(word) for word in stream.words}
    timed = [
        (word, (entry["start_ms"], entry["end_ms"]))
        for event in committed
        for entry in event["words"]
        if (word := WordId.of_text(entry["text"])) is not None
    ]
    mistimed = tuple(word for word, at_ms in timed if times.get(word, at_ms) != at_ms)
    return ledger.close(mistimed=mistimed)


def account_translation(told: Iterable[Event | Wire], stream: OracleStream, target: str) -> Account:
    """What became of the words of a stream in one target language of the oracle."""
    wire = [_wire(event) for event in told]
    homes = {
        WordId.of_text(word): segment_id
        for segment_id, text in _passages(_of_type("transcript.committed", wire))
        for word in text.split()
    }
    translations = _of_type("translation.committed", wire)
    ledger = _Ledger(stream)
    misplaced: list[WordId] = []
    mark = f"t[{target}]"
    for segment_id, text in _passages([e for e in translations if e["target"] == target]):
        for translated in text.split():
            word = ledger.enter(translated.removeprefix(mark) if mark in translated else "")
            if word is not None and homes.get(word) != segment_id:
                misplaced.append(word)
    return ledger.close(misplaced=tuple(misplaced))


@dataclass
class _Ledger:
    """Words as they are told, against those that were said."""

    stream: OracleStream
    _seen: set[WordId] = field(default_factory=set)
    _highest: int = -1
    _found: dict[str, list[WordId]] = field(
        default_factory=lambda: {"doubled": [], "reordered": [], "leaked": []}
    )
    _garbled: list[str] = field(default_factory=list)

    def enter(self, text: str) -> WordId | None:
        """The next word told; returns it where it is one of the stream's."""
        word = WordId.of_text(text)
        if word is None:
            self._garbled.append(text)
            return None
        if word.session != self.stream.session:
            self._found["leaked"].append(word)
            return None
        if word.index >= len(self.stream.words):
            self._garbled.append(text)
            return None
        if word in self._seen:
            self._found["doubled"].append(word)
        elif word.index < self._highest:
            self._found["reordered"].append(word)
        self._seen.add(word)
        self._highest = max(self._highest, word.index)
        return word

    def close(
        self, *, mistimed: tuple[WordId, ...] = (), misplaced: tuple[WordId, ...] = ()
    ) -> Account:
        lost = tuple(word.word for word in self.stream.words if word.word not in self._seen)
        found = {name: tuple(words) for name, words in self._found.items()}
        garbled = tuple(self._garbled)
        return Account(lost=lost, garbled=garbled, mistimed=mistimed, misplaced=misplaced, **found)


def _passages(events: Iterable[Wire]) -> Iterator[tuple[str, str]]:
    """Segments with what they say, as told; in two passages where another came between."""
    for segment_id, passage in groupby(events, key=lambda event: str(event["segment_id"])):
        yield segment_id, "".join(event["text"] for event in passage)


def _of_type(kind: str, told: Iterable[Event | Wire]) -> list[Wire]:
    return [event for event in map(_wire, told) if event["type"] == kind]


def _wire(event: Event | Wire) -> Wire:
    return to_wire(0, event) if isinstance(event, Event) else event


def _times_ms(word: OracleWord) -> tuple[int, int]:
    return to_ms(word.start_samples), to_ms(word.end_samples)
