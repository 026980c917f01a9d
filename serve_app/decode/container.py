"""Compressed audio through FFmpeg (PyAV), as it arrives.

FFmpeg pulls its input, so each decoder runs in a thread of its own that fetches from the body and
hands pieces back; either side waits for the other, and nothing piles up between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from typing import Any, BinaryIO, TypeVar

import av
import av.error
from av.container import InputContainer

from deployments.types import SAMPLE_RATE_HZ
from serve_app.decode.formats import DEMUXER
from serve_app.decode.pcm import AudioLimits
from serve_app.errors import InvalidAudioError

T = TypeVar("T")

MAX_DECODERS = 256
"""Decoder threads of one process; each waits for its client nearly all the time."""

_PROBE = {"probesize": "4096", "analyzeduration": "0"}
"""Start on the first bytes: the format is known from the signature."""
_READ_BYTES = 4096
_PIECES_AHEAD = 4

_WRONG_NAME = "If it is something else, leave format away or name the right one."
_INDEX_LAST = (
    "A file of this kind can be read as it arrives only with its index in front: "
    "ffmpeg -i in.m4a -c copy -movflags +faststart out.m4a."
)

_threads = ThreadPoolExecutor(MAX_DECODERS, thread_name_prefix="decode")


class _Bridge:
    """Lets the decoder's thread wait for coroutines of the loop, until either side gives up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._current: Future[Any] | None = None
        self._closed = False

    def wait_for(self, work: Coroutine[None, None, T]) -> T:
        """Called in the thread; CancelledError once the bridge is closed."""
        if self._closed:
            work.close()
            raise CancelledError
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._current = future
        # `close` may have come between the two lines above, and cancelled the one before.
        if self._closed:
            future.cancel()
        return future.result()

    def close(self) -> None:
        """Called on the loop: whatever the thread waits for will not come."""
        self._closed = True
        if self._current is not None:
            self._current.cancel()


class _Body:
    """The request body as the file that FFmpeg reads."""

    def __init__(self, body: AsyncIterator[bytes], bridge: _Bridge) -> None:
        self._body = body
        self._bridge = bridge
        self._rest = b""

    def read(self, size_bytes: int) -> bytes:
        if not self._rest:
            self._rest = self._bridge.wait_for(self._next())
        data, self._rest = self._rest[:size_bytes], self._rest[size_bytes:]
        return data

    async def _next(self) -> bytes:
        async for piece in self._body:
            if piece:
                return piece
        return b""


def decode_container(
    body: AsyncIterator[bytes], container: str, limits: AudioLimits
) -> AsyncGenerator[bytes, None]:
    """A body in one of FFmpeg's containers; InvalidAudioError where it cannot be read."""
    bridge = _Bridge(asyncio.get_running_loop())
    return _decoded(_Body(body, bridge), bridge, container, limits)


def decode_container_file(
    file: BinaryIO, container: str, limits: AudioLimits
) -> AsyncGenerator[bytes, None]:
    """The same for a whole file, which may have its index at the end."""
    return _decoded(file, _Bridge(asyncio.get_running_loop()), container, limits)


async def _decoded(
    source: _Body | BinaryIO, bridge: _Bridge, container: str, limits: AudioLimits
) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    out: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES_AHEAD)

    def work() -> None:
        with suppress(CancelledError):
            try:
                for piece in _decode(source, container, limits):
                    bridge.wait_for(out.put(piece))
            finally:
                bridge.wait_for(out.put(None))

    decoder = loop.run_in_executor(_threads, work)
    try:
        while (piece := await out.get()) is not None:
            yield piece
        await decoder
    except av.error.FFmpegError as error:
        hint = _INDEX_LAST if DEMUXER[container] == "mov" else _WRONG_NAME
        raise InvalidAudioError(
            f"The audio cannot be decoded as {container} ({error.strerror}). {hint}",
            param="body",
        ) from error
    finally:
        bridge.close()
        # Until the thread has let go of the source, nobody may close it.
        await asyncio.gather(decoder, return_exceptions=True)


def _decode(source: _Body | BinaryIO, container: str, limits: AudioLimits) -> Iterator[bytes]:
    """16-bit mono PCM at 16 kHz, piece by piece; FFmpegError where the bytes make no sense."""
    with av.open(
        source,
        mode="r",
        format=DEMUXER[container],
        options=_PROBE,
        buffer_size=_READ_BYTES,
        metadata_errors="replace",
    ) as media:
        if not media.streams.audio:
            raise InvalidAudioError("There is no audio track in it.", param="body")
        for part in _resampled(_frames(media), limits):
            yield part.to_ndarray().tobytes()


def _resampled(frames: Iterator[av.AudioFrame], limits: AudioLimits) -> Iterator[av.AudioFrame]:
    """Each stretch of one layout by a resampler of its own: a stream may change in the middle."""
    for (_, _, channels, rate_hz), stretch in groupby(frames, key=_layout):
        limits.require(rate_hz, channels)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
        for frame in stretch:
            yield from resampler.resample(frame)
        yield from resampler.resample(None)


def _layout(frame: av.AudioFrame) -> tuple[str, str, int, int]:
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def _frames(media: InputContainer) -> Iterator[av.AudioFrame]:
    """All frames; a packet cut short by the end of the file is no error, one before it is."""
    broken: av.error.InvalidDataError | None = None
    heard = False
    for packet in media.demux(media.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            broken = broken or error
            continue
        if frames and broken:
            raise broken
        heard = heard or bool(frames)
        yield from frames
    if broken and not heard:
        raise broken
