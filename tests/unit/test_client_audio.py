"""Files and pipes as bytes, or as microphone pieces of 16 kHz PCM."""

import asyncio
import io
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serve_app.client.audio import in_background, open_source, read_as_is, read_pcm
from serve_app.client.errors import UsageError
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import PIECE_BYTES


def tone(rate_hz: int, channels: int, length_s: float = 0.5) -> np.ndarray:
    time_s = np.arange(int(rate_hz * length_s)) / rate_hz
    mono = (np.sin(2 * np.pi * 440 * time_s) * 8000).astype(np.int16)
    return np.repeat(mono[:, None], channels, axis=1)


def wav(samples: np.ndarray, rate_hz: int) -> io.BytesIO:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    data.seek(0)
    return data


def test_bytes_go_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "talk.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    with open_source(str(path)) as source:
        assert b"".join(read_as_is(source)) == path.read_bytes()


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (48_000, 2), (8_000, 1)])
def test_any_audio_becomes_microphone_pieces(rate_hz: int, channels: int) -> None:
    pieces = list(read_pcm(wav(tone(rate_hz, channels), rate_hz), StreamOptions()))
    assert {len(piece) for piece in pieces[:-1]} == {PIECE_BYTES}
    assert sum(map(len, pieces)) == pytest.approx(0.5 * 32_000, abs=200)


def test_16_khz_mono_is_not_changed() -> None:
    samples = tone(16_000, 1)
    assert b"".join(read_pcm(wav(samples, 16_000), StreamOptions())) == samples.tobytes()


def test_raw_pcm_is_what_the_options_say() -> None:
    samples = tone(16_000, 2)
    options = StreamOptions(format="pcm_s16le", rate_hz=16_000, channels=2)
    pcm = b"".join(read_pcm(io.BytesIO(samples.tobytes()), options))
    assert len(pcm) == samples.nbytes // 2


def test_what_is_no_audio_says_so() -> None:
    with pytest.raises(UsageError, match="pcm_s16le"):
        list(read_pcm(io.BytesIO(b"this is text, not audio" * 100), StreamOptions()))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.wav: No such file"):
        open_source("nowhere.wav")


async def test_reading_in_the_background_keeps_order_and_ends() -> None:
    pieces = [bytes([number]) for number in range(100)]
    assert [piece async for piece in in_background(iter(pieces))] == pieces


async def test_reading_in_the_background_passes_errors_on() -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        [_ async for _ in in_background(broken())]


async def test_reading_in_the_background_does_not_run_far_ahead() -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"x"

    background = in_background(endless())
    await anext(background)
    await asyncio.sleep(0.05)
    assert len(taken) < 40
    await background.aclose()
    deadline_s = time.monotonic() + 5
    while any(thread.name == "audio-source" for thread in threading.enumerate()):
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)
