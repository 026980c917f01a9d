"""Training windows: what a live recogniser hears, and what it should answer.

At serving time the model sees growing windows of one utterance, cut anywhere. So most windows
here are cut: their text is only the words that are finished before the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.training.augment import NOISES, NoiseBank, Samples, augment
from models.training.speech import SAMPLE_RATE_HZ, Utterance
from models.training.tokens import LANGUAGES, Tokens, without_final_punctuation

FRAME_SAMPLES = 320  # one encoder position
IGNORED = -100
_FINISHED_SAMPLES = int(0.02 * SAMPLE_RATE_HZ)
_SETTLED_SAMPLES = int(0.12 * SAMPLE_RATE_HZ)
_MIN_CUT_SAMPLES = int(0.25 * SAMPLE_RATE_HZ)
_PROMPT_SHARE = 0.12
_TIMES_SHARE = 0.4
_MAX_PROMPT_TOKENS = 60
_LINGERING_SHARE = 0.25
_LINGERING_S = 1.8


@dataclass(slots=True)
class Window:
    """One training example.

    audio: float32 16 kHz. inputs, targets: decoder ids, IGNORED where no loss is due. spans:
    per position the encoder frames [lo, hi) in which the target is spoken, (0, 0) where that is
    not known. phonemes: per encoder frame a class, 0 a pause. words: text ids for CTC.
    """

    audio: Samples
    language: str
    inputs: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    phonemes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    words: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Piece:
    """A stretch of one utterance: samples [start, end) and the words spoken in it, with their
    times relative to `start`; phoneme class changes likewise."""

    audio: Samples
    words: list[str]
    times: list[tuple[int, int]]
    phonemes: list[tuple[int, int]]
    exact: bool


class WindowMaker:
    """Draws windows from a corpus."""

    def __init__(
        self, utterances: Sequence[Utterance], phonemes: Sequence[str], tokens: Tokens, seed: int
    ) -> None:
        self._tokens = tokens
        self._classes = {"": 0} | {name: i for i, name in enumerate(phonemes, 1)}
        self._by_language = {
            language: [u for u in utterances if u.language == language] for language in LANGUAGES
        }
        self._bank = NoiseBank(
            [u.audio for u in utterances[:: max(1, len(utterances) // 400)]], seed
        )

    def short(self, rng: np.random.Generator, noisy_share: float) -> Window:
        """One utterance, usually cut; sometimes two, sometimes nothing."""
        draw = rng.random()
        if draw < 0.10:
            return self.silent(rng, float(rng.uniform(0.3, 6.0)))
        language = str(rng.choice(LANGUAGES))
        lead, gap, trail = self._pauses(rng)
        if draw < 0.33:
            pieces = [self._whole(language, rng)]
        elif draw < 0.70:
            pieces, trail = [self._cut(language, rng, from_start=True)], 0
        elif draw < 0.80:
            pieces, trail, lead = [self._cut(language, rng, from_start=False)], 0, 0
        elif draw < 0.87:
            pieces, lead = [self._from_word(self._any(language, rng), rng)], 0
        elif draw < 0.93:
            pieces = [self._whole(language, rng), self._whole(language, rng)]
        else:
            pieces = [self._whole(language, rng), self._cut(language, rng, from_start=True)]
            trail = 0
        return self._assemble(pieces, language, (lead, gap, trail), rng, noisy_share)

    def long(self, rng: np.random.Generator, noisy_share: float, max_s: float) -> Window:
        """Sentence after sentence, as many as fit in `max_s` at most."""
        language = str(rng.choice(LANGUAGES))
        room = rng.uniform(0.3, 1.0) * max_s * SAMPLE_RATE_HZ
        pauses = self._pauses(rng)
        pieces = [self._whole(language, rng)]
        room -= sum(pauses) + len(pieces[0].audio)
        while True:
            piece = self._whole(language, rng)
            room -= len(piece.audio) + pauses[1]
            if room < 0:
                break
            pieces.append(piece)
        return self._assemble(pieces, language, pauses, rng, noisy_share)

    def silent(self, rng: np.random.Generator, seconds: float) -> Window:
        """Noise, people in the background or silence, and nothing to say about it."""
        count = int(seconds * SAMPLE_RATE_HZ)
        audio: Samples = np.zeros(count, np.float32)
        if rng.random() < 0.9:
            kind = str(rng.choice(NOISES, p=(0.2, 0.2, 0.45, 0.15)))
            level = np.float32(10 ** rng.uniform(-4.5, -0.9))
            audio = self._bank.take(kind, count, rng) * level
        window = Window(audio, str(rng.choice(LANGUAGES)))
        window.phonemes = np.zeros(_frames(count), np.int64)
        self._add_tokens(window, [], [], rng)
        return window

    def _pauses(self, rng: np.random.Generator) -> tuple[int, int, int]:
        lead_s = 0.0 if rng.random() < 0.25 else float(rng.uniform(0.02, 0.5))
        trail_s = 0.12 + float(rng.uniform(0.0, 0.6)) if rng.random() < 0.85 else 0.13
        gap_s = float(rng.uniform(0.15, 0.9))
        if rng.random() < _LINGERING_SHARE:
            # Noise keeps a voice detector open: there, pauses are part of the window.
            lead_s, gap_s, trail_s = (float(s) for s in rng.uniform(0.1, _LINGERING_S, 3))
        return tuple(int(s * SAMPLE_RATE_HZ) for s in (lead_s, gap_s, trail_s))  # type: ignore[return-value]

    def _any(self, language: str, rng: np.random.Generator) -> Utterance:
        utterances = self._by_language[language]
        return utterances[int(rng.integers(len(utterances)))]

    def _whole(self, language: str, rng: np.random.Generator) -> Piece:
        utterance = self._any(language, rng)
        return self._piece(utterance, 0, len(utterance.audio), 0)

    def _from_word(self, utterance: Utterance, rng: np.random.Generator) -> Piece:
        return self._piece(utterance, *self._start(utterance, rng))

    def _start(self, utterance: Utterance, rng: np.random.Generator) -> tuple[int, int, int]:
        """Start sample (about a word's start), end sample and index of the first word."""
        if len(utterance.word_starts) < 3:
            return 0, len(utterance.audio), 0
        first = int(rng.integers(1, len(utterance.word_starts) - 1))
        jitter = int(rng.uniform(-0.05, 0.02) * SAMPLE_RATE_HZ)
        return max(0, int(utterance.word_starts[first]) + jitter), len(utterance.audio), first

    def _cut(self, language: str, rng: np.random.Generator, *, from_start: bool) -> Piece:
        utterance = self._any(language, rng)
        start, end, first = (0, len(utterance.audio), 0)
        if not from_start:
            start, end, first = self._start(utterance, rng)
        if not len(utterance.word_starts) or end - start <= _MIN_CUT_SAMPLES:
            return self._piece(utterance, start, end, first)
        cut = int(rng.integers(start + _MIN_CUT_SAMPLES, end))
        return self._piece(utterance, start, cut, first)

    def _piece(self, utterance: Utterance, start: int, end: int, first: int) -> Piece:
        words = utterance.text.split()[first:]
        exact = bool(len(utterance.word_starts))
        if exact:
            starts, ends = utterance.word_starts[first:], utterance.word_ends[first:]
            finished = int(np.searchsorted(ends, end + _FINISHED_SAMPLES, side="right"))
            whole = end >= len(utterance.audio)
            if finished and not whole and end < ends[finished - 1] + _SETTLED_SAMPLES:
                words[finished - 1] = without_final_punctuation(words[finished - 1])
            words = words[:finished]
            times = [
                (max(int(a) - start, 0), int(b) - start)
                for a, b in zip(starts[:finished], ends[:finished], strict=True)
            ]
        else:
            times = [(0, end - start)] * len(words)
        changes = [
            (max(int(at) - start, 0), self._classes[name])
            for name, at in zip(utterance.phonemes, utterance.phoneme_starts.tolist(), strict=True)
            if at < end
        ]
        audio = utterance.audio[start:end].astype(np.float32) / np.float32(32768)
        return Piece(audio, words, times, changes, exact)

    def _assemble(
        self,
        pieces: list[Piece],
        language: str,
        pauses: tuple[int, int, int],
        rng: np.random.Generator,
        noisy_share: float,
    ) -> Window:
        lead, gap, trail = pauses
        count = lead + trail + sum(len(p.audio) for p in pieces) + gap * (len(pieces) - 1)
        audio: Samples = np.zeros(count, np.float32)
        phonemes = np.zeros(_frames(count), np.int64)
        offsets: list[int] = []
        at = lead
        for piece in pieces:
            level = np.float32(10 ** rng.uniform(-0.3, 0.0))
            audio[at : at + len(piece.audio)] = piece.audio * level
            for start, kind in piece.phonemes:
                phonemes[(at + start + FRAME_SAMPLES // 2) // FRAME_SAMPLES :] = kind
            phonemes[(at + len(piece.audio) + FRAME_SAMPLES // 2) // FRAME_SAMPLES :] = 0
            offsets.append(at)
            at += len(piece.audio) + gap
        window = Window(augment(audio, self._bank, noisy_share, rng), language)
        window.phonemes = phonemes
        self._add_tokens(window, pieces, offsets, rng)
        return window

    def _add_tokens(
        self, window: Window, pieces: list[Piece], offsets: list[int], rng: np.random.Generator
    ) -> None:
        tokens = self._tokens
        spoken = [(p, o) for p, o in zip(pieces, offsets, strict=True) if p.words]
        sequence = _Sequence(window)
        if rng.random() < _PROMPT_SHARE:
            sequence.prompt(tokens.previous, self._prompt(window.language, rng))
        # Without any word the answer at this position is how no_speech_prob gets its meaning;
        # a cut word is speech, though.
        language_id = tokens.languages[window.language]
        sequence.add(tokens.start, IGNORED)
        sequence.add(language_id, language_id if pieces else tokens.no_speech)
        sequence.add(tokens.transcribe, tokens.transcribe)
        with_times = rng.random() < _TIMES_SHARE
        if not with_times:
            sequence.add(tokens.no_times, tokens.no_times)
        elif not spoken:
            sequence.add(tokens.time(0.0), tokens.time(0.0))
        for piece, offset in spoken:
            self._add_piece(sequence, piece, offset, with_times)
        sequence.close(tokens.end)

    def _add_piece(self, sequence: _Sequence, piece: Piece, offset: int, with_times: bool) -> None:
        tokens = self._tokens
        if with_times:
            start = tokens.time((offset + piece.times[0][0]) / SAMPLE_RATE_HZ)
            sequence.add(start, start)
        for word, (start_at, end_at) in zip(piece.words, piece.times, strict=True):
            ids = tokens.word(word)
            edges = np.linspace(offset + start_at, offset + end_at, len(ids) + 1) / FRAME_SAMPLES
            for i, token in enumerate(ids):
                span = (int(edges[i]), int(edges[i + 1]) + 1) if piece.exact else (0, 0)
                sequence.add(token, token, span, in_ctc=True)
        if with_times:
            end = tokens.time((offset + piece.times[-1][1]) / SAMPLE_RATE_HZ)
            sequence.add(end, end)

    def _prompt(self, language: str, rng: np.random.Generator) -> list[int]:
        ids = [i for w in self._any(language, rng).text.split() for i in self._tokens.word(w)]
        return ids[-_MAX_PROMPT_TOKENS:]


class _Sequence:
    """Shifts inputs against targets while a window's ids are added."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def prompt(self, start: int, ids: list[int]) -> None:
        for token in (start, *ids):
            self.add(token, IGNORED)

    def add(
        self, token: int, target: int, span: tuple[int, int] = (0, 0), in_ctc: bool = False
    ) -> None:
        window = self._window
        if window.inputs:
            window.targets.append(target)
            window.spans.append(span)
        window.inputs.append(token)
        if in_ctc:
            window.words.append(token)

    def close(self, end: int) -> None:
        self._window.targets.append(end)
        self._window.spans.append((0, 0))


def _frames(samples: int) -> int:
    """Encoder positions of a window: half its feature frames (n // 160 + 1), rounded up."""
    return (samples // 160 + 2) // 2
