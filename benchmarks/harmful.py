"""What clients that mean harm send."""

from __future__ import annotations

import io
import random
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np

from benchmarks.environment import ROOT

BURST_BYTES = 150 << 20
PIECE_BYTES = 1 << 18
BOMB_S = 20_000
"""Longer than any file may be (limits.file_audio_s), in four megabytes."""
BOMB = ROOT / ".cache" / "bomb.flac"
"""Made before the attack, and kept."""
MALFORMED = (
    "{",
    '{"type":"config"',
    '{"type":"config","target":["de"],"nonsense":1}',
    '{"type":"config","target":"' + "x" * 50_000 + '"}',
    '{"type":"config","rate":-1}',
    "[" * 10_000,
    '{"type":"flush","type":7}',
    "\x00\ud83d\ude00" * 100,
    '{"resume_token":"' + "A" * 4_000 + '","type":"config"}',
)


def prepare() -> None:
    """All that an attack needs, where it is not there yet."""
    if not BOMB.exists():
        BOMB.parent.mkdir(exist_ok=True)
        unfinished = BOMB.with_suffix(".part")
        write_bomb(unfinished, BOMB_S)
        unfinished.rename(BOMB)


def write_bomb(path: Path, seconds: int) -> None:
    """Hours of silence, which FLAC writes in two hundred bytes a second."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        block = np.zeros((1, 160_000), np.int16)
        for _ in range(seconds // 10):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.rate = 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def wav_header(size_bytes: int) -> bytes:
    """Of so much 16 kHz mono PCM."""
    file = io.BytesIO()
    writer = wave.open(file, "wb")  # noqa: SIM115 # closing it would put the true length in
    writer.setparams((1, 2, 16_000, size_bytes // 2, "NONE", ""))
    writer.writeframesraw(b"")
    return file.getvalue()


async def noise(size_bytes: int, head: bytes = b"") -> AsyncIterator[bytes]:
    """Random bytes behind a head, piece by piece."""
    if head:
        yield head
    piece = random.Random(1).randbytes(PIECE_BYTES)
    for _ in range(0, size_bytes, PIECE_BYTES):
        yield piece
