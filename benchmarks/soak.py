"""A server under sessions that come and go for a long time: does it grow, does it lose a word?

Oracle engines; each speaker at the pace of speech, some cut off and resumed, some gone for good.
Every process of the server is sampled, and judged after a warm-up. Ends with exit code 1 where a
bar is missed. Lag is told and has no bar here: senders and other programs share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.churn import Crowd, Tally
from benchmarks.environment import ROOT
from benchmarks.oracle_load import oracle_config
from benchmarks.processes import Held, family, held
from benchmarks.report import parser_of, tell, write
from benchmarks.trends import Trend, trend
from serve_app.client.score import percentile
from serve_app.client.server import child_server

SAMPLE_S = 10.0
WARM_SHARE, WARM_MAX_MINUTES = 0.4, 8.0
"""Caches fill, heaps find their size: as much of the run, and no more, does not count."""
TEMPORARY = frozenset({"IDLE"})
"""Ray's spare workers come and go."""

MAX_MB_PER_MINUTE, MAX_GROWTH_MB = 1.0, 100.0
MAX_MORE = 8
"""Threads or handles of a process, from the first quarter to the last: sessions differ a little."""

CHANGES = {
    "args": {
        "asr": {"oracle": {"delay_ms": 20, "delay_jitter_ms": 10}},
        "mt": {"oracle": {"delay_ms": 20, "delay_jitter_ms": 10}},
    }
}

Key = tuple[int, str]
"""Number and name of a process."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One sample."""

    at_minutes: float
    held: Mapping[Key, Held]
    live: int
    lag_p50_ms: float | None
    """Of the words committed since the sample before; None where there were none."""
    lag_p95_ms: float | None

    @property
    def memory_mb(self) -> float:
        """Of all processes."""
        return sum(one.memory_mb for one in self.held.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """How everything went after the warm-up."""

    processes: Mapping[str, Mapping[str, Trend]]
    """By process and by what was sampled."""
    memory_mb: Trend
    """Of all processes."""
    lag_p50_ms: Trend
    lag_p95_ms: Trend
    breaches: tuple[str, ...]


@dataclass(slots=True)
class Record:
    """All samples of a run."""

    tally: Tally
    began_s: float = field(default_factory=time.monotonic)
    moments: list[Moment] = field(default_factory=list)

    def sample(self, live: int) -> Moment:
        """What is held now."""
        now = {key: found for key in family().items() if (found := held(key[0])) is not None}
        lags_ms = list(self.tally.lags_ms)
        self.tally.lags_ms.clear()
        self.moments.append(
            Moment(
                at_minutes=(time.monotonic() - self.began_s) / 60,
                held={key: one for key, one in now.items() if key[1] not in TEMPORARY},
                live=live,
                lag_p50_ms=percentile(lags_ms, 0.5) if lags_ms else None,
                lag_p95_ms=percentile(lags_ms, 0.95) if lags_ms else None,
            )
        )
        return self.moments[-1]


async def run(arguments: argparse.Namespace) -> tuple[Record, Verdict]:
    """Sessions for as long as asked for."""
    loop = asyncio.get_running_loop()
    lasts_s = arguments.minutes * 60
    with tempfile.TemporaryDirectory() as directory:
        config = oracle_config(Path(directory), CHANGES)
        async with child_server(config, arguments.port, tell) as server:
            crowd = Crowd(server.url, arguments.streams, arguments.seed)
            record = Record(crowd.tally)
            end_s = loop.time() + lasts_s
            speaking = asyncio.create_task(crowd.speak_until(end_s))
            try:
                while loop.time() + SAMPLE_S < end_s and not speaking.done():
                    await asyncio.sleep(SAMPLE_S)
                    tell(_line(record.sample(crowd.live), crowd.tally))
                await speaking
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
    warm_minutes = min(WARM_MAX_MINUTES, arguments.minutes * WARM_SHARE)
    return record, judge(record.moments, crowd.tally, warm_minutes)


def judge(moments: Sequence[Moment], tally: Tally, warm_minutes: float) -> Verdict:
    """Trends after the warm-up, and which bars are missed."""
    steady = [one for one in moments if one.at_minutes >= warm_minutes]
    processes = {f"{name} ({pid})": _trends(steady, (pid, name)) for pid, name in _lasting(steady)}
    memory = trend([one.at_minutes for one in steady], [one.memory_mb for one in steady])
    p50, p95 = (_lag_trend(steady, which) for which in ("lag_p50_ms", "lag_p95_ms"))
    breaches = [
        *(breach for name, found in processes.items() for breach in _grown(name, found)),
        *_accounting(tally),
    ]
    if memory.growth >= MAX_GROWTH_MB:
        breaches.append(f"all processes grew by {memory.growth:.0f} MB (bar {MAX_GROWTH_MB:g})")
    if any(one.held.keys() != steady[0].held.keys() for one in steady):
        breaches.append("processes ended or were started after the warm-up")
    return Verdict(processes, memory, p50, p95, tuple(breaches))


def _trends(steady: Sequence[Moment], key: Key) -> dict[str, Trend]:
    minutes = [one.at_minutes for one in steady]
    return {
        what: trend(minutes, [getattr(one.held[key], what) for one in steady])
        for what in ("memory_mb", "threads", "handles")
    }


def _lag_trend(steady: Sequence[Moment], which: str) -> Trend:
    told = [one for one in steady if getattr(one, which) is not None]
    return trend([one.at_minutes for one in told], [getattr(one, which) for one in told])


def _lasting(steady: Sequence[Moment]) -> list[Key]:
    """Processes that were there all the time."""
    return [key for key in steady[0].held if all(key in one.held for one in steady)]


def _grown(name: str, found: Mapping[str, Trend]) -> list[str]:
    memory = found["memory_mb"]
    breaches = [
        f"{name} has {found[what].growth:.0f} more {what} than after the warm-up (bar {MAX_MORE})"
        for what in ("threads", "handles")
        if found[what].growth > MAX_MORE
    ]
    if memory.per_minute >= MAX_MB_PER_MINUTE:
        slope = f"{memory.per_minute:.2f} MB a minute (bar {MAX_MB_PER_MINUTE:g})"
        breaches.append(f"{name} grows by {slope}")
    return breaches


def _accounting(tally: Tally) -> list[str]:
    return [
        *(f"{number} words {kind}" for kind, number in sorted(tally.faults.items())),
        *tally.failed,
    ]


def main() -> None:
    """Measure, judge, write JSON; exit code 1 where a bar is missed."""
    parser = parser_of("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8000)
    parser.set_defaults(out=ROOT / "benchmarks" / "results" / "soak.json")
    arguments = parser.parse_args()
    if arguments.minutes < 2:
        parser.error("--minutes: at least 2, or there is nothing left after the warm-up")
    record, verdict = asyncio.run(run(arguments))
    for line in _table(verdict):
        tell(line)
    write(arguments.out, "soak", _figures(arguments, record, verdict))
    for breach in verdict.breaches:
        tell(f"BREACH: {breach}")
    sys.exit(1 if verdict.breaches else 0)


def _figures(arguments: argparse.Namespace, record: Record, verdict: Verdict) -> dict[str, object]:
    tally = record.tally
    return {
        "streams": arguments.streams,
        "minutes": arguments.minutes,
        "bars": {"mb_per_minute": MAX_MB_PER_MINUTE, "growth_mb": MAX_GROWTH_MB},
        "accounting": {
            "sessions": tally.sessions,
            "finished": tally.finished,
            "left": tally.left,
            "failed": tally.failed,
            "reconnects": tally.reconnects,
            "close_codes": {str(code): n for code, n in tally.codes.items()},
            "words": tally.words,
            "faults": dict(tally.faults),
        },
        "verdict": asdict(verdict),
        "samples": [
            {
                "at_minutes": round(one.at_minutes, 2),
                "memory_mb": round(one.memory_mb, 1),
                "live": one.live,
                "lag_p50_ms": one.lag_p50_ms and round(one.lag_p50_ms),
                "lag_p95_ms": one.lag_p95_ms and round(one.lag_p95_ms),
            }
            for one in record.moments
        ],
    }


def _table(verdict: Verdict) -> list[str]:
    lines = ["process: MB (MB a minute), threads, handles, first quarter to last"]
    for name, found in verdict.processes.items():
        memory, threads, handles = (found[what] for what in ("memory_mb", "threads", "handles"))
        lines.append(
            f"{name}: {memory.first:.1f} to {memory.last:.1f} MB ({memory.per_minute:+.3f}), "
            f"{threads.first:.0f} to {threads.last:.0f}, {handles.first:.0f} to {handles.last:.0f}"
        )
    total, p50, p95 = verdict.memory_mb, verdict.lag_p50_ms, verdict.lag_p95_ms
    lines.append(f"all: {total.first:.0f} to {total.last:.0f} MB ({total.per_minute:+.2f})")
    lines.append(
        f"lag p50 {p50.first:.0f} to {p50.last:.0f} ms ({p50.per_minute:+.1f} a minute), "
        f"p95 {p95.first:.0f} to {p95.last:.0f} ms ({p95.per_minute:+.1f} a minute)"
    )
    return lines


def _line(moment: Moment, tally: Tally) -> str:
    lag = "-" if moment.lag_p50_ms is None else f"{moment.lag_p50_ms:.0f}"
    p95 = "-" if moment.lag_p95_ms is None else f"{moment.lag_p95_ms:.0f}"
    return (
        f"{moment.at_minutes:5.1f} min  {moment.memory_mb:.0f} MB  live {moment.live}  lag {lag} / "
        f"{p95} ms  sessions {tally.finished} finished, {tally.left} left, {len(tally.failed)} "
        f"failed, {tally.reconnects} reconnects, {tally.words} words, faults {dict(tally.faults)}"
    )


if __name__ == "__main__":
    main()
