"""What a neighbour feels of an attack: lag of paced sessions before and under it, memory, errors.

Oracle engines behind a whole server. The same sessions speak all the time; each attack comes from
a process of its own after a quiet while that it is compared with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from heapq import nlargest
from operator import itemgetter
from pathlib import Path

from benchmarks.attackers import ATTACKS
from benchmarks.harmful import prepare
from benchmarks.oracle_load import Listening, listen, oracle_config, speech, together
from benchmarks.processes import family, held
from benchmarks.report import parser_of, tell, write
from serve_app.client.score import percentile
from serve_app.client.server import ChildServer, child_server

MAX_GROWTH_MB = 50.0
MAX_RATIO, MAX_MORE_MS = 1.25, 150.0
"""p95 under attack by the one before it: as a whole or by so much, whichever is more."""
WARM_S, SETTLE_S = 15.0, 8.0
GREATEST = 4
REFUSED = "http 503"
"""With retry-after, by a server that is full: an answer, and no failure."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack."""

    attack: str
    lag_p95_before_ms: int
    lag_p95_under_ms: int
    words_under: int
    memory_before_mb: float
    memory_peak_growth_mb: float
    """While it lasts."""
    memory_growth_mb: float
    """Some seconds after it."""
    grown_mb: dict[str, float]
    """By then, the kinds of processes that grew most."""
    answers: dict[str, int]

    @property
    def errors(self) -> int:
        """Answers that say that the server failed."""
        return sum(
            count
            for answer, count in self.answers.items()
            if (answer.startswith("http 5") and answer != REFUSED) or answer == "close 1011"
        )

    @property
    def breaches(self) -> list[str]:
        """Bars that are missed."""
        allowed_ms = max(self.lag_p95_before_ms * MAX_RATIO, self.lag_p95_before_ms + MAX_MORE_MS)
        found = []
        if self.lag_p95_under_ms > allowed_ms:
            found.append(f"p95 {self.lag_p95_before_ms} to {self.lag_p95_under_ms} ms")
        if self.memory_peak_growth_mb >= MAX_GROWTH_MB:
            found.append(f"memory +{self.memory_peak_growth_mb:.0f} MB (bar {MAX_GROWTH_MB:g})")
        if self.errors:
            found.append(f"{self.errors} answers of 500 and above")
        return [f"{self.attack}: {one}" for one in found]


async def run(arguments: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """All attacks that were asked for, one after the other; and what became of the neighbours."""
    # Ray's workers would be nicer than the senders and the attackers.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 # its name in Ray
    lasts_s = WARM_S + len(arguments.attacks) * (2 * arguments.window_s + SETTLE_S + 15)
    await asyncio.to_thread(prepare)
    with tempfile.TemporaryDirectory() as directory:
        config = oracle_config(Path(directory), {})
        async with child_server(config, arguments.port, tell) as server:
            ears = [Listening() for _ in range(arguments.neighbours)]
            pcms = [speech(number, round(lasts_s * 1000)) for number in range(len(ears))]
            tasks = [
                asyncio.create_task(listen(server.url, pcm, ear))
                for pcm, ear in zip(pcms, ears, strict=True)
            ]
            async with together(tasks):
                await asyncio.sleep(WARM_S)
                rows = []
                for name in arguments.attacks:
                    tell(f"{name}: a quiet while, then the attack, {arguments.window_s:g} s each")
                    rows.append(await _measure(name, server, ears, arguments.window_s))
                    tell(str(rows[-1]))
                lost = [
                    f"neighbour {number} was closed with {ear.close_code}"
                    for number, ear in enumerate(ears)
                    if ear.close_code is not None or ear.refused
                ]
    return rows, lost


async def _measure(
    name: str, server: ChildServer, ears: Sequence[Listening], window_s: float
) -> Row:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.sleep(window_s)
    before = await asyncio.to_thread(_memory_mb)
    attacked_s = loop.time()
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.attackers", name, server.url, str(window_s)),
        stdout=asyncio.subprocess.PIPE,
    )
    answering = asyncio.create_task(attacker.communicate())
    peak_mb = sum(before.values())
    while not answering.done():
        await asyncio.wait({answering}, timeout=1.0)
        now = await asyncio.to_thread(_memory_mb, attacker.pid)
        peak_mb = max(peak_mb, sum(now.values()))
    ended_s = loop.time()
    output, _ = answering.result()
    await asyncio.sleep(SETTLE_S)
    after = await asyncio.to_thread(_memory_mb)
    before_ms, under_ms = _lags(ears, began_s, attacked_s), _lags(ears, attacked_s, ended_s)
    return Row(
        attack=name,
        lag_p95_before_ms=round(percentile(before_ms, 0.95)),
        lag_p95_under_ms=round(percentile(under_ms, 0.95)),
        words_under=len(under_ms),
        memory_before_mb=round(sum(before.values()), 1),
        memory_peak_growth_mb=round(peak_mb - sum(before.values()), 1),
        memory_growth_mb=round(sum(after.values()) - sum(before.values()), 1),
        grown_mb=_growth(before, after),
        answers=dict(json.loads(output)),
    )


def _lags(ears: Sequence[Listening], from_s: float, to_s: float) -> list[float]:
    return [lag for ear in ears for at_s, lag in ear.lags_ms if from_s <= at_s < to_s]


def _memory_mb(but: int | None = None) -> dict[str, float]:
    """Of the server, by kind of process: of all that descends from us, but for the attacker."""
    found: dict[str, float] = {}
    for pid, name in family().items():
        if pid != but and (one := held(pid)) is not None:
            found[name] = found.get(name, 0.0) + one.memory_mb
    return found


def _growth(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    grown = {name: round(mb - before.get(name, 0.0), 1) for name, mb in after.items()}
    return dict(nlargest(GREATEST, grown.items(), key=itemgetter(1)))


def main() -> None:
    """Measure, judge, write JSON where asked to; exit code 1 where a bar is missed."""
    parser = parser_of("attacks", __doc__)
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
    parser.add_argument("--neighbours", type=int, default=4, help="paced sessions (default: 4)")
    parser.add_argument("--window-s", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    rows, lost = asyncio.run(run(arguments))
    breaches = [*(breach for row in rows for breach in row.breaches), *lost]
    write(
        arguments.out,
        "attacks",
        {
            "neighbours": arguments.neighbours,
            "bars": {"growth_mb": MAX_GROWTH_MB, "ratio": MAX_RATIO, "errors": 0},
            "rows": [asdict(row) for row in rows],
            "breaches": breaches,
        },
    )
    for breach in breaches:
        tell(f"BREACH: {breach}")
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
