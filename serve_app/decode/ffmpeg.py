"""Compressed audio through FFmpeg (PyAV). Only `nursery` runs this, in a process for each stream.

FFmpeg reads what strangers send in C, so nothing is taken on trust that can be looked at before:
the container is named to it, the codec must be one of a few, rate and channels are checked before
the first sample, and a file is weighed packet by packet before it is decoded.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import av
import av.error
from av.audio import AudioStream
from av.codec import CodecContext
from av.container import InputContainer

from deployments.types import SAMPLE_RATE_HZ
from serve_app.decode.formats import CODECS, DECODERS, DEMUXER
from serve_app.decode.pcm import ANY_AUDIO, AudioLimits
from serve_app.errors import InvalidAudioError, TooLargeError

_PROBE = {
    "probesize": "4096",
    "analyzeduration": "0",
    "codec_whitelist": ",".join(sorted(DECODERS)),
}
"""Start on the first bytes: the format is known from the signature. FFmpeg tries decoders while it
opens a file, those of other tracks too, and may try these alone."""
_READ_BYTES = 4096
"""Of a stream at a time: what came is decoded before more is waited for."""
_FILE_READ_BYTES = 1 << 16

_EXACT = frozenset({"flac", "ogg", "matroska", "mov"})
"""Demuxers that read the length of the whole from the file; others guess it from the bit rate."""
_SLACK_S = 1.0
"""Encoders pad; how long the audio really is shows when it is decoded."""
_PACKET_S = 10.0
"""No codec puts so much into one; FFmpeg computes nonsense where Ogg cuts the end of a stream."""
_LIE_S, _LIE_FACTOR = 10.0, 1.25
"""A file whose packets hold so much more audio than they say was made to mislead."""

_WRONG_NAME = "If it is something else, leave format away or name the right one."
_INDEX_LAST = (
    "A file of this kind can be read as it arrives only with its index in front: "
    "ffmpeg -i in.m4a -c copy -movflags +faststart out.m4a."
)


class Source(Protocol):
    """What FFmpeg reads; a file also has `seek` and `tell`, and FFmpeg finds them."""

    def read(self, size_bytes: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class File(Source, Protocol):
    """A source that is all there."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte."""
        ...


def decode_stream(source: Source, container: str, limits: AudioLimits) -> Iterator[bytes]:
    """16-bit mono PCM at 16 kHz, as soon as the source allows.

    Raises InvalidAudioError or MemoryError; what was readable came out before.
    """
    with _explained(container), _opened(source, container, _READ_BYTES) as media:
        yield from _pcm(media, container, limits)


def decode_whole(file: File, container: str, limits: AudioLimits) -> Iterator[bytes]:
    """The same of a file, whose index may be at its end.

    Also raises TooLargeError, before anything is decoded, for more audio than `limits.max_s`.
    """
    file.seek(0)
    with _explained(container):
        with _opened(file, container, _FILE_READ_BYTES) as media:
            announced_s = _weigh(media, _track(media, container, limits), container, limits)
        file.seek(0)
        with _opened(file, container, _FILE_READ_BYTES) as media:
            yield from _pcm(media, container, limits, _Scales(announced_s))


def warm_up() -> None:
    """Load all that PyAV loads when it is first used: a decoder cannot open files."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="flac") as media:
        stream = media.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="mono")
        silence = av.AudioFrame(format="s16", layout="mono", samples=1_600)
        silence.sample_rate = SAMPLE_RATE_HZ
        media.mux([*stream.encode(silence), *stream.encode(None)])
    file.seek(0)
    for _ in decode_whole(file, "flac", ANY_AUDIO):
        pass


def _opened(source: Source, container: str, read_bytes: int) -> InputContainer:
    return av.open(
        source,
        mode="r",
        format=DEMUXER[container],
        options=_PROBE,
        buffer_size=read_bytes,
        metadata_errors="replace",
    )


def _track(media: InputContainer, container: str, limits: AudioLimits) -> AudioStream:
    """The first audio track, if it may be decoded."""
    if not media.streams.audio:
        raise InvalidAudioError("There is no audio track in it.", param="body")
    track = media.streams.audio[0]
    # There is no context where FFmpeg has no decoder, or does not even know what it is.
    context: CodecContext | None = track.codec_context
    codec = "something unknown" if context is None else context.codec.canonical_name
    allowed = CODECS[DEMUXER[container]]
    if context is None or codec not in allowed:
        raise InvalidAudioError(
            f"Audio encoded as {codec} is not served in {container}: convert it to one of "
            f"{', '.join(sorted(allowed))}, for example ffmpeg -i in.xyz out.flac.",
            param="body",
            code="unsupported_encoding",
        )
    # Some headers leave them open; then the first frame says.
    rate_hz, channels = track.sample_rate, track.channels
    limits.require(rate_hz or SAMPLE_RATE_HZ, channels or 1)
    return track


def _weigh(media: InputContainer, track: AudioStream, container: str, limits: AudioLimits) -> float:
    """How many seconds of audio the packets say they hold; reads them all, and decodes none."""
    limit_s = limits.max_s
    if limit_s is not None and DEMUXER[container] in _EXACT and media.duration:
        limits.require_length(media.duration / av.time_base - _SLACK_S)
    tick_s = float(track.time_base or 0) or 1 / SAMPLE_RATE_HZ
    most = float("inf") if limit_s is None else (limit_s + _SLACK_S) / tick_s
    longest = _PACKET_S / tick_s
    ticks, first, last = 0, None, 0
    try:
        for packet in media.demux(track):
            if packet.duration and packet.duration < longest:
                ticks += packet.duration
            if packet.pts is not None:
                first = packet.pts if first is None else first
                last = packet.pts
            if ticks > most or last - (first or 0) > most:
                limits.require_length(most * tick_s)
    except av.error.InvalidDataError:
        pass  # decoding it will say what is wrong, if that is in the way
    return max(ticks, last - (first or 0)) * tick_s


@dataclass(slots=True)
class _Scales:
    """What was decoded of a file, against what its packets said."""

    announced_s: float
    decoded_s: float = 0.0

    def add(self, frame: av.AudioFrame) -> None:
        self.decoded_s += frame.samples / frame.sample_rate
        if self.decoded_s > _LIE_FACTOR * self.announced_s + _LIE_S:
            raise TooLargeError(
                "The file holds much more audio than it says. Write it anew, for example "
                "ffmpeg -i in.xyz out.flac.",
                param="file",
                code="audio_too_long",
            )


def _pcm(
    media: InputContainer, container: str, limits: AudioLimits, scales: _Scales | None = None
) -> Iterator[bytes]:
    track = _track(media, container, limits)
    for part in _resampled(_frames(media, track, scales), limits):
        yield bytes(part.planes[0])[: part.samples * part.format.bytes]


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


def _frames(
    media: InputContainer, track: AudioStream, scales: _Scales | None
) -> Iterator[av.AudioFrame]:
    """All frames; a packet cut short by the end of the file is no error, one before it is."""
    broken: av.error.InvalidDataError | None = None
    heard = False
    for packet in media.demux(track):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            broken = broken or error
            continue
        if frames and broken:
            raise broken
        heard = heard or bool(frames)
        for frame in frames:
            if scales is not None:
                scales.add(frame)
            yield frame
    if broken and not heard:
        raise broken


@contextmanager
def _explained(container: str) -> Iterator[None]:
    """FFmpeg's errors as ours."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        hint = _INDEX_LAST if DEMUXER[container] == "mov" else _WRONG_NAME
        raise InvalidAudioError(
            f"The audio cannot be decoded as {container} ({error.strerror}). {hint}", param="body"
        ) from error
