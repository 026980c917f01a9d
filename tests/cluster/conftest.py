"""A real server for the tests in this folder: its own Ray, its own ports, its own directory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serve_app.client.health import ask

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 180
STOP_TIMEOUT_S = 90


@dataclass(frozen=True)
class Server:
    """A running `dragoman serve`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(
    directory: Path,
    port: int,
    environment: dict[str, str] | None = None,
    config: Path = ROOT / "serve_config.yaml",
) -> Server:
    """`dragoman serve`; raises AssertionError, with the log, where it does not come up."""
    command = [sys.executable, "-m", "serve_app.client.cli", "serve", "--port", str(port)]
    command.append(str(config))
    return start(command, directory, port, environment or {})


def start(
    command: list[str], directory: Path, port: int, environment: dict[str, str] | None = None
) -> Server:
    """Run a command until the server that it starts is ready."""
    log = directory / "server.log"
    inherited = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**inherited, "RAY_TMPDIR": str(directory), **(environment or {})},
            cwd=ROOT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ask(server.url).ready:
        if process.poll() is not None or time.monotonic() > deadline:
            stop_server(server)
            raise AssertionError(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.2)
    return server


def stop_server(server: Server) -> int:
    """Ctrl-C, and the exit code; whatever outlives it is killed with its group."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGINT)
    try:
        return server.process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.process.pid, signal.SIGKILL)
        return server.process.wait()


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """Ray's sockets allow for 107 characters of path, so not pytest's own directory."""
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    running = start_server(directory, free_port())
    yield running
    code = stop_server(running)
    log = running.log.read_text()
    shutil.rmtree(directory, ignore_errors=True)
    assert code == 0, log
