"""Which processes descend from one, so that none of them is left behind. Linux only."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process; the start time tells it from a later one with the same number."""

    pid: int
    started_ticks: int

    @property
    def alive(self) -> bool:
        """Whether it is still there, and not a zombie."""
        status = _status(self.pid)
        return status is not None and status.identity == self and status.state != "Z"

    def kill(self) -> None:
        """End it at once, if it is still the same process."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Status:
    identity: ProcessId
    parent: int
    state: str


def descendants(pid: int) -> set[ProcessId]:
    """Children of `pid`, their children, and so on; empty where there is no /proc."""
    if not _PROC.is_dir():
        return set()
    children: dict[int, list[_Status]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (status := _status(int(entry.name))):
            children[status.parent].append(status)
    found: set[ProcessId] = set()
    waiting = [pid]
    while waiting:
        for status in children[waiting.pop()]:
            found.add(status.identity)
            waiting.append(status.identity.pid)
    return found


def _status(pid: int) -> _Status | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses itself.
    fields = text[text.rindex(")") + 2 :].split()
    return _Status(ProcessId(pid, int(fields[19])), int(fields[1]), fields[0])
