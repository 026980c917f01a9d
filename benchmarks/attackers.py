"""Clients that mean harm, each for some seconds, in a process of their own.

They tell what they were answered: HTTP statuses and close codes, counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from benchmarks.harmful import BOMB, BURST_BYTES, MALFORMED, noise, wav_header
from benchmarks.oracle_load import speech

READERS = 8
SLOW_CONNECTIONS = 200
BOMBS = 2
FLOOD_SOCKETS, FLOOD_BYTES = 4, 32_000
"""One second of audio a message, as fast as they are taken."""
STORM_WORKERS = 8
STORM_ANSWER_S = 0.2
"""A socket that stays open after an error is closed then."""


class Answers:
    """What came back, counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def status(self, status: int) -> None:
        """Of an HTTP answer."""
        self.counts[f"http {status}"] += 1

    def close(self, code: int | None) -> None:
        """Of a WebSocket."""
        self.counts[f"close {code}"] += 1

    def note(self, what: str) -> None:
        """Anything else."""
        self.counts[what] += 1


async def burst_stream(url: str, answers: Answers) -> None:
    """150 MB of audio at once into a live session."""
    await _post_pieces(f"{url}/v1/stream?format=pcm_s16le", noise(BURST_BYTES), answers)


async def burst_file(url: str, answers: Answers) -> None:
    """150 MB at once as a file that is none, again and again."""
    await _again(partial(_burst_file, url, b"", answers))


async def burst_wav(url: str, answers: Answers) -> None:
    """150 MB at once as a file that is one."""
    await _again(partial(_burst_file, url, wav_header(BURST_BYTES), answers))


async def readers(url: str, answers: Answers) -> None:
    """Speakers at four times the speed of speech who do read: what the next cost as mere work."""
    await asyncio.gather(*(_speaker(url, number, answers, reads=True) for number in range(READERS)))


async def silent_readers(url: str, answers: Answers) -> None:
    """Speakers at four times the speed of speech who read nothing of what they are told."""
    await asyncio.gather(
        *(_speaker(url, number, answers, reads=False) for number in range(READERS))
    )


async def slowloris(url: str, answers: Answers) -> None:
    """Many connections that send a byte now and then: of their headers, or of their bodies."""
    await asyncio.gather(*(_dribble(url, number, answers) for number in range(SLOW_CONNECTIONS)))


async def bomb(url: str, answers: Answers) -> None:
    """Small files that are hours of audio, one after the other."""
    data = await asyncio.to_thread(BOMB.read_bytes)
    await asyncio.gather(*(_again(partial(_bomb, url, data, answers)) for _ in range(BOMBS)))


async def flood(url: str, answers: Answers) -> None:
    """Audio on WebSockets as fast as it is taken, and again when they are closed."""
    piece = speech(9_999, 60_000)[:FLOOD_BYTES]
    await asyncio.gather(
        *(_again(partial(_flood, url, piece, answers)) for _ in range(FLOOD_SOCKETS))
    )


async def storm(url: str, answers: Answers) -> None:
    """Messages, queries and bodies that are wrong, each as soon as the last is answered."""
    async with aiohttp.ClientSession() as http:
        await asyncio.gather(
            *(
                _again(partial(_wrong, url, http, random.Random(index), answers))
                for index in range(STORM_WORKERS)
            )
        )


ATTACKS: dict[str, Callable[[str, Answers], Awaitable[None]]] = {
    "burst into a session": burst_stream,
    "burst as a file": burst_file,
    "burst as a WAV": burst_wav,
    "readers": readers,
    "silent readers": silent_readers,
    "slowloris": slowloris,
    "decompression bomb": bomb,
    "flood of audio": flood,
    "malformed messages": storm,
}


async def _again(attack: Callable[[], Awaitable[None]]) -> None:
    while True:
        await attack()


async def _post_pieces(url: str, body: AsyncIterator[bytes], answers: Answers) -> None:
    async with aiohttp.ClientSession() as http, http.post(url, data=body) as answer:
        answers.status(answer.status)
        async for line in answer.content:
            event = json.loads(line)
            if event["type"] in {"error", "session.closed"}:
                answers.note(str(event.get("code") or event.get("reason")))


async def _burst_file(url: str, head: bytes, answers: Answers) -> None:
    form = aiohttp.FormData()
    form.add_field("model", "whisper-1")
    form.add_field("file", noise(BURST_BYTES, head), filename="speech.wav")
    async with aiohttp.ClientSession() as http:
        try:
            async with http.post(f"{url}/v1/audio/transcriptions", data=form) as answer:
                await answer.read()
                answers.status(answer.status)
        except aiohttp.ClientError as error:  # answered and closed while it was still sending
            answers.note(type(error).__name__)


async def _speaker(url: str, number: int, answers: Answers, *, reads: bool) -> None:
    """The window of one that does not read is so small that the network holds nothing for it."""
    narrow = socket.socket()
    if not reads:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    narrow.setblocking(False)
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(narrow, (parts.hostname, parts.port))
    pcm = speech(9_000 + number, 300_000)
    head = (
        f"POST /v1/stream?format=pcm_s16le&target=de&target=es HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with narrow:
        await loop.sock_sendall(narrow, head.encode())
        async with _reading(narrow) if reads else nullcontext():
            for at in range(0, len(pcm), 12_800):
                piece = pcm[at : at + 12_800]
                chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
                try:
                    await loop.sock_sendall(narrow, chunk)
                except OSError:
                    answers.note("cut off")
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _reading(one: socket.socket) -> AsyncGenerator[None, None]:
    """Meanwhile all that comes is read, and forgotten."""
    task = asyncio.create_task(_read_on(one))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read_on(one: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(one, 1 << 16):
        pass


async def _dribble(url: str, number: int, answers: Answers) -> None:
    parts = urlsplit(url)
    path = ("/v1/stream?format=pcm_s16le", "/v1/audio/transcriptions", "/v1/translate")[number % 3]
    head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    slow = b"x-slow: " + b"a" * 600
    if number % 2:
        head += "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        slow = b" " * 600
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head.encode())
        try:
            for byte in slow:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.5)
                if reader.at_eof():
                    answers.note("cut off")
                    return
        finally:
            writer.close()


async def _bomb(url: str, data: bytes, answers: Answers) -> None:
    form = aiohttp.FormData()
    form.add_field("model", "whisper-1")
    form.add_field("file", data, filename="bomb.flac")
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/audio/transcriptions", data=form) as answer,
    ):
        await answer.read()
        answers.status(answer.status)


async def _flood(url: str, piece: bytes, answers: Answers) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/stream?format=pcm_s16le&target=de") as one,
    ):
        with suppress(ConnectionError):
            while not one.closed:
                await one.send_bytes(piece)
                with suppress(TimeoutError):
                    await one.receive(timeout=0.001)
        answers.close(one.close_code)


async def _wrong(
    url: str, http: aiohttp.ClientSession, rng: random.Random, answers: Answers
) -> None:
    try:
        match rng.randrange(4):
            case 0:
                async with http.get(f"{url}/v1/sessions/x/events?token={rng.random()}") as answer:
                    answers.status(answer.status)
            case 1:
                body = rng.randbytes(2_000)
                async with http.post(f"{url}/v1/translate", data=body) as answer:
                    answers.status(answer.status)
            case _:
                await _wrong_messages(url, http, rng, answers)
    except (aiohttp.ClientError, OSError) as error:
        answers.note(type(error).__name__)


async def _wrong_messages(
    url: str, http: aiohttp.ClientSession, rng: random.Random, answers: Answers
) -> None:
    path = rng.choice(("stream", "realtime", "realtime/translations"))
    try:
        async with http.ws_connect(f"{url}/v1/{path}") as one:
            await one.send_str(rng.choice(MALFORMED).encode(errors="replace").decode())
            await one.send_bytes(rng.randbytes(333))
            try:
                async with asyncio.timeout(STORM_ANSWER_S):
                    async for _ in one:
                        pass
                answers.close(one.close_code)
            except TimeoutError:
                answers.note("stays open")
    except aiohttp.WSServerHandshakeError as error:
        answers.status(error.status)


async def attack(name: str, url: str, seconds: float) -> Answers:
    """What was answered until then."""
    answers = Answers()
    try:
        async with asyncio.timeout(seconds):
            await ATTACKS[name](url, answers)
    except TimeoutError:
        pass
    except (aiohttp.ClientError, OSError) as error:
        answers.note(type(error).__name__)
    return answers


def main() -> None:
    """NAME URL SECONDS; prints the answers as JSON."""
    # Who attacks has machines of its own: here it takes what the server leaves.
    os.nice(19)
    name, url, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(attack(name, url, float(seconds))).counts), flush=True)


if __name__ == "__main__":
    main()
