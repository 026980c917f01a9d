"""Whatever a server consists of is killed at random while people speak: is a word lost or doubled?

Oracle engines; each speaker at the pace of speech, one session after the other, whose client takes
it up again when it is cut off. Replicas, proxy and controller are killed one at a time, after
pauses that the seed says. Ends with exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.churn import Speakers, Tally
from benchmarks.environment import ROOT
from benchmarks.oracle_load import oracle_config
from benchmarks.processes import family
from benchmarks.report import parser_of, tell, write
from serve_app.client.health import ask
from serve_app.client.score import percentile
from serve_app.client.server import child_server

VICTIMS = {"Ingress": 2, "Asr": 2, "Mt": 2, "Vad": 2, "ProxyActor": 1, "ServeController": 1}
"""What is killed, and how often among the others."""
PAUSE_S = (5.0, 25.0)
"""Between two kills; what was killed may not be back by then."""
SESSION_S = (20.0, 60.0)
LAST_KILL_S = 75.0
"""Before the end, so that people still speak while the server gets well."""
WELL_WITHIN_S = 60.0
LEAST_FINISHED = 0.99
POLL_S = 0.25

CHANGES = {
    "args": {
        "resume": {"keys": ["k" * 64]},
        "asr": {"oracle": {"delay_ms": 20, "delay_jitter_ms": 10}},
        "mt": {"oracle": {"delay_ms": 20, "delay_jitter_ms": 10}},
        # Everybody comes back at a time.
        "admission": {"ramp_sessions": 1_000, "max_answer_s": 60, "max_backlog_s": 60},
    },
    "deployments": {
        name: {"num_replicas": replicas, "ray_actor_options": {"num_cpus": 0.1}}
        for name, replicas in {"Ingress": 2, "Asr": 2, "Mt": 1, "Vad": 1}.items()
    },
}


@dataclass(frozen=True, slots=True)
class Kill:
    """One process that was ended."""

    at_s: float
    """Since the first session began."""
    name: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How everything went, and which bars are missed."""

    sessions: int
    finished: int
    words: int
    faults: dict[str, int]
    reconnects: int
    signs: dict[str, int]
    """What clients saw: close codes, warnings and errors, refused connections."""
    kills: dict[str, int]
    well_s: float | None
    """From the last kill until everything was there, and a new session was heard to its end."""
    lag_p50_ms: int
    lag_p95_ms: int
    breaches: tuple[str, ...]


class Killer:
    """Ends processes of a server that we started, as long as it may."""

    def __init__(self, seed: int) -> None:
        self.kills: list[Kill] = []
        self._rng = random.Random(seed)
        self._began_s = time.monotonic()

    async def kill_until(self, end_s: float) -> None:
        """On the monotonic clock."""
        while True:
            pause_s = self._rng.uniform(*PAUSE_S)
            if time.monotonic() + pause_s > end_s:
                return
            await asyncio.sleep(pause_s)
            self._kill(self._rng.choices(list(VICTIMS), list(VICTIMS.values()))[0])

    def _kill(self, name: str) -> None:
        pids = sorted(pid for pid, called in family().items() if called == name)
        if not pids:
            tell(f"nothing to kill: {name} is not back yet")
            return
        os.kill(self._rng.choice(pids), signal.SIGKILL)
        self.kills.append(Kill(round(time.monotonic() - self._began_s, 1), name))
        tell(f"{self.kills[-1].at_s:6.1f} s: killed {name}")


class Survivors(Speakers):
    """Each takes its session up again as often as it is cut off."""

    def __init__(self, url: str, streams: int, seed: int) -> None:
        super().__init__(streams, seed, SESSION_S)
        self.signs: Counter[str] = Counter()
        self._url = url

    async def session(self, rng: random.Random, lasts_s: float) -> bool:
        """One of them; whether it came to its end, and exactly so."""
        traveller = self.traveller(self._url, lasts_s)
        name = f"session {traveller.stream.session}"
        try:
            await traveller.travel()
        except Exception as error:
            self.tally.failed.append(f"{name}: {error!r} {traveller.codes}")
            return False
        finally:
            self.signs.update(sign for _, sign in traveller.signs)
        self.tally.enter(traveller)
        if not traveller.exact:
            tell(f"{name}: {traveller.accounts} {traveller.signs}")
        return traveller.exact


async def run(arguments: argparse.Namespace) -> tuple[list[Kill], Verdict]:
    """Sessions and kills for as long as asked for."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        config = oracle_config(Path(directory), CHANGES)
        async with child_server(config, arguments.port, tell) as server:
            expected = _census()
            speakers = Survivors(server.url, arguments.streams, arguments.seed)
            killer = Killer(arguments.seed)
            end_s = time.monotonic() + arguments.minutes * 60
            speaking = asyncio.create_task(speakers.speak_until(end_s))
            try:
                await killer.kill_until(end_s - LAST_KILL_S)
                well_s = await _well_again(server.url, expected, speakers)
                await speaking
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
    return killer.kills, judge(speakers.tally, speakers.signs, killer.kills, well_s)


async def _well_again(url: str, expected: Counter[str], speakers: Survivors) -> float | None:
    began_s = time.monotonic()
    while time.monotonic() - began_s < 2 * WELL_WITHIN_S:
        health = await asyncio.to_thread(ask, url)
        if health.ready and _census() >= expected and await speakers.session(random.Random(), 3):
            return round(time.monotonic() - began_s, 1)
        await asyncio.sleep(POLL_S)
    return None


def _census() -> Counter[str]:
    return Counter(name for name in family().values() if name in VICTIMS)


def judge(
    tally: Tally, signs: Counter[str], kills: Sequence[Kill], well_s: float | None
) -> Verdict:
    """All figures, and what is worse than it may be."""
    breaches = [f"{number} words {kind}" for kind, number in sorted(tally.faults.items())]
    if tally.finished < LEAST_FINISHED * tally.sessions:
        breaches.append(f"{tally.finished} of {tally.sessions} sessions finished")
    if well_s is None or well_s > WELL_WITHIN_S:
        breaches.append(f"well {well_s} s after the last kill (bar {WELL_WITHIN_S:g} s)")
    return Verdict(
        sessions=tally.sessions,
        finished=tally.finished,
        words=tally.words,
        faults=dict(tally.faults),
        reconnects=tally.reconnects,
        signs=dict(signs),
        kills=dict(Counter(one.name for one in kills)),
        well_s=well_s,
        lag_p50_ms=round(percentile(tally.lags_ms, 0.5)),
        lag_p95_ms=round(percentile(tally.lags_ms, 0.95)),
        breaches=tuple(breaches),
    )


def main() -> None:
    """Kill, judge, write JSON; exit code 1 where a bar is missed."""
    parser = parser_of("killer", __doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8000)
    parser.set_defaults(out=ROOT / "benchmarks" / "results" / "killer-2-cores.json")
    arguments = parser.parse_args()
    if arguments.minutes < 2:
        parser.error("--minutes: at least 2, or nothing is killed before the end")
    kills, verdict = asyncio.run(run(arguments))
    figures = {
        "minutes": arguments.minutes,
        "streams": arguments.streams,
        "seed": arguments.seed,
        **asdict(verdict),
        "killed": [asdict(one) for one in kills],
    }
    write(arguments.out, "killer", figures)
    for key in (
        "sessions",
        "finished",
        "words",
        "faults",
        "reconnects",
        "signs",
        "kills",
        "well_s",
    ):
        tell(f"{key}: {figures[key]}")
    tell(f"lag p50 / p95: {verdict.lag_p50_ms} / {verdict.lag_p95_ms} ms")
    for breach in verdict.breaches:
        tell(f"BREACH: {breach}")
    sys.exit(1 if verdict.breaches else 0)


if __name__ == "__main__":
    main()
