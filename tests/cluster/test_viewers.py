"""Viewers under Ray Serve: several ingress replicas, and a hub that is killed in the middle."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.cluster.conftest import ROOT, Server, free_port, start, stop_server
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.sockets import Talk, talk
from tests.support.viewers import stream_of, view

pytestmark = pytest.mark.cluster

STREAM = speak(session=9, count=40)
PIECE_SAMPLES = 3_200
VIEWERS = 12
"""More than the two replicas of the ingress, so that each has some."""

KILL_THE_HUB = """
import ray
ray.init(address="auto", namespace="serve", logging_level="ERROR", log_to_driver=False)
hubs = [a for a in ray.util.list_named_actors(all_namespaces=True) if "#Hub#" in a["name"]]
for hub in hubs:
    ray.kill(ray.get_actor(hub["name"], namespace=hub["namespace"]), no_restart=True)
print(len(hubs))
"""


@pytest.fixture(scope="module")
def replicas() -> Iterator[tuple[Server, Path]]:
    """Two ingress replicas over oracles."""
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    port = free_port()
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    config["http_options"]["port"] = port
    (application,) = config["applications"]
    application["args"] = {stage: {"engine": "oracle"} for stage in ("vad", "asr", "mt")}
    ingress = next(one for one in application["deployments"] if one["name"] == "Ingress")
    ingress.pop("autoscaling_config", None)
    ingress["num_replicas"] = 2
    path = directory / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [*[sys.executable, "-m", "serve_app.client.cli"], "serve", str(path)]
    server = start(command, directory, port)
    yield server, directory
    code = stop_server(server)
    log = server.log.read_text()
    shutil.rmtree(directory, ignore_errors=True)
    assert code == 0, log


def kill_the_hub(directory: Path) -> None:
    environment = {**os.environ, "RAY_TMPDIR": str(directory)}
    killed = subprocess.run(
        [sys.executable, "-c", KILL_THE_HUB],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.stdout.split()[-1:] == ["1"], killed.stdout + killed.stderr


async def say(speaker: Talk, begin: int, end: int) -> None:
    """At four times the pace of speech."""
    for at in range(begin, end, PIECE_SAMPLES):
        await speaker.audio(STREAM.pcm(at, min(at + PIECE_SAMPLES, end)))
        await asyncio.sleep(PIECE_SAMPLES / 16_000 / 4)


async def test_the_hub_is_killed_and_everybody_still_reads_everything(
    replicas: tuple[Server, Path],
) -> None:
    server, directory = replicas
    half = STREAM.length_samples // 2
    async with talk(server.url) as speaker, AsyncExitStack() as connections:
        await speaker.config(
            format="pcm_s16le", source="en", target=["de"], viewers=True, partials=False
        )
        created = await speaker.until("session.created")
        session, token = created["session_id"], created["viewer_token"]
        keys: dict[str, Any] = {"target": "de", "transcript": "true"}
        views = [view(server.url, session, token, **keys) for _ in range(VIEWERS)]
        viewers = [await connections.enter_async_context(one) for one in views]
        reading = [asyncio.create_task(one.rest()) for one in viewers]
        await say(speaker, 0, half)
        began_s = time.monotonic()
        killing = asyncio.create_task(asyncio.to_thread(kill_the_hub, directory))
        await say(speaker, half, STREAM.length_samples)
        await killing
        killed_s = time.monotonic() - began_s
        await speaker.end()
        assert await speaker.rest() == 1000
        await asyncio.wait_for(asyncio.gather(*reading), 60)
        async with view(server.url, session, token, **keys) as late:
            await late.rest()
    assert account_transcript(speaker.wire, STREAM) == EXACT
    assert account_translation(speaker.wire, STREAM, "de") == EXACT
    assert killed_s > 0
    for viewer in [*viewers, late]:
        assert account_transcript(viewer.told, STREAM) == EXACT
        assert account_translation(viewer.told, STREAM, "de") == EXACT
        assert [e["type"] for e in viewer.told].count("viewer.joined") == 1
        assert viewer.told[-1]["type"] == "session.closed"


async def test_who_came_first_may_leave(replicas: tuple[Server, Path]) -> None:
    server, _ = replicas
    half = STREAM.length_samples // 2
    async with talk(server.url) as speaker, AsyncExitStack() as staying:
        await speaker.config(
            format="pcm_s16le", source="en", target=["de"], viewers=True, partials=False
        )
        created = await speaker.until("session.created")
        session, token = created["session_id"], created["viewer_token"]
        keys: dict[str, Any] = {"target": "de", "transcript": "true"}
        async with AsyncExitStack() as leaving:
            for _ in range(VIEWERS // 2):
                await leaving.enter_async_context(view(server.url, session, token, **keys))
            views = [view(server.url, session, token, **keys) for _ in range(VIEWERS // 2)]
            viewers = [await staying.enter_async_context(one) for one in views]
            await say(speaker, 0, half)
        await say(speaker, half, STREAM.length_samples)
        await speaker.end()
        assert await speaker.rest() == 1000
        await asyncio.wait_for(asyncio.gather(*(one.rest() for one in viewers)), 60)
    for viewer in viewers:
        assert account_transcript(viewer.told, STREAM) == EXACT
        assert account_translation(viewer.told, STREAM, "de") == EXACT


async def test_two_sides_talk_across_replicas(replicas: tuple[Server, Path]) -> None:
    server, _ = replicas
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}/v1/conversations") as answer,
    ):
        created = await answer.json()
    address = f"{server.url}/v1/conversations/{created['id']}/events"
    host, guest = created["host"]["token"], created["guest"]["token"]
    async with AsyncExitStack() as connections:
        enter = connections.enter_async_context
        # More readers than replicas, so that both have some.
        readers = [
            await enter(stream_of(address, {"token": guest, "language": "es"})) for _ in range(4)
        ]
        speaker = await enter(talk(server.url))
        await speaker.config(format="pcm_s16le", source="en", conversation=host)
        assert (await speaker.until("session.updated"))["config"]["target"] == ["es"]
        await say(speaker, 0, STREAM.length_samples)
        await speaker.end()
        assert await speaker.rest() == 1000
        homes = [e for e in speaker.wire if e["type"] == "transcript.committed"]
        for reader in readers:
            await asyncio.wait_for(reader.until("session.closed"), 30)
            translated = [e for e in reader.told if e["type"] == "translation.committed"]
            assert {e["side"] for e in translated} == {"host"}
            assert account_translation([*homes, *translated], STREAM, "es") == EXACT
