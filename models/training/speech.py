"""From text and a voice to 16 kHz audio with word and phoneme times."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly  # type: ignore[import-untyped]

from models.training.espeak import Espeak
from models.training.voices import Voice

SAMPLE_RATE_HZ = 16_000
_FLITE = shutil.which("flite") or "flite"
_PAUSES = ("", "_", "_:", "__")
_PEAK = 0.9 * 32767
_FLITE_WPM = 160
_TOKEN = re.compile(r"\S+")
_SEGMENT = re.compile(r"(\S+):([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One spoken sentence, without silence around it.

    audio: int16 mono 16 kHz. word_starts, word_ends: int32 samples, one per whitespace-separated
    word of `text`, or empty when the engine does not tell. phonemes, phoneme_starts: what is
    spoken from when (samples); "" is a pause.
    """

    text: str
    language: str
    voice: str
    audio: NDArray[np.int16]
    word_starts: NDArray[np.int32]
    word_ends: NDArray[np.int32]
    phonemes: list[str]
    phoneme_starts: NDArray[np.int32]


class Synthesiser:
    """Speaks text; the same text and voice always give the same samples."""

    def __init__(self) -> None:
        self._espeak = Espeak()

    def speak(self, text: str, language: str, voice: Voice) -> Utterance:
        """Synthesise one sentence."""
        if voice.engine == "flite":
            return _speak_flite(text, language, voice)
        speech = self._espeak.say(text, voice.name, voice.rate_wpm, voice.pitch, voice.pitch_range)
        scale = SAMPLE_RATE_HZ / speech.rate_hz
        audio = resample_poly(speech.audio.astype(np.float32), 320, 441)
        phonemes = ["" if name in _PAUSES else name for name, _ in speech.phonemes]
        starts = np.array([start * scale for _, start in speech.phonemes], np.int32)
        events = [(offset, int(start * scale)) for offset, start in speech.words]
        end = _speech_end(phonemes, starts, len(audio))
        word_starts, word_ends = _word_times(text, events, phonemes, starts, end)
        return Utterance(
            text, language, voice.label, _normalised(audio[:end]),
            word_starts, word_ends, phonemes, starts,
        )  # fmt: skip


def _normalised(audio: NDArray[np.floating]) -> NDArray[np.int16]:
    peak = float(np.abs(audio).max(initial=1.0))
    return np.asarray(audio * (_PEAK / peak), np.int16)


def _speech_end(phonemes: list[str], starts: NDArray[np.int32], length: int) -> int:
    end = length
    for name, start in zip(reversed(phonemes), reversed(starts.tolist()), strict=True):
        if name:
            break
        end = int(start)
    return min(end, length)


def _word_times(
    text: str,
    events: list[tuple[int, int]],
    phonemes: list[str],
    phoneme_starts: NDArray[np.int32],
    end: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Start and end samples per word.

    espeak reports words that it speaks as one ("of the") once: those in between are placed
    by their share of the letters. It also reports some words again at the very end: dropped.
    """
    anchors: list[tuple[int, int]] = []
    for offset, start in events:
        if start < end and (not anchors or offset > anchors[-1][0]):
            anchors.append((offset, start))
    offsets = [match.start() for match in _TOKEN.finditer(text)]
    xs = np.array([offset for offset, _ in anchors] + [len(text) + 1], np.float64)
    ys = np.array([start for _, start in anchors] + [end], np.float64)
    starts = np.interp(np.array(offsets, np.float64), xs, ys).astype(np.int32)
    ends = np.append(starts[1:], end).astype(np.int32)
    for word, following in enumerate(ends.tolist()):
        # A word before a pause ends where the pause starts.
        last = int(np.searchsorted(phoneme_starts, following)) - 1
        while last >= 0 and not phonemes[last] and phoneme_starts[last] > starts[word]:
            ends[word] = phoneme_starts[last]
            last -= 1
    return starts, ends


def _speak_flite(text: str, language: str, voice: Voice) -> Utterance:
    stretch = _FLITE_WPM / voice.rate_wpm
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        done = subprocess.run(  # noqa: S603  # our own phrasebook's text
            [
                *(_FLITE, "-voice", voice.name, "--setf", f"duration_stretch={stretch:.3f}"),
                *("-psdur", "-t", text, "-o", file.name),
            ],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        with wave.open(file.name) as source:
            rate_hz = source.getframerate()
            audio = np.frombuffer(source.readframes(source.getnframes()), np.int16)
    samples = audio.astype(np.float32)
    if rate_hz != SAMPLE_RATE_HZ:
        samples = resample_poly(samples, SAMPLE_RATE_HZ, rate_hz)
    segments = [(name, float(end_s)) for name, end_s in _SEGMENT.findall(done.stdout)]
    starts_s = [0.0, *(end_s for _, end_s in segments[:-1])]
    # flite's phones sound unlike espeak's of the same name, hence the prefix.
    phonemes = ["" if name == "pau" else f"flite {name}" for name, _ in segments]
    starts = np.array([start_s * SAMPLE_RATE_HZ for start_s in starts_s], np.int32)
    first = int(starts[1]) if len(starts) > 1 and not phonemes[0] else 0
    end = _speech_end(phonemes, starts, len(samples))
    starts = np.maximum(starts - first, 0)
    word_starts, word_ends = _flite_word_times(text, phonemes, starts, end - first)
    return Utterance(
        text, language, voice.label, _normalised(samples[first:end]),
        word_starts, word_ends, phonemes, starts,
    )  # fmt: skip


def _flite_word_times(
    text: str, phonemes: list[str], starts: NDArray[np.int32], end: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Start and end samples per word, by the phonemes that each word has when spoken alone.

    flite does not tell when a word is spoken. Where a sentence has other phonemes than its words
    alone (elisions), the times are unknown: empty.
    """
    counts = [_flite_phonemes(word) for word in text.split()]
    spoken = [index for index, name in enumerate(phonemes) if name]
    if sum(counts) != len(spoken) or 0 in counts:
        none = np.zeros(0, np.int32)
        return none, none
    ends = np.append(starts[1:], end)
    last = np.cumsum(counts) - 1
    first = np.append(0, last[:-1] + 1)
    of = np.array(spoken)
    return starts[of[first]], np.asarray(ends[of[last]], np.int32)


@functools.cache
def _flite_phonemes(word: str) -> int:
    """How many phonemes flite speaks `word` with."""
    done = subprocess.run(  # noqa: S603  # our own phrasebook's text
        [_FLITE, "-voice", "kal", "-ps", "-t", f"{word} ", "-o", "none"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return sum(name != "pau" for name in done.stdout.split())
