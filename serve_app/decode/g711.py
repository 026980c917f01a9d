"""Telephone audio: one byte a sample, on a logarithmic scale (ITU-T G.711)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _mu_law() -> NDArray[np.float32]:
    """Sample values of all 256 codes, in [-1, 1); ITU-T G.711, section 3.2."""
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    return (np.where(codes & 0x80, -magnitude, magnitude) / 32768.0).astype(np.float32)


def _a_law() -> NDArray[np.float32]:
    """Sample values of all 256 codes, in [-1, 1); ITU-T G.711, section 3.1."""
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (codes & 0x70) >> 4, codes & 0x0F
    small = (mantissa << 4) + 8
    large = (small + 0x100) << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, small, large)
    return (np.where(codes & 0x80, magnitude, -magnitude) / 32768.0).astype(np.float32)


MU_LAW = _mu_law()
A_LAW = _a_law()
