"""From bytes to samples on the session's one clock: the sample index from session start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.types import SAMPLE_RATE_HZ, Samples

BYTES_PER_SAMPLE = 2
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
_FULL_SCALE = np.float32(32768.0)
_INITIAL_SAMPLES = 4 * SAMPLE_RATE_HZ

Pcm = NDArray[np.int16]
"""Mono samples as they arrive, shape (n,)."""


def to_ms(samples: int) -> int:
    """Whole milliseconds at or before a sample index."""
    return samples // SAMPLES_PER_MS


def to_samples(ms: int) -> int:
    """Sample index of a millisecond."""
    return ms * SAMPLES_PER_MS


class PcmReader:
    """Turns 16-bit little-endian bytes, cut anywhere, into samples."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes) -> Pcm:
        """The samples that the bytes so far complete; half a sample waits for its other half."""
        data = self._rest + data
        whole = len(data) - len(data) % BYTES_PER_SAMPLE
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], dtype="<i2")


class AudioOverflowError(Exception):
    """More audio than the session may hold; the reader in front of it must wait."""


class SampleBuffer:
    """The stretch of audio still needed, addressed by absolute sample index.

    Held as 16-bit samples. The room of forgotten samples is reclaimed only when the array is full,
    so each sample is moved a constant number of times on average.
    """

    def __init__(self, capacity_samples: int, begin: int = 0) -> None:
        self._data: Pcm = np.zeros(_INITIAL_SAMPLES, dtype=np.int16)
        self._capacity = capacity_samples
        self._offset = begin
        self._begin = begin
        self._end = begin

    @property
    def begin(self) -> int:
        """First sample still held."""
        return self._begin

    @property
    def end(self) -> int:
        """One past the last sample received."""
        return self._end

    def append(self, samples: Pcm) -> None:
        """Add samples at the end; AudioOverflowError beyond the capacity."""
        needed = self._end + len(samples) - self._begin
        if needed > self._capacity:
            raise AudioOverflowError(f"{needed} samples to hold, {self._capacity} allowed")
        if self._end - self._offset + len(samples) > len(self._data):
            self._make_room(needed)
        at = self._end - self._offset
        self._data[at : at + len(samples)] = samples
        self._end += len(samples)

    def slice(self, begin: int, end: int) -> Samples:
        """Samples [begin, end), float32 in [-1, 1), a copy; IndexError unless all are held."""
        if not self._begin <= begin <= end <= self._end:
            raise IndexError(f"[{begin}, {end}) is outside [{self._begin}, {self._end})")
        held = self._data[begin - self._offset : end - self._offset]
        return held.astype(np.float32) / _FULL_SCALE

    def forget_before(self, sample: int) -> None:
        """Let go of everything before a sample; never moves backwards."""
        self._begin = max(self._begin, min(sample, self._end))

    def _make_room(self, needed: int) -> None:
        kept = self._data[self._begin - self._offset : self._end - self._offset].copy()
        if 2 * needed > len(self._data):
            self._data = np.zeros(2 * needed, dtype=np.int16)
        self._data[: len(kept)] = kept
        self._offset = self._begin
