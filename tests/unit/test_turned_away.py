"""What clients see when a replica has as many sessions as it can serve."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from deployments.metering.prometheus import PrometheusMeters
from deployments.types import StageInfo
from serve_app.admission import Load
from serve_app.api.service import Service
from serve_app.client.resume import Memory
from serve_app.config import AdmissionSettings
from serve_app.metrics import SessionMeters
from serve_app.session import effects as fx
from tests.support.doors import serving
from tests.support.oracle import EXACT, account_transcript, speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.sockets import talk

ANY = StageInfo("oracle", "1", (), takes_open=True)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def service() -> Service:
    config = oracle_config()
    config = config.model_copy(update={"admission": AdmissionSettings(max_sessions=1)})
    meters = SessionMeters(PrometheusMeters())
    return Service(config, OraclePorts(config).ports, ANY, ANY, meters=meters)


async def test_every_door_says_when_to_come_back(service: Service) -> None:
    async with serving(service) as url, talk(url) as live:
        await live.config(format="pcm_s16le")
        await live.until("session.created")
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(urllib.request.urlopen, f"{url}/v1/stream", b"x" * 100)
        assert caught.value.code == 503
        assert caught.value.headers["retry-after"] == "5"
        error = json.loads(caught.value.read())["error"]
        assert error["code"] == "overloaded"
        assert "Try again in 5 s" in error["message"]
        async with talk(url) as other:
            await other.config(format="pcm_s16le")
            told = await other.until("error")
            assert (told["code"], told["retryable"], told["retry_after_s"]) == (
                "overloaded",
                True,
                5,
            )
            assert await other.rest() == 1013
        for path in ("/v1/realtime", "/v1/realtime/translations"):
            async with aiohttp.ClientSession() as http, http.ws_connect(url + path) as socket:
                message = json.loads((await socket.receive()).data)
                assert message["error"]["code"] == "overloaded"
                closed = await socket.receive()
                assert (socket.close_code, closed.extra) == (1013, "overloaded; retry after 5 s")
        await live.end()
        assert await live.rest() == 1000
        async with talk(url) as later:
            await later.config(format="pcm_s16le")
            await later.until("session.created")
    meters = service.meters.meters
    assert isinstance(meters, PrometheusMeters)
    assert meters.value("dragoman_admission_rejected_total", reason="capacity") == 4


async def test_a_session_that_goes_on_is_let_in_where_a_new_one_is_not(service: Service) -> None:
    strict = AdmissionSettings(max_sessions=2, ramp_sessions=1)
    service = replace(service, config=service.config.model_copy(update={"admission": strict}))
    stream, memory = speak(1, 10), Memory()
    async with serving(service) as url:
        async with talk(url) as one:
            await one.config(format="pcm_s16le")
            await one.until("session.created")
            memory.note(one.events[-1])
        async with talk(url) as new:
            await new.config(format="pcm_s16le")
            assert (await new.until("error"))["code"] == "overloaded"
        async with talk(url) as again:
            await again.socket.send_json(memory.message())
            await again.audio(stream.pcm())
            await again.end()
            assert await again.rest() == 1000
    assert account_transcript(again.wire, stream) == EXACT


async def test_a_token_that_is_shown_again_and_again_is_no_way_past_the_gate(
    service: Service,
) -> None:
    strict = AdmissionSettings(max_sessions=20, ramp_sessions=1)
    service = replace(service, config=service.config.model_copy(update={"admission": strict}))
    memory = Memory()
    async with serving(service) as url, talk(url) as one:
        await one.config(format="pcm_s16le")
        await one.until("session.created")
        memory.note(one.events[-1])
        async with talk(url) as first, talk(url) as second:
            await first.socket.send_json(memory.message())
            await first.until("session.created")
            await second.socket.send_json(memory.message())
            assert (await second.until("error"))["code"] == "overloaded"


async def test_whoever_keeps_silent_takes_a_place(service: Service) -> None:
    async def silence() -> AsyncIterator[bytes]:
        yield b"RIFF"
        await asyncio.Event().wait()

    async with serving(service) as url, aiohttp.ClientSession() as http:
        silent = asyncio.create_task(http.post(f"{url}/v1/stream", data=silence()))
        async with asyncio.timeout(10):
            while service.meters.load().sessions == 0:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        async with http.post(f"{url}/v1/stream", data=b"x" * 100) as answer:
            assert answer.status == 503
        silent.cancel()
        async with asyncio.timeout(10):
            while service.meters.load().sessions:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def test_the_load_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    meters = SessionMeters(PrometheusMeters(), clock)
    assert meters.load() == Load()
    for took_s in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 4.0):
        with meters.asking(fx.Stage.ASR):
            clock.now_s += took_s
    assert meters.load().answer_s == pytest.approx(0.9)
    clock.now_s += 60
    assert meters.load().answer_s == 0.0
    with meters.asking(fx.Stage.ASR):
        clock.now_s += 7
        assert meters.load().answer_s == pytest.approx(7), "nothing was answered for as long"
    with meters.asking(fx.Stage.MT):
        clock.now_s += 60
        assert meters.load().answer_s == 0.0
