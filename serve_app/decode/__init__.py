"""Audio as clients send it, to what a session takes: 16-bit mono PCM at 16 kHz, as it arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from serve_app.decode.container import decode_container
from serve_app.decode.file import decode_file
from serve_app.decode.formats import SNIFF_BYTES, AudioFormat, sniff
from serve_app.decode.pcm import ANY_AUDIO, AudioLimits, PcmLayout, decode_pcm
from serve_app.decode.wav import decode_wav
from serve_app.errors import InvalidAudioError

__all__ = ["AudioFormat", "AudioLimits", "PcmLayout", "decode", "decode_file"]


async def decode(
    body: AsyncIterator[bytes],
    audio_format: AudioFormat,
    layout: PcmLayout,
    limits: AudioLimits = ANY_AUDIO,
) -> AsyncGenerator[bytes, None]:
    """Pieces of PCM as soon as the body allows; `layout` describes a raw PCM body.

    Raises InvalidAudioError where the body cannot be read; what was readable came out before.
    """
    head, body = await _peek(body, SNIFF_BYTES)
    if not head:
        raise InvalidAudioError(
            "The request body is empty: send the audio as the body, for example "
            "curl -T speech.wav.",
            param="body",
            code="empty_audio",
        )
    match audio_format if audio_format != "auto" else sniff(head):
        case "pcm_s16le":
            limits.require(layout.rate_hz, layout.channels)
            pieces = decode_pcm(body, layout)
        case "wav":
            pieces = decode_wav(body, limits)
        case container:
            pieces = decode_container(body, container, limits)
    heard = False
    async for piece in pieces:
        heard = heard or bool(piece)
        yield piece
    if not heard:
        raise InvalidAudioError(
            "There is no audio in it: it ends before the first sample.",
            param="body",
            code="empty_audio",
        )


async def _peek(body: AsyncIterator[bytes], size_bytes: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes, and the body as if they had not been read."""
    head = b""
    while len(head) < size_bytes:
        try:
            head += await anext(body)
        except StopAsyncIteration:
            break

    async def whole() -> AsyncIterator[bytes]:
        if head:
            yield head
        async for piece in body:
            yield piece

    return head, whole()
