"""Redeploy, scale-in and the end of the server, with live streams: no word is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import ROOT, free_port
from tests.cluster.oracle_server import oracle_server, write_config
from tests.support.faults import record, row_of
from tests.support.oracle import speak
from tests.support.traveller import Traveller

pytestmark = pytest.mark.cluster

STREAMS = 20
PACE = 1.0
"""Of speech: twenty sessions and their senders share the cores with what is being deployed."""
ARGS = {
    "resume": {"keys": ["k" * 64]},
    # A stage that is replaced is away for as long as a busy machine takes to start another.
    "timeouts": {"vad_s": 60, "asr_s": 60, "mt_s": 60},
}
DEPLOY_TIMEOUT_S = 90
LETS_GO = "`go_away`, then 1012, and the session goes on at another replica"


class ChangingServer:
    """A server with a way to deploy another configuration on it."""

    def __init__(self, directory: Path, **changes: Any) -> None:  # noqa: ANN401
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self.log = directory / "server.log"
        first = self._write("first", changes)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.changing_server", first, str(free_port())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**environment(), "RAY_TMPDIR": str(directory)},
                cwd=ROOT,
                start_new_session=True,
            )
        self._expect("started")

    async def deploy(self, **changes: Any) -> None:  # noqa: ANN401
        """Another configuration; returns when it runs."""
        await asyncio.wait_for(asyncio.to_thread(self._deploy, changes), DEPLOY_TIMEOUT_S)

    def _deploy(self, changes: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        path = self._write(f"next-{time.monotonic_ns()}", changes)
        self.process.stdin.write(f"{path}\n".encode())
        self.process.stdin.flush()
        self._expect("deployed")

    def _expect(self, said: str) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"{said}\n".encode(), self.log.read_text()

    def _write(self, name: str, changes: dict[str, Any]) -> Path:
        path = self._directory / f"{name}.yaml"
        write_config(path, self.port, **changes)
        return path

    def stop(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(60) == 0, self.log.read_text()


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}


@contextmanager
def changing_server(directory: Path, **changes: Any) -> Iterator[ChangingServer]:  # noqa: ANN401
    server = ChangingServer(directory, **changes)
    try:
        yield server
    finally:
        server.stop()


def travellers(url: str, words: int = 80) -> list[Traveller]:
    return [Traveller(url, speak(number, words), PACE) for number in range(STREAMS)]


def closes(clients: list[Traveller]) -> Counter[int | None]:
    return Counter(code for client in clients for code in client.codes)


def lost(clients: list[Traveller]) -> list[object]:
    return [(one.stream.session, one.accounts, one.codes) for one in clients if not one.exact]


async def test_a_redeploy_of_all_stages_loses_no_word(short_directory: Path) -> None:
    with changing_server(short_directory, args=ARGS) as server:
        clients = travellers(server.url)
        travelling = asyncio.gather(*(client.travel() for client in clients))
        await asyncio.sleep(4)
        at_s = asyncio.get_running_loop().time()
        seeds = {stage: {"oracle": {"seed": 7}} for stage in ("vad", "asr", "mt")}
        await server.deploy(args={**ARGS, **seeds})
        await travelling
    assert lost(clients) == []
    ended = closes(clients)
    assert set(ended) == {1012, 1000}
    assert ended[1000] == STREAMS
    assert sum(client.refused for client in clients) == 0
    record(row_of("all deployments are redeployed", LETS_GO, clients, at_s))


async def test_scale_in_moves_the_sessions_of_the_replica_that_goes(short_directory: Path) -> None:
    two = {"Ingress": {"num_replicas": 2}}
    with changing_server(short_directory, args=ARGS, deployments=two) as server:
        clients = travellers(server.url)
        travelling = asyncio.gather(*(client.travel() for client in clients))
        await asyncio.sleep(4)
        at_s = asyncio.get_running_loop().time()
        await server.deploy(args=ARGS, deployments={"Ingress": {"num_replicas": 1}})
        await travelling
    assert lost(clients) == []
    ended = closes(clients)
    assert set(ended) == {1012, 1000}
    assert 0 < ended[1012] < STREAMS
    assert ended[1000] == STREAMS
    record(row_of("ingress is scaled in, from 2 replicas to 1", LETS_GO, clients, at_s))


async def test_sigterm_lets_go_of_all_sessions_and_the_next_server_takes_them_up(
    short_directory: Path,
) -> None:
    clients: list[Traveller] = []
    with oracle_server(short_directory, free_port(), args=ARGS) as server:
        clients = travellers(server.url)
        travelling = asyncio.gather(*(client.travel() for client in clients))
        await asyncio.sleep(4)
        at_s = asyncio.get_running_loop().time()
        began_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        assert time.monotonic() - began_s < 15
        told = closes(clients)
        assert sum(told.values()) == STREAMS
        assert told[1012] > 0
        port = int(server.url.rpartition(":")[2])
        with oracle_server(short_directory, free_port(), args=ARGS, port=port):
            await travelling
    assert lost(clients) == []
    assert closes(clients)[1000] == STREAMS
    seen = "as above, and then nobody answers until another server does (here it is started then)"
    record(row_of("SIGTERM to the server", seen, clients, at_s))
