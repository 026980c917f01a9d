"""Whether a microphone hears anything at all. No I/O."""

from __future__ import annotations

import math

import numpy as np

from serve_app.client.pacing import BYTES_PER_MS

SILENT_PEAK = 33
"""Of 16-bit samples, -60 dBFS: below what a room sounds like at any usable gain."""
SILENT_FOR_MS = 5_000


class LevelWatch:
    """Feed it what is recorded; it notices once each time that nothing is heard for a while."""

    def __init__(self) -> None:
        self._silent_ms = 0.0
        self._peak = 0

    def hear(self, pcm: bytes) -> str:
        """What to tell the speaker, if anything; `pcm` is 16 kHz mono 16-bit, whole samples."""
        peak = int(np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32)).max(initial=0))
        if peak > SILENT_PEAK:
            self._silent_ms, self._peak = 0.0, 0
            return ""
        before_ms = self._silent_ms
        self._silent_ms += len(pcm) / BYTES_PER_MS
        self._peak = max(self._peak, peak)
        if not before_ms < SILENT_FOR_MS <= self._silent_ms:
            return ""
        return (
            f"Nothing was heard for {SILENT_FOR_MS / 1000:g} s (peak {_dbfs(self._peak)}): is the "
            "microphone muted, or is it another one? Choose it with --device."
        )


def _dbfs(peak: int) -> str:
    return "no signal" if peak == 0 else f"{20 * math.log10(peak / 32_768):.0f} dBFS"
