"""A cluster that loses a node, or its GCS for a while, while people speak."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serve_app.client.health import ask
from tests.cluster.conftest import ROOT, START_TIMEOUT_S, free_port
from tests.cluster.oracle_server import write_config
from tests.cluster.test_drain import environment
from tests.support.faults import Speakers, suffer, true
from tests.support.oracle import EXACT
from tests.support.sockets import talk

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

REDIS = shutil.which("redis-server")
STREAMS = 8
OUTAGE_S = 10

CHANGES: dict[str, Any] = {
    "args": {
        "resume": {"keys": ["k" * 64]},
        "admission": {"ramp_sessions": 1_000, "max_answer_s": 60, "max_backlog_s": 60},
    },
    "deployments": {
        **{
            name: {
                "num_replicas": 2,
                "max_replicas_per_node": 1,
                "ray_actor_options": {"num_cpus": 0.1},
            }
            for name in ("Ingress", "Asr")
        },
        "Vad": {"num_replicas": 1, "ray_actor_options": {"num_cpus": 0.1}},
        "Mt": {"num_replicas": 1, "ray_actor_options": {"num_cpus": 0.1}},
    },
}


@dataclass
class Nodes:
    """A server on three nodes."""

    url: str
    process: subprocess.Popen[bytes]

    async def order(self, command: str) -> None:
        """Have something done to the cluster."""
        await asyncio.to_thread(self._order, command)

    def _order(self, command: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        # Ray has things to say about it there as well.
        for line in self.process.stdout:
            if line == b"done\n":
                return
        raise AssertionError(f"the server ended over {command!r}")


@contextmanager
def redis(directory: Path) -> Iterator[str]:
    """The address of a Redis of our own."""
    assert REDIS is not None
    port = free_port()
    command = [REDIS, "--port", str(port), "--save", "", "--dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    if REDIS is None:
        pytest.skip("there is no redis-server here, which Ray's GCS would come back from")
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    port = free_port()
    config, log = directory / "nodes.yaml", directory / "server.log"
    write_config(config, port, **CHANGES)
    with redis(directory) as address, log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.cluster_server", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            env={**environment(), "RAY_TMPDIR": str(directory), "RAY_REDIS_ADDRESS": address},
            cwd=ROOT,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        url = f"http://127.0.0.1:{port}"
        try:
            deadline_s = time.monotonic() + START_TIMEOUT_S
            while not ask(url).ready:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline_s, log.read_text()
                time.sleep(0.2)
            yield Nodes(url, process)
        finally:
            process.stdin.close()
            process.stdout.close()
            code = process.wait(120)
        text = log.read_text()
    shutil.rmtree(directory, ignore_errors=True)
    assert code == 0, text


async def test_sessions_of_a_lost_node_go_on_at_another(nodes: Nodes) -> None:
    speakers = Speakers.begin(nodes.url, STREAMS, 40)
    row = await suffer(
        "a worker node is lost (of 2)",
        "its sockets end with 1006 and are taken up again at the other node; stages that were on "
        "it alone are away until they are started there",
        speakers,
        lambda: nodes.order("lose node"),
    )
    assert row.sound, row
    assert set(row.signs) <= {"1006", "1012", "refused"}


async def test_sessions_go_on_while_gcs_is_away_and_new_ones_begin(nodes: Nodes) -> None:
    speakers = Speakers.begin(nodes.url, STREAMS, 40)

    async def outage() -> None:
        await nodes.order("lose gcs")
        await asyncio.sleep(OUTAGE_S / 2)
        async with talk(nodes.url) as one:
            await one.config(format="pcm_s16le")
            await one.until("session.created")
        await asyncio.sleep(OUTAGE_S / 2)
        await nodes.order("restore gcs")

    row = await suffer(
        f"GCS is away for {OUTAGE_S} s, and comes back from Redis",
        "nothing; new sessions begin as ever",
        speakers,
        outage,
    )
    assert row.sound, row
    assert row.signs == {}
    # What was there before still is, and a replica that dies now is replaced.
    after = Speakers.begin(nodes.url, 2, 10, first=100)
    await after.finish()
    assert [client.accounts for client in after.clients] == [(EXACT, EXACT)] * 2
    await true(lambda: ask(nodes.url).ready)
