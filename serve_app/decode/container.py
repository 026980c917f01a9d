"""Compressed audio, decoded in a process of its own, as it arrives.

The body goes into a socket and PCM comes out of it; either side waits for the other, and nothing
piles up between them. A decoder that crashes or takes too much ends the one stream it decodes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import IO, BinaryIO

from serve_app.decode.decoders import decoders
from serve_app.decode.job import (
    HEADER,
    MAX_FRAME_BYTES,
    STOPPED_CODE,
    Job,
    Kind,
    error_from,
)
from serve_app.decode.memory import memory_file
from serve_app.decode.pcm import AudioLimits
from serve_app.errors import DragomanError, InvalidAudioError, UnavailableError

_COPY_BYTES = 1 << 20

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def decode_container(
    body: AsyncIterator[bytes], container: str, limits: AudioLimits
) -> AsyncGenerator[bytes, None]:
    """A body in one of FFmpeg's containers; InvalidAudioError where it cannot be read.

    What the body raises comes out here, after the audio before it.
    """
    async with _decoder(Job(container, limits)) as (reader, writer):
        feeding = asyncio.create_task(_feed(body, writer))
        try:
            async with aclosing(_pcm(reader)) as pieces:
                async for piece in pieces:
                    yield piece
            if feeding.done():
                feeding.result()
        finally:
            # Until it has let go of the body, nobody else may read it.
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)


async def decode_container_file(
    file: BinaryIO, container: str, limits: AudioLimits
) -> AsyncGenerator[bytes, None]:
    """The same for a whole file, which may have its index at the end."""
    with await asyncio.to_thread(_to_hand_over, file) as own:
        async with (
            _decoder(Job(container, limits), own.fileno()) as (reader, _),
            aclosing(_pcm(reader)) as pieces,
        ):
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def _decoder(job: Job, file_fd: int | None = None) -> AsyncGenerator[Streams, None]:
    """A decoder at work; without the other end of its socket it ends by itself."""
    try:
        ours = decoders.take(job, file_fd)
    except OSError as error:
        raise _no_decoder() from error
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _feed(body: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    """All of the body; its end is the end of the audio, however it comes."""
    try:
        async for piece in body:
            writer.write(piece)
            await writer.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has ended, and said why in what it wrote
    finally:
        with suppress(OSError, RuntimeError):
            writer.write_eof()


async def _pcm(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    """What a decoder says, until it has said that this is all."""
    while True:
        kind, data = await _frame(reader)
        match kind:
            case Kind.PCM:
                yield data
            case Kind.DONE:
                return
            case Kind.BUSY:
                raise _no_decoder()
            case Kind.FAILED:
                raise _told(data)
            case _:
                raise _stopped()


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    try:
        kind, size_bytes = HEADER.unpack(await reader.readexactly(HEADER.size))
        if size_bytes > MAX_FRAME_BYTES:
            raise _stopped()
        return kind, await reader.readexactly(size_bytes)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise _stopped() from error


def _told(data: bytes) -> DragomanError:
    """The error of a decoder that failed; it may not be what it was any more."""
    try:
        return error_from(data)
    except (ValueError, RecursionError):
        return _stopped()


def _to_hand_over(file: BinaryIO) -> IO[bytes]:
    """The same file, to be read by another process; a copy where only this process has it."""
    with suppress(OSError):
        return os.fdopen(_read_only(file.fileno()), "rb")
    copy = _nameless_file()
    shutil.copyfileobj(file, copy, _COPY_BYTES)
    copy.seek(0)
    return copy


def _read_only(fd: int) -> int:
    """Another descriptor, which on Linux cannot be written through and has a place of its own."""
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY) if sys.platform == "linux" else os.dup(fd)


def _nameless_file() -> IO[bytes]:
    """That another process can be given."""
    if sys.platform == "linux":
        return memory_file()
    return tempfile.TemporaryFile()


def _stopped() -> InvalidAudioError:
    return InvalidAudioError(
        "The audio could not be decoded: it is damaged in a way that stopped the decoder, or takes "
        "more time than is given to it (limits.decoder_cpu_s). Convert it, for example "
        "ffmpeg -i in.xyz out.flac.",
        param="body",
        code=STOPPED_CODE,
    )


def _no_decoder() -> UnavailableError:
    return UnavailableError("No process can be started now to decode the audio; try again.")
