"""What one live session costs the ingress: CPU and memory of all that is no model.

A server with oracle engines hears paced streams of 20 ms pieces on WebSockets. CPU time is that of
the processes, over a window in which all streams run; so a busy machine does not change it much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.environment import describe
from benchmarks.oracle_load import Listening, listen, oracle_config, speech, together
from serve_app.client.processes import descendants
from serve_app.client.score import percentile
from serve_app.client.server import child_server

MAX_CPU_PERCENT, MAX_MEMORY_MB = 1.0, 2.0
WARM_S, SPREAD_S = 8.0, 2.0
INGRESS, PROXY = "ServeReplica:dragoman:Ingress", "ProxyActor"


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process, since it began."""

    cpu_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """One number of streams."""

    streams: int
    window_s: float
    ingress_cpu_percent_per_stream: float
    proxy_cpu_percent_per_stream: float
    """Serve's own, which is in front of every request."""
    ingress_memory_mb_per_stream: float
    words: int
    lag_p95_ms: float
    sender_lateness_p99_ms: float


def usage(name: str) -> Usage:
    """Of the process of that name among our own descendants; RuntimeError where there is none."""
    for process in descendants(os.getpid()):
        directory = Path(f"/proc/{process.pid}")
        if name in (directory / "cmdline").read_text(errors="replace"):
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            pages = int((directory / "statm").read_text().split()[1])
            return Usage(
                ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            )
    raise RuntimeError(f"no process is called {name}: is the server up?")


async def measure(url: str, streams: int, window_s: float) -> Row:
    """`streams` at once; all of them speak during the whole window."""
    length_ms = round((WARM_S + SPREAD_S + window_s + 5) * 1000)
    idle = usage(INGRESS)
    ears = [Listening() for _ in range(streams)]

    async def one(number: int) -> None:
        await asyncio.sleep(SPREAD_S * number / streams)
        await listen(url, speech(number, length_ms), ears[number])

    tasks = [asyncio.create_task(one(number)) for number in range(streams)]
    async with together(tasks):
        await asyncio.sleep(WARM_S + SPREAD_S)
        before = usage(INGRESS), usage(PROXY)
        await asyncio.sleep(window_s)
        after = usage(INGRESS), usage(PROXY)
        await asyncio.gather(*tasks)
    ingress, proxy = (
        100 * (then.cpu_s - now.cpu_s) / window_s / streams
        for now, then in zip(before, after, strict=True)
    )
    lags_ms = [lag_ms for ear in ears for _, lag_ms in ear.lags_ms]
    return Row(
        streams=streams,
        window_s=window_s,
        ingress_cpu_percent_per_stream=round(ingress, 2),
        proxy_cpu_percent_per_stream=round(proxy, 2),
        ingress_memory_mb_per_stream=round((after[0].memory_mb - idle.memory_mb) / streams, 2),
        words=len(lags_ms),
        lag_p95_ms=round(percentile(lags_ms, 0.95)),
        sender_lateness_p99_ms=round(
            percentile([late for ear in ears for late in ear.lateness_ms], 0.99), 1
        ),
    )


async def run(arguments: argparse.Namespace) -> list[Row]:
    """All numbers of streams, one after the other, against one server."""
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        changes = {"args": {"admission": {"ramp_sessions": 1_000}}}
        config = oracle_config(Path(directory), changes)
        async with child_server(config, arguments.port, _tell) as server:
            for streams in arguments.streams:
                rows.append(await measure(server.url, streams, arguments.window_s))
                _tell(str(rows[-1]))
    return rows


def main() -> None:
    """Measure, and write JSON where asked to; ends with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingress_cost", description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 20], metavar="N")
    parser.add_argument("--window-s", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--out", type=Path, help="write machine, commit, command and rows here")
    arguments = parser.parse_args()
    rows = asyncio.run(run(arguments))
    if arguments.out:
        report = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": ["python", "-m", "benchmarks.ingress_cost", *sys.argv[1:]],
            **describe(),
            "rows": [asdict(row) for row in rows],
        }
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    last = rows[-1]
    missed = (
        last.ingress_cpu_percent_per_stream > MAX_CPU_PERCENT
        or last.ingress_memory_mb_per_stream > MAX_MEMORY_MB
    )
    sys.exit(int(missed))


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
