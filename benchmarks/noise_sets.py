"""Sound without a word in it: silence, noise, hum and music."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deployments.types import SAMPLE_RATE_HZ, Samples
from models.training.augment import hum, pink_noise

KINDS = ("silence", "white", "pink", "hum", "music")
NOISE_LEVEL = 0.05
"""Standard deviation: as loud as speech across a table."""
MUSIC_PEAK = 0.5
PIECE_S = 30
"""Each piece of music has a key, a tempo and instruments of its own."""

_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9))
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
_BEATS = 4


def wordless(kind: str, seconds: int, seed: int) -> bytes:
    """16-bit mono PCM at 16 kHz of one of KINDS."""
    count = seconds * SAMPLE_RATE_HZ
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    samples = np.clip(_sound(kind, count, rng), -1, 1)
    return np.asarray(samples * 32767, "<i2").tobytes()


def _sound(kind: str, count: int, rng: np.random.Generator) -> Samples:
    match kind:
        case "silence":
            return np.zeros(count, np.float32)
        case "white":
            return np.asarray(rng.standard_normal(count) * NOISE_LEVEL, np.float32)
        case "pink":
            return pink_noise(count, rng) * np.float32(NOISE_LEVEL)
        case "hum":
            return hum(count, rng) * np.float32(NOISE_LEVEL)
        case _:
            return np.concatenate(list(_music(count, rng)))


def _music(count: int, rng: np.random.Generator) -> Iterator[Samples]:
    for at in range(0, count, PIECE_S * SAMPLE_RATE_HZ):
        yield _piece(min(PIECE_S * SAMPLE_RATE_HZ, count - at), rng)


def _piece(count: int, rng: np.random.Generator) -> Samples:
    """Chords, a melody that slides a little, and drums."""
    beat = int(SAMPLE_RATE_HZ * 60 / rng.uniform(70, 140))
    key_hz = 110 * 2 ** (int(rng.integers(12)) / 12)
    brightness = rng.uniform(0.5, 2.0)
    piece = np.zeros(count + _BEATS * beat, np.float32)
    for bar, start in enumerate(range(0, count, _BEATS * beat)):
        chord = _CHORDS[int(rng.integers(len(_CHORDS)))] if bar % 4 else _CHORDS[0]
        for step in chord:
            _add(piece, start, 0.2 * _note(key_hz, step, _BEATS * beat, brightness, 0.0))
        for index in range(_BEATS):
            step = _SCALE[int(rng.integers(len(_SCALE)))] + 12
            note = _note(key_hz, step, beat, brightness, rng.uniform(0, 0.01))
            _add(piece, start + index * beat, 0.3 * note)
            _add(piece, start + index * beat, _drum(index, beat, rng))
    piece = piece[:count]
    return piece * np.float32(MUSIC_PEAK / max(float(np.abs(piece).max()), 1e-6))


def _note(key_hz: float, step: int, count: int, brightness: float, vibrato: float) -> Samples:
    """A few harmonics that fade; vibrato is a share of the pitch."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    wobble = vibrato / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * time_s)
    phase = 2 * np.pi * key_hz * 2 ** (step / 12) * (time_s + wobble)
    tone = sum(np.sin(phase * harmonic) / harmonic**brightness for harmonic in range(1, 7))
    envelope = np.minimum(time_s / 0.01, 1.0) * np.exp(-2.0 * time_s)
    return np.asarray(tone * envelope, np.float32)


def _drum(beat_index: int, beat: int, rng: np.random.Generator) -> Samples:
    """A kick on the odd beats, a snare on the even ones."""
    time_s = np.arange(beat) / SAMPLE_RATE_HZ
    if beat_index % 2 == 0:
        return np.asarray(
            np.sin(2 * np.pi * (50 * time_s + 8 * (1 - np.exp(-time_s * 25))))
            * np.exp(-9 * time_s),
            np.float32,
        )
    return np.asarray(0.5 * rng.standard_normal(beat) * np.exp(-18 * time_s), np.float32)


def _add(piece: Samples, at: int, sound: Samples) -> None:
    stretch = piece[at : at + len(sound)]
    stretch += sound[: len(stretch)]
