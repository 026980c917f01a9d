"""WAV as a stream: the header is read from its first bytes, so that the first word need not wait.

FFmpeg's WAV demuxer wants 64 KiB, two seconds of speech, before it says anything. A header that
lies about its length is common (a pipe cannot go back to fill it in) and harmless: audio ends where
it ends.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from serve_app.decode.pcm import AudioLimits, PcmDecoder, PcmLayout
from serve_app.errors import InvalidAudioError

MAX_HEADER_BYTES = 1 << 20
"""Chunks in front of the audio (cover pictures, cue lists) may take this much."""
MAX_CHUNKS = 64
"""And be this many; real files have a handful."""

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_TAG_PCM, _TAG_FLOAT, _TAG_A_LAW, _TAG_MU_LAW = 0x0001, 0x0003, 0x0006, 0x0007
_TAG_EXTENSIBLE = 0xFFFE
_SUBFORMAT_OFFSET = 24
_UNKNOWN_LENGTH = (0, 0xFFFFFFFF)
_SAMPLE = {
    (_TAG_PCM, 8): "u8",
    (_TAG_PCM, 16): "s16",
    (_TAG_PCM, 24): "s24",
    (_TAG_PCM, 32): "s32",
    (_TAG_FLOAT, 32): "f32",
    (_TAG_FLOAT, 64): "f64",
    (_TAG_A_LAW, 8): "alaw",
    (_TAG_MU_LAW, 8): "mulaw",
}


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What stands in front of the samples."""

    layout: PcmLayout
    data_offset: int
    data_bytes: int | None
    """Announced length of the audio; None where the writer did not know it."""


def parse_header(head: bytes | bytearray) -> WavHeader | None:
    """The header, once enough bytes are there; None before; InvalidAudioError where it is none."""
    if len(head) < 12:
        return None
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        raise InvalidAudioError(
            "This is not a WAV file: it does not begin with RIFF....WAVE. Send format=auto, or "
            "format=pcm_s16le for raw samples.",
            param="format",
        )
    layout, at = None, 12
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK.size > len(head):
            return None
        name, size = _CHUNK.unpack_from(head, at)
        begin = at + _CHUNK.size
        if name == b"data":
            if layout is None:
                raise InvalidAudioError("The WAV file has no format chunk before its audio.")
            return WavHeader(layout, begin, None if size in _UNKNOWN_LENGTH else size)
        if begin + size > MAX_HEADER_BYTES:
            raise InvalidAudioError(f"The WAV file has no audio within {MAX_HEADER_BYTES} bytes.")
        if begin + size > len(head):
            return None
        if name == b"fmt ":
            layout = _parse_format(bytes(head[begin : begin + size]))
        at = begin + size + size % 2
    raise InvalidAudioError(f"The WAV file has no audio within {MAX_CHUNKS} chunks.")


async def decode_wav(
    body: AsyncIterator[bytes], limits: AudioLimits, size_bytes: int | None = None
) -> AsyncGenerator[bytes, None]:
    """A body that is a WAV file; `size_bytes` where its size is known."""
    head = bytearray()
    header = None
    async for piece in body:
        head += piece
        header = parse_header(head)
        if header is not None:
            break
    if header is None:
        raise InvalidAudioError("The WAV file ends inside its header.", param="body")
    limits.require(header.layout.rate_hz, header.layout.channels)
    if size_bytes is not None:
        limits.require_length(_length_s(header, size_bytes))
    decoder = PcmDecoder(header.layout)
    left = header.data_bytes
    async for piece in _audio(bytes(head[header.data_offset :]), body):
        yield decoder.feed(piece if left is None else piece[:left])
        if left is not None:
            left -= min(left, len(piece))
    yield decoder.finish()


def _length_s(header: WavHeader, size_bytes: int) -> float:
    there = max(0, size_bytes - header.data_offset)
    data_bytes = there if header.data_bytes is None else min(there, header.data_bytes)
    return data_bytes / header.layout.frame_bytes / header.layout.rate_hz


async def _audio(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body from its first sample on; read to its end even beyond the audio."""
    yield first
    async for piece in rest:
        yield piece


def _parse_format(chunk: bytes) -> PcmLayout:
    if len(chunk) < _FORMAT.size:
        raise InvalidAudioError("The WAV file's format chunk is too short.")
    tag, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(chunk)
    if tag == _TAG_EXTENSIBLE and len(chunk) >= _SUBFORMAT_OFFSET + 2:
        (tag,) = struct.unpack_from("<H", chunk, _SUBFORMAT_OFFSET)
    sample = _SAMPLE.get((tag, bits))
    if sample is None:
        raise InvalidAudioError(
            f"WAV audio with format tag {tag} and {bits} bits is not served: convert it to 16-bit "
            "PCM, for example ffmpeg -i in.wav -c:a pcm_s16le out.wav.",
            param="body",
            code="unsupported_encoding",
        )
    return PcmLayout(rate_hz=rate_hz, channels=channels, sample=sample)
