"""Decoders in processes of their own: what they may take, and what becomes of them."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import av
import numpy as np
import pytest

from serve_app.decode import AudioLimits, decode, decode_file
from serve_app.decode.container import _frame
from serve_app.decode.decoders import decoders
from serve_app.decode.job import Job
from serve_app.decode.pcm import ANY_AUDIO, PcmLayout
from serve_app.errors import DragomanError, InvalidAudioError, TooLargeError
from tests.unit.test_decode import assert_is_the_tone, container, decoded, wav

SPEECH = container("mp3", "mp3")
HALF = len(SPEECH) // 2
"""Enough to be heard as it comes."""
TEN_MINUTES = AudioLimits(max_s=600)


def children(pid: int) -> list[int]:
    """Processes that this one started, as long as they are no zombies."""
    listed = proc(pid, f"task/{pid}/children").split()
    return [int(child) for child in listed if state(int(child)) != "Z"]


def proc(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def state(pid: int) -> str:
    """One letter of proc(5); X where there is no such process any more."""
    try:
        return proc(pid, "stat").decode().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def nursery() -> int:
    decoders.start()
    return next(
        pid for pid in children(os.getpid()) if b"serve_app.decode.nursery" in proc(pid, "cmdline")
    )


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


class Stream:
    """A stream that is decoded piece by piece, as far as it was sent."""

    def __init__(self, limits: AudioLimits = ANY_AUDIO) -> None:
        self._body: asyncio.Queue[bytes] = asyncio.Queue()
        self.pcm = bytearray()
        self._task = asyncio.create_task(self._run(limits))

    def send(self, data: bytes) -> None:
        self._body.put_nowait(data)

    async def end(self) -> bytes:
        """All that was heard; raises what went wrong."""
        self._body.put_nowait(b"")
        await self._task
        return bytes(self.pcm)

    async def _run(self, limits: AudioLimits) -> None:
        async for piece in decode(self._pieces(), "auto", PcmLayout(), limits):
            self.pcm += piece

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._body.get():
            yield piece


async def refusal(data: bytes, limits: AudioLimits) -> DragomanError:
    """How a file is refused of which nothing is decoded."""
    with pytest.raises(DragomanError) as caught:
        await anext(decode_file(io.BytesIO(data), limits))
    return caught.value


def silence(
    name: str,
    codec: str,
    minutes: int,
    options: dict[str, str] | None = None,
    says: float = 1.0,
) -> bytes:
    """One packet of silence, again and again: small, fast to make, and as long as one likes.

    Each says that it lasts `says` of what it does.
    """
    out = io.BytesIO()
    with av.open(out, mode="w", format=name, options=options or {}) as media:
        stream = media.add_stream(codec, rate=48_000, layout="mono")
        if codec == "libopus":
            stream.codec_context.options = {"frame_duration": "60"}
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 4_608
        quiet = av.AudioFrame.from_ndarray(
            np.zeros((1, size), np.int16 if codec != "aac" else np.float32),
            format=stream.codec_context.format.name,
            layout="mono",
        )
        quiet.sample_rate, quiet.pts = 48_000, 0
        packets = [*stream.encode(quiet), *stream.encode(None)]
        data = min((bytes(packet) for packet in packets if packet.size), key=len)
        for index in range(minutes * 60 * 48_000 // size):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, packets[0].time_base
            packet.duration = max(1, int(says * size))
            packet.pts = packet.dts = index * packet.duration
            media.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("ogg", "libopus", {}),
        ("webm", "libopus", {}),
        ("webm", "libopus", {"live": "1"}),
        ("flac", "flac", {}),
        ("adts", "aac", {}),
        ("mp4", "aac", {}),
    ],
)
async def test_a_bomb_is_refused_before_it_goes_off(
    name: str, codec: str, options: dict[str, str]
) -> None:
    data = silence(name, codec, 20, options)
    assert len(data) < 1_000_000
    error = await refusal(data, TEN_MINUTES)
    assert isinstance(error, TooLargeError)
    assert (error.status, error.code, error.param) == (413, "audio_too_long", "file")
    assert "600 s" in error.message


async def test_a_bomb_that_says_it_is_short_goes_no_further_than_a_little_beyond_that() -> None:
    heard: list[int] = []

    async def listen() -> None:
        data = silence("mp4", "aac", 20, says=0.001)
        async for piece in decode_file(io.BytesIO(data), TEN_MINUTES):
            heard.append(len(piece))

    with pytest.raises(TooLargeError, match="much more audio than it says") as caught:
        await listen()
    assert caught.value.param == "file"
    assert 10 < sum(heard) / 32_000 < 13


async def test_wav_is_as_long_as_it_is_and_not_as_it_says() -> None:
    second_less = AudioLimits(max_s=1)
    assert (await refusal(wav(), second_less)).code == "audio_too_long"
    assert (await refusal(wav(length=0xFFFFFFFF), second_less)).code == "audio_too_long"
    short = b"".join([piece async for piece in decode_file(io.BytesIO(wav(length=8_000)))])
    assert len(short) == 8_000


@pytest.mark.parametrize(
    ("data", "limits", "code"),
    [
        (container("flac", "flac", 16_000), AudioLimits(min_rate_hz=22_050), "unsupported_rate"),
        (container("mov", "pcm_s24le"), ANY_AUDIO, "unsupported_encoding"),
        (container("matroska", "ac3"), ANY_AUDIO, "unsupported_encoding"),
        (
            container("matroska", "libopus").replace(b"A_OPUS", b"A_XYZQ"),
            ANY_AUDIO,
            "unsupported_encoding",
        ),
    ],
)
async def test_what_the_header_rules_out_is_not_decoded(
    data: bytes, limits: AudioLimits, code: str
) -> None:
    assert (await refusal(data, limits)).code == code
    stream = Stream(limits)
    stream.send(data)
    with pytest.raises(InvalidAudioError) as caught:
        await stream.end()
    assert caught.value.code == code


def with_cover(flac: bytes, size_bytes: int) -> bytes:
    """A picture behind STREAMINFO, which FFmpeg reads in one piece."""
    type_and_names = (3).to_bytes(4) + (9).to_bytes(4) + b"image/png" + bytes(4 + 16)
    picture = type_and_names + size_bytes.to_bytes(4) + bytes(size_bytes)
    return flac[:42] + b"\x06" + len(picture).to_bytes(3) + picture + flac[42:]


async def test_a_decoder_that_wants_too_much_memory_is_refused_it() -> None:
    cramped = AudioLimits(decoder_bytes=1 << 20)
    error = await refusal(with_cover(container("flac", "flac"), 12 << 20), cramped)
    assert (error.status, error.code) == (400, "decoder_memory_exceeded")
    assert_is_the_tone(
        await decoded(container("ogg", "libopus")), tolerance_s=0.08, tolerance_level=0.35
    )


async def test_a_file_s_decoder_gives_way_and_that_of_a_stream_does_not() -> None:
    pid = nursery()
    before = set(children(pid))
    stream = Stream()
    stream.send(SPEECH[:HALF])
    await until(lambda: bool(stream.pcm))
    (live,) = set(children(pid)) - before
    async with aclosing(decode_file(io.BytesIO(silence("flac", "flac", 5)), ANY_AUDIO)) as pieces:
        await anext(pieces)
        (of_file,) = set(children(pid)) - before - {live}
        assert os.getpriority(os.PRIO_PROCESS, of_file) == 19
    assert os.getpriority(os.PRIO_PROCESS, live) == os.getpriority(os.PRIO_PROCESS, pid) < 19
    stream.send(SPEECH[HALF:])
    await stream.end()


async def test_a_decoder_has_what_it_needs_and_no_more() -> None:
    pid = nursery()
    before = set(children(pid))
    stream = Stream(AudioLimits(decoder_bytes=200 << 20, decoder_cpu_s=7))
    stream.send(SPEECH[:HALF])
    await until(lambda: bool(stream.pcm))
    (child,) = set(children(pid)) - before
    limits = proc(child, "limits").decode().splitlines()
    soft = {line[:25].strip(): line[26:].split()[0] for line in limits}
    assert soft["Max cpu time"] == "7"
    assert soft["Max open files"] == soft["Max core file size"] == "0"
    assert 200 << 20 < int(soft["Max address space"]) < 700 << 20
    environment = proc(child, "environ")
    assert b"PYTHONPATH=" in environment
    assert b"HOME=" not in environment
    assert os.environ.get("HOME")
    await stream.end()


async def test_a_decoder_that_dies_ends_its_own_stream_and_no_other() -> None:
    pid = nursery()
    hit, neighbour = Stream(), Stream()
    before = set(children(pid))
    hit.send(SPEECH[:HALF])
    await until(lambda: bool(hit.pcm))
    (child,) = set(children(pid)) - before
    neighbour.send(SPEECH[:HALF])
    await until(lambda: bool(neighbour.pcm))
    os.kill(child, signal.SIGSEGV)
    with pytest.raises(InvalidAudioError, match="stopped the decoder") as caught:
        await hit.end()
    assert (caught.value.status, caught.value.code) == (400, "decoder_stopped")
    neighbour.send(SPEECH[HALF:])
    heard = np.frombuffer(await neighbour.end(), dtype="<i2") / 32768
    assert_is_the_tone(heard, tolerance_s=0.08, tolerance_level=0.35)
    await until(lambda: state(child) == "X" and not set(children(pid)) - before)


async def test_a_reader_who_leaves_takes_the_decoder_along() -> None:
    pid = nursery()
    before = set(children(pid))
    pieces = decode_file(io.BytesIO(silence("flac", "flac", 5)))
    await anext(pieces)
    assert len(set(children(pid)) - before) == 1
    await pieces.aclose()
    await until(lambda: not set(children(pid)) - before)


async def test_a_nursery_that_died_is_replaced() -> None:
    first = nursery()
    stream = Stream()
    stream.send(SPEECH[:HALF])
    await until(lambda: bool(stream.pcm))
    (child,) = children(first)
    os.kill(first, signal.SIGKILL)
    await until(lambda: state(child) in "XZ")
    with pytest.raises(InvalidAudioError):
        await stream.end()
    assert_is_the_tone(await decoded(container("flac", "flac")))
    assert nursery() != first
    assert state(first) == "X"


async def test_a_nursery_that_hangs_is_replaced() -> None:
    first = nursery()
    os.kill(first, signal.SIGSTOP)
    waiting: list[socket.socket] = []
    while state(first) != "X":
        assert len(waiting) < 1_000
        waiting.append(decoders.take(Job("mp3", ANY_AUDIO)))
    assert nursery() != first
    for one in waiting:
        one.close()
    assert_is_the_tone(await decoded(container("flac", "flac")))


REPLICA = """
    import asyncio, os, sys
    from serve_app.decode import PcmLayout, decode

    async def body():
        yield sys.stdin.buffer.read(int(sys.argv[1]))
        await asyncio.sleep(3_600)

    async def main():
        async for piece in decode(body(), "auto", PcmLayout()):
            print(len(piece), flush=True)

    asyncio.run(main())
"""


async def test_a_replica_that_is_killed_takes_all_of_them_along() -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        [sys.executable, "-c", textwrap.dedent(REPLICA), str(HALF)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as replica:
        assert replica.stdin is not None
        assert replica.stdout is not None
        replica.stdin.write(SPEECH[:HALF])
        replica.stdin.flush()
        assert await asyncio.to_thread(replica.stdout.readline)
        (its_nursery,) = children(replica.pid)
        (its_decoder,) = children(its_nursery)
        replica.kill()
    await until(lambda: state(its_nursery) in "XZ" and state(its_decoder) in "XZ")


@pytest.mark.parametrize("lost", [BrokenPipeError, ConnectionResetError])
async def test_a_decoder_that_is_lost_while_it_is_written_to_has_stopped(
    lost: type[Exception],
) -> None:
    reader = asyncio.StreamReader()
    reader.set_exception(lost())
    with pytest.raises(InvalidAudioError) as caught:
        await _frame(reader)
    assert caught.value.code == "decoder_stopped"
