"""Uploaded files: as a stream of the same bytes, and what a stream cannot do."""

from __future__ import annotations

import io
from contextlib import aclosing

import numpy as np
import pytest

from serve_app.decode import decode_file
from serve_app.errors import InvalidAudioError
from tests.unit.test_decode import assert_is_the_tone, container, decoded, riff, wav


async def of_file(data: bytes) -> np.ndarray:
    async with aclosing(decode_file(io.BytesIO(data))) as pieces:
        pcm = b"".join([piece async for piece in pieces])
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768


@pytest.mark.parametrize("data", [wav(rate_hz=44_100, channels=2), container("flac", "flac")])
async def test_a_file_is_heard_like_the_stream_of_its_bytes(data: bytes) -> None:
    assert np.array_equal(await of_file(data), await decoded(data))


async def test_the_index_may_be_at_the_end() -> None:
    data = container("mp4", "aac")
    assert data.index(b"mdat") < data.index(b"moov")
    assert_is_the_tone(await of_file(data), tolerance_s=0.1, tolerance_level=0.4)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_audio"),
        (b"words, words, words", "unknown_format"),
        (wav()[:30], "invalid_audio"),
        (riff(1, 16, 1, 16_000, b"", 0), "empty_audio"),
        (b"fLaC" + bytes(99), "invalid_audio"),
    ],
)
async def test_what_is_no_audio_says_so(data: bytes, code: str) -> None:
    with pytest.raises(InvalidAudioError) as caught:
        await of_file(data)
    assert (caught.value.param, caught.value.code) == ("file", code)


async def test_a_reader_may_leave_and_the_file_be_closed() -> None:
    file = io.BytesIO(container("flac", "flac"))
    async with aclosing(decode_file(file)) as pieces:
        await anext(pieces)
    file.close()
