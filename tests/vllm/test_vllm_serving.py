"""The whole server with vLLM as its translator: speech in, translations out, engines that die."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest
import yaml

from serve_app.client.pacing import Pacer
from serve_app.client.score import Take, score
from serve_app.client.stream import StreamOptions, translate_stream
from serve_app.session.events import SessionClosed
from tests.cluster.conftest import (
    ROOT,
    Server,
    free_port,
    short_directory,
    start,
    stop_server,
)
from tests.support.scripted import cut
from tests.support.speech import first_sentences
from tests.support.translations import PARALLEL
from tests.vllm.engines import SMALL

__all__ = ["short_directory"]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

MAX_WER_PERCENT = 12.0
MIN_CHRF = 90.0
RESTART_TIMEOUT_S = 240
TEXT = {"text": PARALLEL["en"][3], "source": "en", "target": ["de"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    port = free_port()
    config["http_options"]["port"] = port
    (application,) = config["applications"]
    application["args"]["mt"] = {"engine": "vllm", "device": "cpu", "vllm": SMALL}
    application["args"]["timeouts"] = {"mt_s": RESTART_TIMEOUT_S}
    directory = tmp_path_factory.mktemp("vllm")
    path = directory / "vllm.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "serve_app.client.cli", "serve", str(path)]
    with_ray = Path("/tmp") / f"dg-vllm-{port}"  # short, for Ray's sockets
    with_ray.mkdir()
    running = start(command, with_ray, port)
    yield running
    assert stop_server(running) == 0, running.log.read_text()


def engine_processes(server: Server) -> list[psutil.Process]:
    """vLLM's, of all that the server has started."""
    return [process for process in family_of(server) if "EngineCore" in name_of(process)]


def family_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join([process.name(), *process.cmdline()])
    except psutil.Error:
        return ""


async def translated(server: Server) -> str:
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.url}/v1/translate", json=TEXT) as response,
    ):
        answer = await response.json()
        assert response.status == 200, answer
        text: str = answer["translations"][0]["text"]
        return text


@pytest.mark.parametrize("language", ["en", "de", "es"])
async def test_live_speech_becomes_text_and_translations(server: Server, language: str) -> None:
    sample, audio = first_sentences(language, 4)
    pacer, taken = Pacer(), Take()

    async def microphone() -> AsyncIterator[bytes]:
        for piece in cut(audio, 640):
            yield piece

    options = StreamOptions(targets=sample.targets, format="pcm_s16le")
    async for received in translate_stream(server.url, pacer.pace(microphone()), options):
        assert pacer.schedule is not None
        taken.note(received.event, pacer.clock(), pacer.schedule)
        if isinstance(received.event, SessionClosed):
            assert received.event.reason == "completed"
    figures = score([(sample.entry, taken)])
    assert figures.wer_percent <= MAX_WER_PERCENT, taken.text
    assert figures.chrf >= MIN_CHRF


def test_the_replica_s_log_says_how_far_the_engine_is(server: Server) -> None:
    [path] = server.log.parent.glob("ray/session_*-*/logs/serve/replica_*_Mt_*.log")
    log = path.read_text()
    assert "vLLM loads" in log
    assert "vLLM has loaded" in log


async def test_a_request_to_a_dead_engine_is_answered_by_the_next_replica(server: Server) -> None:
    assert await translated(server) == PARALLEL["de"][3]
    since_s = time.monotonic()
    while len(engines := engine_processes(server)) != 1:
        names = [name_of(process) for process in family_of(server)]
        assert time.monotonic() - since_s < RESTART_TIMEOUT_S, names
        await asyncio.sleep(1)
    [engine] = engines
    engine.kill()
    since_s = time.monotonic()
    while True:
        try:
            assert await translated(server) == PARALLEL["de"][3]
            break
        except AssertionError:
            if time.monotonic() - since_s > RESTART_TIMEOUT_S:
                raise
            await asyncio.sleep(1)
    assert engine.pid not in {process.pid for process in engine_processes(server)}
