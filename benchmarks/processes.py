"""The processes of a server that we started: their names, and what they use. Linux only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serve_app.client.processes import descendants

INGRESS, PROXY = "Ingress", "ProxyActor"

MEMORY_FILE = "memfd:"
_MIB, _BLOCK_BYTES = 2**20, 512
_ACTOR = re.compile(r"ray::(?:ServeReplica:\w+:)?(\w+)")
_SCRIPT = re.compile(r"[\w-]+(?=\.py\b)")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process, since it began."""

    cpu_s: float
    memory_mb: float
    """Resident."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds at a moment."""

    memory_mb: float
    """Of no file on a disk, its part of what it shares (proportional set size), in MiB: what is
    mapped from such files changes with each program on the machine that uses the same libraries.
    Files that are only memory count as well, for each process that has them open."""
    threads: int
    handles: int
    """Open files and sockets."""


def family(root: int | None = None) -> dict[int, str]:
    """All descendants of a process, ours unless said otherwise, by number: called after their
    deployment, actor or program."""
    return dict(_named(os.getpid() if root is None else root))


def process_called(name: str) -> int:
    """Among our own descendants; RuntimeError where there is none."""
    for pid, called in _named(os.getpid()):
        if called == name:
            return pid
    raise RuntimeError(f"no process is called {name}: is the server up?")


def usage(pid: int) -> Usage:
    """Of a process, so far."""
    directory = Path(f"/proc/{pid}")
    fields = (directory / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int((directory / "statm").read_text().split()[1])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / _MIB)


def held(pid: int) -> Held | None:
    """Of a process, now; None where it is gone."""
    directory = Path(f"/proc/{pid}")
    try:
        rollup = (directory / "smaps_rollup").read_text()
        memory_kb = _number("Pss_Anon", rollup) + _number("Pss_Shmem", rollup)
        threads = _number("Threads", (directory / "status").read_text())
        handles = list((directory / "fd").iterdir())
        memory_bytes = memory_kb * 1024 + sum(_memory_files(handles).values())
    except OSError:
        return None
    return Held(memory_bytes / _MIB, threads, len(handles))


def _memory_files(handles: Sequence[Path]) -> dict[int, int]:
    """Bytes of those that are in no address space, by inode."""
    found = {}
    for handle in handles:
        with suppress(FileNotFoundError):  # closed since
            if handle.readlink().name.startswith(MEMORY_FILE):
                about = handle.stat()
                found[about.st_ino] = _BLOCK_BYTES * about.st_blocks
    return found


def name_of(command: str) -> str:
    """What a process is called for people, by its command line."""
    if actor := _ACTOR.match(command):
        return actor[1]
    program = Path(command.split(maxsplit=1)[0]).name
    if not program.startswith("python"):
        return program
    if " -m " in command:
        return command.partition(" -m ")[2].split(maxsplit=1)[0]
    script = _SCRIPT.search(command)
    return program if script is None else script[0]


def _named(root: int) -> Iterator[tuple[int, str]]:
    for process in descendants(root):
        try:
            command = Path(f"/proc/{process.pid}/cmdline").read_text(errors="replace")
        except OSError:
            continue
        if words := command.replace("\0", " ").strip():
            yield process.pid, name_of(words)


def _number(key: str, text: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"no {key}: the process has ended")
    return int(found[1])
