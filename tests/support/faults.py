"""A fault while people speak: when it is noticed, when it is over, and what became of each word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environment import describe
from benchmarks.processes import family
from tests.support.oracle import speak
from tests.support.traveller import Traveller

RESULTS_VARIABLE = "FAULTS_OUT"
"""Where measured rows are written; docs/reliability.md shows benchmarks/results/faults.json."""
CENSUS = ("Ingress", "Vad", "Asr", "Mt", "Hub", "ServeController", "ProxyActor")
WELL_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did."""

    fault: str
    seen: str
    """What a client sees of it, in a line."""
    streams: int
    words: int
    """Said, in all streams."""
    detect_s: float | None
    """From the fault until the first client saw that something was wrong; None where none did."""
    recover_s: float | None
    """From the fault until all that had been spoken by then was committed and translated."""
    lost: int
    doubled: int
    reordered: int
    leaked: int
    other: int
    """Garbled, mistimed or misplaced."""
    signs: dict[str, int] = field(default_factory=dict)
    """What clients saw of it, and how often: close codes, warnings, refused connections."""
    warned: int = 0
    """Words that were lost besides, and a warning said so."""

    @property
    def sound(self) -> bool:
        """Whether each word arrived once, in its place."""
        return (self.lost, self.doubled, self.reordered, self.leaked, self.other) == (0,) * 5


def row_of(fault: str, seen: str, clients: Sequence[Traveller], at_s: float) -> Row:
    """What the clients of a fault saw and heard; `at_s` is when it was, on the loop's clock."""
    accounts = [account for client in clients for account in client.accounts]

    def total(*kinds: str) -> int:
        return sum(len(getattr(account, kind)) for account in accounts for kind in kinds)

    signs = [(when_s, sign) for one in clients for when_s, sign in one.signs if when_s >= at_s]
    return Row(
        fault=fault,
        seen=seen,
        streams=len(clients),
        words=sum(len(one.stream.words) for one in clients),
        detect_s=round(min(signs)[0] - at_s, 1) if signs else None,
        recover_s=round(max((_caught_up_s(one, at_s) for one in clients), default=at_s) - at_s, 1),
        lost=total("lost"),
        doubled=total("doubled"),
        reordered=total("reordered"),
        leaked=total("leaked"),
        other=total("garbled", "mistimed", "misplaced"),
        signs=dict(Counter(sign for _, sign in signs)),
    )


def _caught_up_s(client: Traveller, at_s: float) -> float:
    """When all was acknowledged that had been spoken when the fault was."""
    spoken_ms = (at_s - client.began_s) * 1000 * client.pace
    later = (when_s for when_s, acked_ms in client.acks if acked_ms >= spoken_ms)
    return next(later, client.ended_s)


def record(row: Row) -> None:
    """Among the measured rows, in the place of an earlier one of the same fault, where asked to."""
    name = os.environ.get(RESULTS_VARIABLE)
    if not name:
        return
    path = Path(name)
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"rows": []}
    rows = {one["fault"]: one for one in known["rows"]} | {row.fault: asdict(row)}
    path.write_text(json.dumps({**describe(), "rows": list(rows.values())}, indent=1) + "\n")


@dataclass
class Speakers:
    """Some streams that are under way."""

    clients: list[Traveller]
    travelling: asyncio.Future[Any]

    @classmethod
    def begin(cls, url: str, streams: int, words: int, first: int = 1) -> Speakers:
        """Streams with numbers of their own from `first` on."""
        numbers = range(first, first + streams)
        clients = [Traveller(url, speak(number, words)) for number in numbers]
        return cls(clients, asyncio.gather(*(client.travel() for client in clients)))

    async def under_way(self) -> None:
        """Until each of them has heard something."""
        await true(lambda: all(client.lags_ms for client in self.clients) or self.travelling.done())

    async def finish(self) -> None:
        """Until all have spoken and been heard; raises TimeoutError where that never comes."""
        await self.travelling


async def suffer(
    fault: str,
    seen: str,
    speakers: Speakers,
    do: Callable[[], Awaitable[float | None]],
) -> Row:
    """Let a fault happen while people speak, and record what it did.

    `do` may say when the fault was, on the loop's clock, where that was not at once.
    """
    await speakers.under_way()
    at_s = asyncio.get_running_loop().time()
    at_s = await do() or at_s
    await speakers.finish()
    row = row_of(fault, seen, speakers.clients, at_s)
    record(row)
    return row


async def true(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Until a condition holds; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - whatever it is, it has no event
            await asyncio.sleep(0.05)


def census(root: int) -> Counter[str]:
    """How many processes there are of each deployment and of what Serve itself consists of."""
    return Counter(name for name in family(root).values() if name in CENSUS)


def kill(root: int, name: str, how: signal.Signals = signal.SIGKILL) -> int:
    """Signal one process of that name of a server; returns its number."""
    pid = called(root, name)[0]
    os.kill(pid, how)
    return pid


def called(root: int, name: str) -> list[int]:
    """The processes of that name of a server, oldest first."""
    return sorted(pid for pid, its_name in family(root).items() if its_name == name)


def wait_until_well(root: int, expected: Counter[str], ready: Callable[[], bool]) -> float:
    """Until all processes are there again and the server says that it is ready; how long it took.

    Raises AssertionError where that never comes.
    """
    began_s = time.monotonic()
    while not (census(root) >= expected and ready()):
        missing = expected - census(root)
        assert time.monotonic() - began_s < WELL_TIMEOUT_S, f"not well again: {missing}"
        time.sleep(0.2)
    return time.monotonic() - began_s
