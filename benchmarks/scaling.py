"""A load that triples, and then one that is more than all replicas can bear.

Oracle engines whose batches take their time without using any CPU, so that two cores show what a
cluster would do: replicas follow, lag recovers, and once there are as many replicas as there may
be, new sessions are turned away and live ones keep their lag.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.oracle_load import Listening, listen, oracle_config, speech, together
from benchmarks.report import parser_of, tell, write
from serve_app.client.score import percentile
from serve_app.client.server import child_server

BATCH_MS, BATCH_SIZE, MAX_REPLICAS = 200, 2, 3
RETRY_S = 5.0
WINDOW_S = 5.0
"""Lags are those of the words committed within so long."""

CHANGES = {
    "args": {
        "asr": {"oracle": {"delay_ms": BATCH_MS}, "max_batch_size": BATCH_SIZE},
        "admission": {"max_answer_s": 0.6, "ramp_sessions": 4},
    },
    "deployments": {
        "Asr": {
            "autoscaling_config": {"max_replicas": MAX_REPLICAS},
            "ray_actor_options": {"num_cpus": 0.1},
        }
    },
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of the run."""

    at_s: int
    wanted: int
    live: int
    refused: int
    """Attempts so far that were turned away."""
    replicas: int
    """Of ASR, that answer."""
    lag_p50_ms: int | None
    lag_p95_ms: int | None
    """None where no word was committed in the last WINDOW_S."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the run showed."""

    base_lag_p95_ms: int
    replicas_followed_s: float | None
    """From the step to one replica more; None where that never came."""
    lag_recovered_s: float | None
    """From the step to a p95 that is at most half again as long as before, for good."""
    overload_lag_p95_ms: int
    """Of live sessions while new ones were turned away."""
    live_at_most: int
    refused: int
    dropped: int
    """Sessions that were let in and did not end well."""
    sender_lateness_p99_ms: float


@dataclass(slots=True)
class Crowd:
    """Everybody who wants to speak."""

    url: str
    end_s: float
    """On the loop's clock: when all stop."""
    ears: list[Listening] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    refused: int = 0

    def grow(self, wanted: int) -> None:
        """So many in all from now on."""
        while len(self.tasks) < wanted:
            self.tasks.append(asyncio.create_task(self._speak(len(self.tasks))))

    @property
    def live(self) -> int:
        """Those who are let in."""
        return sum(not ear.refused and ear.close_code is None for ear in self.ears)

    async def _speak(self, number: int) -> None:
        """Until it is let in, and then to the end."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.37 * (number % 5))
        while (left_s := self.end_s - loop.time()) > 2 * RETRY_S:
            ear = Listening()
            self.ears.append(ear)
            await listen(self.url, speech(number, round(left_s * 1000)), ear)
            if not ear.refused:
                return
            self.refused += 1
            await asyncio.sleep(RETRY_S)


async def run(arguments: argparse.Namespace) -> tuple[list[Moment], Verdict]:
    """Base load, three times as much, and more than can be borne."""
    # Ray's processes inherit it: by default they report every 10 s.
    os.environ["RAY_metrics_report_interval_ms"] = "1000"  # noqa: SIM112 # its name in Ray
    loop = asyncio.get_running_loop()
    lasts_s = sum(arguments.phases_s)
    with tempfile.TemporaryDirectory() as directory:
        config = oracle_config(Path(directory), CHANGES)
        async with child_server(config, arguments.port, tell) as server:
            scrape_url = await _metrics_url(server.log)
            began_s = loop.time()
            crowd = Crowd(server.url, began_s + lasts_s)
            moments: list[Moment] = []
            async with together(crowd.tasks):
                while (at_s := int(loop.time() - began_s)) < lasts_s:
                    wanted = _wanted(arguments, at_s)
                    crowd.grow(wanted)
                    replicas = await asyncio.to_thread(_replicas, scrape_url)
                    moments.append(_moment(at_s, wanted, crowd, replicas, loop.time()))
                    tell(str(moments[-1]))
                    await asyncio.sleep(began_s + at_s + 1 - loop.time())
                await asyncio.wait(crowd.tasks, timeout=60)
            return moments, judge(moments, crowd, arguments.phases_s)


def _wanted(arguments: argparse.Namespace, at_s: int) -> int:
    base_s, tripled_s, _ = arguments.phases_s
    if at_s < base_s:
        return int(arguments.sessions)
    return int(arguments.sessions * (3 if at_s < base_s + tripled_s else arguments.overload))


def _moment(at_s: int, wanted: int, crowd: Crowd, replicas: int, now_s: float) -> Moment:
    lags_ms = [lag_ms for ear in crowd.ears for at, lag_ms in ear.lags_ms if now_s - at <= WINDOW_S]
    return Moment(
        at_s=at_s,
        wanted=wanted,
        live=crowd.live,
        refused=crowd.refused,
        replicas=replicas,
        lag_p50_ms=round(percentile(lags_ms, 0.5)) if lags_ms else None,
        lag_p95_ms=round(percentile(lags_ms, 0.95)) if lags_ms else None,
    )


def judge(moments: Sequence[Moment], crowd: Crowd, phases_s: Sequence[int]) -> Verdict:
    """The figures that the run is about."""
    step_s = phases_s[0]
    over_s = step_s + phases_s[1]
    # The first seconds of a phase are those of the phase before, in a window of the past.
    base = [moment for moment in moments if WINDOW_S <= moment.at_s < step_s]
    tripled = [moment for moment in moments if step_s <= moment.at_s < over_s]
    base_ms = _worst(base)
    followed = [moment.at_s for moment in tripled if moment.replicas > base[-1].replicas]
    late = [m.at_s for m in tripled if m.lag_p95_ms is None or m.lag_p95_ms > 1.5 * base_ms]
    recovered_s = (late[-1] + 1 - step_s) if late else 0
    ended = [ear for ear in crowd.ears if not ear.refused]
    lateness_ms = [late_ms for ear in ended for late_ms in ear.lateness_ms]
    return Verdict(
        base_lag_p95_ms=base_ms,
        replicas_followed_s=followed[0] - step_s if followed else None,
        lag_recovered_s=recovered_s if step_s + recovered_s < over_s else None,
        overload_lag_p95_ms=_worst([one for one in moments if one.at_s >= over_s + WINDOW_S]),
        live_at_most=max(moment.live for moment in moments),
        refused=crowd.refused,
        dropped=sum(ear.close_code != 1000 for ear in ended),
        sender_lateness_p99_ms=round(percentile(lateness_ms, 0.99), 1),
    )


def _worst(moments: Sequence[Moment]) -> int:
    """The p95 of the worst five seconds."""
    return max((m.lag_p95_ms for m in moments if m.lag_p95_ms is not None), default=0)


async def _metrics_url(log: Path) -> str:
    """The server says it a moment after it has become ready."""
    for _ in range(100):
        said = await asyncio.to_thread(log.read_text)
        if found := re.search(r"metrics at (\S+)", said):
            return found[1]
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the server did not say where its metrics are: see {log}")


def _replicas(url: str) -> int:
    """Each of them says which model it has loaded."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 # our own server
        text: str = answer.read().decode()
    loaded = (line for line in text.splitlines() if line.startswith("ray_dragoman_model_info{"))
    return sum('stage="asr"' in line for line in loaded)


def main() -> None:
    """Measure, and write JSON where asked to."""
    parser = parser_of("scaling", __doc__)
    parser.add_argument("--sessions", type=int, default=4, help="of the base load (default: 4)")
    parser.add_argument("--overload", type=int, default=9, help="times the base load (default: 9)")
    parser.add_argument("--phases-s", type=int, nargs=3, default=[20, 40, 35], metavar="S")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    moments, verdict = asyncio.run(run(arguments))
    tell(str(verdict))
    write(
        arguments.out,
        "scaling",
        {
            "config": CHANGES,
            "verdict": asdict(verdict),
            "rows": [asdict(moment) for moment in moments],
        },
    )


if __name__ == "__main__":
    main()
