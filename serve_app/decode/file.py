"""An uploaded file to what a session takes: 16-bit mono PCM at 16 kHz, piece by piece."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import BinaryIO

from serve_app.decode.container import decode_container_file
from serve_app.decode.formats import DEMUXER, SNIFF_BYTES, AudioFormat, sniff
from serve_app.decode.pcm import ANY_AUDIO, AudioLimits
from serve_app.decode.wav import decode_wav
from serve_app.errors import InvalidAudioError

READ_BYTES = 1 << 18
PARAM = "file"


async def decode_file(
    file: BinaryIO, limits: AudioLimits = ANY_AUDIO
) -> AsyncGenerator[bytes, None]:
    """Pieces of PCM of a seekable file in any format that its first bytes announce.

    Raises InvalidAudioError where it cannot be read; what was readable came out before.
    """
    head = await asyncio.to_thread(file.read, SNIFF_BYTES)
    if not head:
        raise InvalidAudioError("The file is empty.", param=PARAM, code="empty_audio")
    file.seek(0)
    heard = False
    try:
        async with aclosing(_pieces(file, head, limits)) as pieces:
            async for piece in pieces:
                heard = heard or bool(piece)
                yield piece
    except InvalidAudioError as error:
        raise InvalidAudioError(error.message, param=PARAM, code=error.code) from error
    if not heard:
        raise InvalidAudioError("The file holds no audio.", param=PARAM, code="empty_audio")


def container_of(head: bytes) -> AudioFormat:
    """The format that a file's first `SNIFF_BYTES` announce; InvalidAudioError for none."""
    try:
        return sniff(head)
    except InvalidAudioError as error:
        raise InvalidAudioError(
            f"The file does not begin like any audio format known here (wav, "
            f"{', '.join(DEMUXER)}). Convert it, for example: ffmpeg -i in.xyz out.wav.",
            param=PARAM,
            code=error.code,
        ) from error


def _pieces(file: BinaryIO, head: bytes, limits: AudioLimits) -> AsyncGenerator[bytes, None]:
    container = container_of(head)
    if container == "wav":
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        return decode_wav(_bytes_of(file), limits, size_bytes)
    return decode_container_file(file, container, limits)


async def _bytes_of(file: BinaryIO) -> AsyncIterator[bytes]:
    while data := await asyncio.to_thread(file.read, READ_BYTES):
        yield data
