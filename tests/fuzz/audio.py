"""Audio files through the decoders, whole and as they arrive: refused or heard."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import aclosing

from serve_app.decode import AudioLimits, PcmLayout, decode, decode_file
from serve_app.decode.job import STOPPED_CODE
from serve_app.errors import DragomanError
from tests.fuzz.make_corpus import CORPUS

FILES = sorted(path for path in CORPUS.iterdir() if path.suffix != ".md")
LIMITS = AudioLimits(max_s=600)
BYTES_PER_S = 32_000
REFUSALS = {400, 413}


async def heard(data: bytes) -> int:
    """Bytes of PCM that come of a file; DragomanError where it is refused."""
    async with aclosing(decode_file(io.BytesIO(data), LIMITS)) as pieces:
        return sum([len(piece) async for piece in pieces])


async def heard_live(data: bytes, size: int = 700) -> int:
    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    async with aclosing(decode(body(), "auto", PcmLayout(), LIMITS)) as pieces:
        return sum([len(piece) async for piece in pieces])


async def told(data: bytes) -> None:
    """Either way, a file gets an answer that blames nobody but the file."""
    for hear in (heard, heard_live):
        try:
            assert await hear(data) <= LIMITS.max_s * BYTES_PER_S
        except DragomanError as error:
            # A decoder that stopped hurts nobody; but it is to be known.
            if error.status not in REFUSALS or error.code == STOPPED_CODE:
                raise
