"""Text that repeats itself: what speech recognition makes of sounds that are no words. Pure."""

from __future__ import annotations

import zlib

MAX_COMPRESSION_RATIO = 2.4
"""Text that deflates better repeats itself; Whisper's own threshold."""


def compression_ratio(text: str) -> float:
    """How much smaller the text gets; below 1 for short texts."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))
