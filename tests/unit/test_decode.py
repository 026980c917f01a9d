"""Audio at the door: every layout gives the same sound, and what is no audio says so."""

import asyncio
import gc
import io
import struct
import wave
from collections.abc import AsyncIterator, Iterator

import av
import numpy as np
import pytest

from serve_app.decode import AudioFormat, PcmLayout, decode
from serve_app.decode.pcm import PcmDecoder
from serve_app.errors import InvalidAudioError

MONO_16K = PcmLayout()
TONE_HZ = 440
SECONDS = 1.5


def tone(rate_hz: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(int(SECONDS * rate_hz)) / rate_hz)


def riff(tag: int, bits: int, channels: int, rate_hz: int, data: bytes, length: int) -> bytes:
    frame = channels * bits // 8
    chunk = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)
    head = b"WAVE" + b"fmt " + struct.pack("<I", len(chunk)) + chunk
    body = head + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", length)
    return b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data


def encoded(samples: np.ndarray, sample: str) -> bytes:
    match sample:
        case "u8":
            return np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
        case "s16":
            return np.rint(samples * 32767).astype("<i2").tobytes()
        case "s24":
            wide = np.rint(samples * 8388607).astype("<i4").view(np.uint8).reshape(-1, 4)
            return wide[:, :3].tobytes()
        case "s32":
            return np.rint(samples * 2147483000).astype("<i4").tobytes()
        case "f32":
            return samples.astype("<f4").tobytes()
    return samples.astype("<f8").tobytes()


def wav(
    sample: str = "s16", rate_hz: int = 16_000, channels: int = 1, length: int | None = None
) -> bytes:
    tag = 3 if sample.startswith("f") else 1
    bits = int(sample[1:])
    data = encoded(np.repeat(tone(rate_hz), channels), sample)
    return riff(tag, bits, channels, rate_hz, data, len(data) if length is None else length)


def container(
    name: str, codec: str, rate_hz: int = 48_000, options: dict[str, str] | None = None
) -> bytes:
    out = io.BytesIO()
    with av.open(out, mode="w", format=name, options=options or {}) as media:
        stream = media.add_stream(codec, rate=rate_hz)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(
            tone(rate_hz).astype(np.float32).reshape(1, -1), format="flt", layout="mono"
        )
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            media.mux(stream.encode(part))
        media.mux(stream.encode(None))
    return out.getvalue()


async def decoded(
    data: bytes,
    audio_format: AudioFormat = "auto",
    layout: PcmLayout = MONO_16K,
    size: int = 999,
) -> np.ndarray:
    async def body() -> AsyncIterator[bytes]:
        for i in range(0, len(data), size):
            yield data[i : i + size]

    pieces = [piece async for piece in decode(body(), audio_format, layout)]
    return np.frombuffer(b"".join(pieces), dtype="<i2").astype(np.float64) / 32768


def assert_is_the_tone(
    samples: np.ndarray, tolerance_s: float = 0.01, tolerance_level: float = 0.03
) -> None:
    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=tolerance_s)
    middle = samples[4_000:20_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(TONE_HZ, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=tolerance_level)


@pytest.mark.parametrize("sample", ["u8", "s16", "s24", "s32", "f32", "f64"])
async def test_wav_of_every_sample_layout(sample: str) -> None:
    assert_is_the_tone(await decoded(wav(sample)))


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw"])
async def test_wav_of_the_telephone(codec: str) -> None:
    assert_is_the_tone(await decoded(container("wav", codec, 8_000)))


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
async def test_wav_of_every_rate_and_channel_count(rate_hz: int, channels: int) -> None:
    assert_is_the_tone(await decoded(wav(rate_hz=rate_hz, channels=channels)))


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 10_000_000])
async def test_wav_that_lies_about_its_length_is_read_to_its_end(length: int) -> None:
    assert_is_the_tone(await decoded(wav(length=length)))


async def test_wav_ends_where_its_header_says() -> None:
    assert len(await decoded(wav(length=8_000) + b"trailing chunk")) == 4_000


async def test_truncated_wav_gives_what_it_holds() -> None:
    data = wav()
    assert len(await decoded(data[: len(data) // 2])) == pytest.approx(12_000, abs=100)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("flac", "flac"), ("ogg", "libopus"), ("webm", "libopus"), ("mp3", "mp3"), ("adts", "aac")],
)
async def test_containers(name: str, codec: str) -> None:
    assert_is_the_tone(
        await decoded(container(name, codec)), tolerance_s=0.08, tolerance_level=0.35
    )


async def test_mp4_is_read_as_it_arrives_where_its_index_is_in_front() -> None:
    samples = await decoded(container("mp4", "aac", options={"movflags": "empty_moov"}), "m4a")
    assert_is_the_tone(samples, tolerance_s=0.08, tolerance_level=0.35)
    with pytest.raises(InvalidAudioError, match="faststart"):
        await decoded(container("mp4", "aac"))


async def test_raw_pcm() -> None:
    data = encoded(tone(16_000), "s16")
    assert_is_the_tone(await decoded(data, "pcm_s16le"))
    stereo = encoded(np.repeat(tone(44_100), 2), "s16")
    assert_is_the_tone(await decoded(stereo, "pcm_s16le", PcmLayout(44_100, 2)))


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_where_the_bytes_are_cut_changes_no_sample(rate_hz: int) -> None:
    data = encoded(tone(rate_hz), "s16")[:20_000]

    def fed(size: int) -> bytes:
        decoder = PcmDecoder(PcmLayout(rate_hz))
        pieces = [decoder.feed(data[i : i + size]) for i in range(0, len(data), size)]
        return b"".join([*pieces, decoder.finish()])

    assert fed(1) == fed(640) == fed(20_000)


def invalid_bodies() -> Iterator[tuple[str, bytes, AudioFormat, str]]:
    yield "empty", b"", "auto", "empty_audio"
    yield "text", b"Hello, this is a text and no audio." * 20, "auto", "unknown_format"
    yield "text as wav", b"Hello, this is a text and no audio." * 20, "wav", "invalid_audio"
    yield "text as flac", b"Hello, this is a text and no audio." * 20, "flac", "empty_audio"
    yield "html", b"<html>" * 50, "auto", "unknown_format"
    yield "header only", wav()[:56], "auto", "empty_audio"
    yield "half a header", wav()[:30], "auto", "invalid_audio"
    yield "one byte", b"R", "auto", "unknown_format"
    yield "1 Hz", wav(rate_hz=1), "auto", "unsupported_rate"
    yield "no channel", riff(1, 16, 0, 16_000, b"\0" * 99, 99), "auto", "unsupported_channels"
    yield "12 bits", riff(1, 12, 1, 16_000, b"\0" * 99, 99), "auto", "unsupported_encoding"
    yield "chunk upon chunk", wav()[:36] + b"junk\0\0\0\0" * 9_000, "auto", "invalid_audio"
    yield (
        "endless chunk",
        wav()[:36] + b"LIST\xff\xff\xff\x7f" + b"\0" * 99,
        "auto",
        "invalid_audio",
    )


@pytest.mark.parametrize(
    ("data", "audio_format", "code"),
    [pytest.param(*case[1:], id=case[0]) for case in invalid_bodies()],
)
async def test_what_is_no_audio_says_so(data: bytes, audio_format: AudioFormat, code: str) -> None:
    with pytest.raises(InvalidAudioError) as caught:
        await decoded(data, audio_format)
    assert caught.value.code == code
    assert caught.value.status == 400


async def test_a_broken_container_gives_what_came_before() -> None:
    data = container("flac", "flac")
    samples = await decoded(data[: len(data) // 2])
    assert 0 < len(samples) < SECONDS * 16_000


async def test_a_stream_may_change_its_rate_in_the_middle() -> None:
    data = container("adts", "aac", 44_100) + container("adts", "aac", 32_000)
    samples = await decoded(data)
    assert len(samples) / 16_000 == pytest.approx(2 * SECONDS, abs=0.2)


async def test_names_that_are_no_text_do_no_harm() -> None:
    data = container("webm", "libopus")
    assert data.count(b"Lavf") >= 1
    assert_is_the_tone(
        await decoded(data.replace(b"Lavf", b"\xff\xfe\xa1\xc2")),
        tolerance_s=0.08,
        tolerance_level=0.35,
    )


async def test_a_body_that_nobody_decodes_any_more_is_left_without_a_word() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield container("flac", "flac")[:9_000]
        await asyncio.sleep(3_600)

    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))

    async def listen() -> None:
        async for _ in decode(endless(), "auto", MONO_16K):
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.3)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    del listening
    for _ in range(3):
        await asyncio.sleep(0.1)
        gc.collect()
    assert complaints == []


async def test_python_reads_our_header_the_same_way() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(encoded(tone(16_000), "s16"))
    assert_is_the_tone(await decoded(out.getvalue()))
