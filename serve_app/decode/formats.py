"""Names of the audio formats at the door, and how to tell them from their first bytes."""

from __future__ import annotations

from typing import Literal

from serve_app.errors import InvalidAudioError

AudioFormat = Literal[
    "auto", "pcm_s16le", "wav", "flac", "ogg", "opus", "webm", "mp3", "m4a", "mp4", "aac"
]

DEMUXER = {
    "flac": "flac",
    "ogg": "ogg",
    "opus": "ogg",
    "webm": "matroska",
    "mp3": "mp3",
    "m4a": "mov",
    "mp4": "mov",
    "aac": "aac",
}
"""FFmpeg's demuxer for each container."""

CODECS = {
    "flac": frozenset({"flac"}),
    "ogg": frozenset({"opus", "vorbis", "flac"}),
    "matroska": frozenset({"opus", "vorbis", "flac", "aac", "mp3", "pcm_s16le", "pcm_f32le"}),
    "mp3": frozenset({"mp3"}),
    "mov": frozenset({"aac", "alac", "flac", "mp3", "opus"}),
    "aac": frozenset({"aac"}),
}
"""What may be in them: FFmpeg knows hundreds of codecs, and each is code that strangers reach."""
DECODERS = frozenset().union(*CODECS.values()) | {"libopus", "libvorbis", "mp3float"}
"""FFmpeg's names of what decodes them."""

SNIFF_BYTES = 12
"""What `sniff` must see: the longest signature it knows."""

_SIGNATURES: tuple[tuple[int, bytes, AudioFormat], ...] = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1aE\xdf\xa3", "webm"),
    (0, b"ID3", "mp3"),
    (4, b"ftyp", "m4a"),
)


def sniff(head: bytes) -> AudioFormat:
    """The format that the first 12 bytes announce; InvalidAudioError where they announce none."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    for offset, signature, name in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return name
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    raise InvalidAudioError(
        "The audio does not begin like any format known here (wav, flac, ogg, webm, mp3, m4a, "
        "aac). For raw samples, say so: format=pcm_s16le&rate=16000.",
        param="format",
        code="unknown_format",
    )
