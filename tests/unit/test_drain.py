"""A replica that goes: its sessions are told, finish what is committed, and lose nothing."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from deployments.metering.prometheus import PrometheusMeters
from deployments.types import StageInfo
from serve_app.api.service import Service
from serve_app.client.resume import Memory
from serve_app.config import AppConfig, SessionSettings, with_resume_key
from serve_app.metrics import SessionMeters
from tests.support.doors import serving
from tests.support.oracle import EXACT, OracleStream, account_transcript, account_translation, speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.sockets import Talk, Wire, talk

ANY = StageInfo("oracle", "1", (), takes_open=True)
PIECE_SAMPLES = 1_600
PACE = 10.0
"""Times the speed of speech."""
KEYED = with_resume_key(AppConfig()).resume


@pytest.fixture
def service() -> Service:
    return replica()


def replica(max_age_s: float | None = None) -> Service:
    """One of several with the same keys."""
    config = oracle_config(mt={"delay_ms": 30})
    session = SessionSettings.model_construct(**{**dict(config.session), "max_age_s": max_age_s})
    config = config.model_copy(update={"resume": KEYED, "session": session})
    ports = OraclePorts(config).ports
    return Service(config, ports, ANY, ANY, meters=SessionMeters(PrometheusMeters()))


async def say(one: Talk, stream: OracleStream, from_ms: int) -> None:
    pcm = stream.pcm(from_ms * 16)
    for at in range(0, len(pcm), 2 * PIECE_SAMPLES):
        await one.socket.send_bytes(pcm[at : at + 2 * PIECE_SAMPLES])
        await asyncio.sleep(PIECE_SAMPLES / 16_000 / PACE)
    await one.end()


async def carry(urls: list[str], stream: OracleStream) -> tuple[list[Wire], list[int | None]]:
    """A client that goes on at the next server whenever it is cut off: events, close codes."""
    memory, told, codes = Memory(), [], []
    for url in urls:
        async with talk(url) as one:
            if memory.resume_token is None:
                await one.config(format="pcm_s16le", target=["de"])
            else:
                await one.socket.send_json(memory.message())
            speaking = asyncio.create_task(say(one, stream, memory.acked_ms))
            while await one.next() is not None:
                memory.note(one.events[-1])
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            told += one.wire
            codes.append(one.socket.close_code)
        if codes[-1] == 1000:
            break
    return told, codes


async def after(delay_s: float, act: Callable[[], Awaitable[int]]) -> int:
    await asyncio.sleep(delay_s)
    return await act()


async def test_streams_that_are_drained_go_on_elsewhere_without_a_word_lost(
    service: Service,
) -> None:
    other = replica()
    streams = [speak(number, 30) for number in range(5)]
    async with serving(service) as first, serving(other) as second:
        draining = asyncio.create_task(after(0.8, lambda: service.floor.drain(5)))
        results = await asyncio.gather(*(carry([first, second], one) for one in streams))
        assert await draining == 0
    for stream, (told, codes) in zip(streams, results, strict=True):
        assert codes == [1012, 1000]
        assert account_transcript(told, stream) == EXACT
        assert account_translation(told, stream, "de") == EXACT
        kinds = [event["type"] for event in told]
        assert kinds.count("go_away") == 1
        (away,) = (event for event in told if event["type"] == "go_away")
        assert away["reason"] == "shutdown"
        assert 0 < away["deadline_ms"] <= 5_000
        closed = [event["reason"] for event in told if event["type"] == "session.closed"]
        assert closed == ["go_away", "completed"]
    meters = service.meters.meters
    assert isinstance(meters, PrometheusMeters)
    assert meters.value("dragoman_sessions_total", transport="ws", outcome="drained") == 5


async def test_a_translation_that_never_comes_does_not_hold_a_replica(service: Service) -> None:
    config = oracle_config(mt={"delay_ms": 3_000})
    slow = Service(config, OraclePorts(config).ports, ANY, ANY)
    stream = speak(1, 6)
    async with serving(slow) as url, talk(url) as one:
        await one.config(format="pcm_s16le", target=["de"])
        await one.audio(stream.pcm())
        while not (await one.until("transcript.committed"))["closed"]:
            pass
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        assert await slow.floor.drain(1.0) == 0
        assert 0.5 < loop.time() - began_s < 1.5
        assert await one.rest() == 1012
        assert one.wire[-1]["reason"] == "go_away"


async def test_a_drained_replica_takes_nobody_in(service: Service) -> None:
    async with serving(service) as url:
        assert await service.floor.drain(1.0) == 0
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(urllib.request.urlopen, f"{url}/v1/stream", b"x" * 100)
        assert caught.value.code == 503
        assert caught.value.headers["retry-after"] == "1"
        assert b'"draining"' in caught.value.read()
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(urllib.request.urlopen, f"{url}/health/ready")
        assert caught.value.code == 503
        assert b'"draining"' in caught.value.read()
        async with talk(url) as one:
            error = await one.until("error")
            assert (error["code"], error["retryable"], error["retry_after_s"]) == (
                "draining",
                True,
                1,
            )
            assert await one.rest() == 1012
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{url}/v1/realtime") as socket,
        ):
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1012


async def test_who_said_nothing_until_the_replica_goes_is_sent_elsewhere(service: Service) -> None:
    gone = asyncio.Event()

    async def microphone() -> object:
        pcm = speak(3, 4).pcm()
        yield pcm[:1]  # Half a sample: the request is there, and no audio yet.
        await gone.wait()
        yield pcm[1:]

    async with serving(service) as url, aiohttp.ClientSession() as http:
        asking = asyncio.create_task(
            http.post(f"{url}/v1/stream?format=pcm_s16le", data=microphone())
        )
        await asyncio.sleep(0.3)
        assert await service.floor.drain(1.0) == 0
        gone.set()
        async with await asking as answer:
            assert answer.status == 503
            assert (await answer.json())["error"]["code"] == "draining"


async def test_what_an_http_client_sent_is_heard_before_it_must_go(service: Service) -> None:
    stream = speak(3, 40)
    said_until = 8 * 16_000

    async def microphone() -> object:
        for at in range(0, said_until, PIECE_SAMPLES):
            yield stream.pcm(at, at + PIECE_SAMPLES)
            await asyncio.sleep(0)
        await asyncio.sleep(60)

    lines: list[bytes] = []
    async with (
        serving(service) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/stream?format=pcm_s16le&target=de", data=microphone()) as answer,
    ):
        draining = asyncio.create_task(after(0.5, lambda: service.floor.drain(2.0)))
        async for line in answer.content:
            lines.append(line)
        assert await draining == 0
    text = b"".join(lines).decode()
    assert '"go_away","seq"' in text
    assert '"reason":"go_away","usage"' in lines[-1].decode()
    said = sum(word.end_samples <= said_until for word in stream.words)
    assert text.count('"probability"') >= said


async def test_an_old_connection_moves_on() -> None:
    young, old = replica(), replica(max_age_s=0.7)
    stream = speak(4, 30)
    async with serving(old) as first, serving(young) as second:
        told, codes = await carry([first, second], stream)
    assert codes == [1012, 1000]
    assert account_transcript(told, stream) == EXACT
    assert [e["reason"] for e in told if e["type"] == "go_away"] == ["age"]
    assert not old.floor.draining
