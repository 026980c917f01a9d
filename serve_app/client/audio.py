"""Where a client's audio comes from: a file or standard input, as it is or as a microphone."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, get_args

import av
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from deployments.types import SAMPLE_RATE_HZ
from serve_app.client.errors import UsageError
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import PIECE_BYTES
from serve_app.decode import AudioFormat, PcmLayout, decode, decode_file
from serve_app.errors import DragomanError

STDIN = "-"
READ_BYTES = 64 * 1024
AHEAD_PIECES = 16
"""How far reading may run ahead of sending."""

LAYOUTS = {1: "mono", 2: "stereo"}


def open_source(name: str) -> BinaryIO:
    """The file, or standard input for `-`; to be closed by the caller. Raises UsageError."""
    if name == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "Standard input is a terminal. Pipe audio into it, for example: "
                "ffmpeg -loglevel error -i talk.mp4 -f wav - | dragoman translate - --to de"
            )
        # Unbuffered: a live source is passed on as it comes, and no lock is held at exit.
        return os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    try:
        return Path(name).open("rb", buffering=0)
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}.") from error


def read_as_is(source: BinaryIO) -> Iterator[bytes]:
    """The bytes as they come; the server finds out what they are."""
    while data := source.read(READ_BYTES):
        yield data


def read_pcm(source: BinaryIO, options: StreamOptions) -> Iterator[bytes]:
    """Any audio as 16 kHz mono 16-bit PCM in microphone pieces; raises UsageError."""
    try:
        yield from _in_pieces(_decoded(source, options))
    except av.FFmpegError as error:
        raise UsageError(
            f"Cannot decode the audio ({error.strerror}). For raw samples say what they are, "
            "for example --format pcm_s16le --rate 16000."
        ) from error


async def decoded(source: BinaryIO, options: StreamOptions) -> AsyncGenerator[bytes, None]:
    """Any audio as 16 kHz mono 16-bit PCM, as it comes; raises UsageError."""
    try:
        async with aclosing(_decoding(source, options)) as pcm:
            async for piece in pcm:
                yield piece
    except DragomanError as error:
        raise UsageError(f"The audio cannot be read: {error.message}") from error


def _decoding(source: BinaryIO, options: StreamOptions) -> AsyncGenerator[bytes, None]:
    if options.format not in (known := get_args(AudioFormat)):
        raise UsageError(f"The format {options.format!r} is not known; use {', '.join(known)}.")
    if options.format == "auto" and source.seekable():
        return decode_file(source)
    layout = PcmLayout(options.rate_hz, options.channels)
    return decode(in_background(read_as_is(source)), options.format, layout)


async def in_pieces(pcm: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same audio as a microphone hands it over."""
    held = bytearray()
    async for data in pcm:
        held += data
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


def _decoded(source: BinaryIO, options: StreamOptions) -> Iterator[bytes]:
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
    with _opened(source, options) as container:
        if not container.streams.audio:
            raise UsageError("There is no audio in it.")
        for frame in container.decode(container.streams.audio[0]):
            for resampled in resampler.resample(frame):
                yield resampled.to_ndarray().tobytes()
        for resampled in resampler.resample(None):
            yield resampled.to_ndarray().tobytes()


def _opened(source: BinaryIO, options: StreamOptions) -> InputContainer:
    if options.format != "pcm_s16le":
        return av.open(source, mode="r")
    layout = {"sample_rate": str(options.rate_hz), "ch_layout": LAYOUTS[options.channels]}
    return av.open(source, mode="r", format="s16le", options=layout)


def _in_pieces(pcm: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for data in pcm:
        held += data
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


async def in_background(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same pieces, read by a thread that may block without holding up the loop or the exit."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
    free = threading.Semaphore(AHEAD_PIECES)
    stopped = threading.Event()

    def put(item: bytes | Exception | None) -> bool:
        free.acquire()
        if stopped.is_set() or loop.is_closed():
            return False
        loop.call_soon_threadsafe(queue.put_nowait, item)
        return True

    def read() -> None:
        try:
            if all(put(piece) for piece in pieces):
                put(None)
        except Exception as error:
            put(error)

    # A daemon: Ctrl-C must not wait for a read from a silent pipe.
    threading.Thread(target=read, name="audio-source", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            free.release()
            yield item
    finally:
        stopped.set()
        free.release()
