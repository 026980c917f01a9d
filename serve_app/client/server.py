"""A Dragoman server as a child process: on a Ray of its own, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serve_app.client.errors import ClientError
from serve_app.client.health import ask
from serve_app.client.ports import LOOPBACK, free_port
from serve_app.client.processes import ProcessId, descendants

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
FAMILY_TIMEOUT_S = 5.0
POLL_S = 0.1
SAYS = "dragoman: "
"""How the server begins the lines that are meant for people."""
FAILURE = "cannot start: "

# Short, because the paths of Ray's sockets in it must not exceed 107 characters.
TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else None  # noqa: S108 # nosec B108


class ServerFailedError(ClientError):
    """The child did not get ready, or died."""


@dataclass(frozen=True, slots=True)
class ChildServer:
    """A server that is ready."""

    url: str
    log: Path
    ready_s: float
    """From the start of the process."""


class Child:
    """The process and everything it started."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._family: set[ProcessId] = set()

    @property
    def ended(self) -> bool:
        """Whether the process itself is gone."""
        return self.process.returncode is not None

    def remember_family(self) -> None:
        """Ray's processes find new parents when theirs dies, so they must be known before."""
        self._family |= descendants(self.process.pid)

    async def stop(self) -> None:
        """Ask, wait, and then make sure; bounded, so Ctrl-C cannot cut it short."""
        with _undisturbed():
            await self._stop()

    async def _stop(self) -> None:
        if not self.ended:
            self.remember_family()
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while not self.ended and time.monotonic() < deadline_s:
            self.remember_family()
            await asyncio.sleep(POLL_S)
        await self._end_family()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def _end_family(self) -> None:
        for _ in range(int(FAMILY_TIMEOUT_S / POLL_S)):
            if not any(member.alive for member in self._family):
                return
            await asyncio.sleep(POLL_S)
        for member in self._family:
            member.kill()


@asynccontextmanager
async def child_server(
    config: Path,
    preferred_port: int,
    tell: Callable[[str], None],
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[ChildServer]:
    """Start a server, wait until it is ready, stop it in the end.

    `variables` go before those of this process.

    After an error its log is shown and kept. Raises ServerFailedError.
    """
    directory = Path(tempfile.mkdtemp(prefix="dragoman-", dir=TEMPORARY))
    log = directory / "server.log"
    port = free_port(preferred_port)
    url = f"http://{LOOPBACK}:{port}"
    began_s = time.monotonic()
    tell(f"starting a server on port {port}")
    child = Child(await _spawn(config, port, directory, log, variables or {}))
    keep = False
    try:
        await _wait_ready(child, url, log, tell)
        yield ChildServer(url, log, time.monotonic() - began_s)
    except Exception:
        keep = True
        tell(f"the end of the server's log:\n{log_tail(log)}\nthe whole log is {log}")
        raise
    finally:
        tell("stopping the server")
        await child.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


async def _spawn(
    config: Path, port: int, directory: Path, log: Path, variables: Mapping[str, str]
) -> Process:
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    environment |= {"RAY_TMPDIR": str(directory), "PYTHONUNBUFFERED": "1", **variables}
    arguments = ["-m", "serve_app.client.cli", "serve", str(config), "--port", str(port)]
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=config.parent,
            # Ctrl-C in the terminal is for us; the child is told when its time has come.
            start_new_session=True,
        )


async def _wait_ready(child: Child, url: str, log: Path, tell: Callable[[str], None]) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    told = 0
    missing = ""
    while time.monotonic() < deadline_s:
        if child.ended:
            raise ServerFailedError(f"the server did not start: {_reason(log)}")
        said = _said(log)
        for line in said[told:]:
            if not line.startswith(FAILURE):
                tell(line)
        told = len(said)
        health = await asyncio.to_thread(ask, url)
        if health.ready:
            child.remember_family()
            return
        missing = health.missing
        await asyncio.sleep(POLL_S)
    raise ServerFailedError(f"the server was not ready within {START_TIMEOUT_S:g} s: {missing}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _said(log: Path) -> list[str]:
    lines = log.read_text(errors="replace").splitlines()
    return [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS)]


def _reason(log: Path) -> str:
    said = _said(log) or ["it ended without a word"]
    return said[-1].removeprefix(FAILURE)


def log_tail(log: Path, lines: int = 20) -> str:
    """The end of the log, for people."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"
