"""Any rate to 16 kHz, as a stream: the result does not depend on how the input was cut."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from deployments.types import SAMPLE_RATE_HZ

BLOCK_SAMPLES = 480
"""Input goes to the resampler in blocks of this size, whatever pieces it came in."""


class Resampler:
    """Mono float samples at one rate in, 16-bit bytes at 16 kHz out; libswresample inside."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._waiting: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._engine = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)

    def feed(self, samples: NDArray[np.float32]) -> bytes:
        """Samples in [-1, 1], any number of them."""
        if self._rate_hz == SAMPLE_RATE_HZ:
            return to_pcm16(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        whole = len(self._waiting) - len(self._waiting) % BLOCK_SAMPLES
        blocks, self._waiting = self._waiting[:whole], self._waiting[whole:]
        return b"".join(self._convert(block) for block in blocks.reshape(-1, BLOCK_SAMPLES))

    def finish(self) -> bytes:
        """What the filter still holds."""
        if self._rate_hz == SAMPLE_RATE_HZ:
            return b""
        tail = self._convert(self._waiting) if len(self._waiting) else b""
        return tail + self._drain(None)

    def _convert(self, block: NDArray[np.float32]) -> bytes:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        return self._drain(frame)

    def _drain(self, frame: av.AudioFrame | None) -> bytes:
        out = self._engine.resample(frame)
        return b"".join(
            to_pcm16(piece.to_ndarray().reshape(-1).astype(np.float32)) for piece in out
        )


def to_pcm16(samples: NDArray[np.float32]) -> bytes:
    """Float samples in [-1, 1] as 16-bit little-endian bytes; beyond the range they are clipped."""
    scaled = np.clip(np.rint(samples * np.float32(32768.0)), -32768, 32767)
    return bytes(scaled.astype("<i2"))
