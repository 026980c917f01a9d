"""What one live session costs the ingress: CPU and memory of all that is no model.

A server with oracle engines hears paced streams of 20 ms pieces on WebSockets. CPU time is that of
the processes, over a window in which all streams run; so a busy machine does not change it much.
Measured twice: the doors alone, without Ray, and the ingress replica of a whole server, most of
whose time goes into Ray's calls to the stages.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.oracle_load import Listening, listen, oracle_config, speech, together
from benchmarks.processes import INGRESS, PROXY, process_called, usage
from benchmarks.report import parser_of, tell, write
from serve_app.client.health import ask
from serve_app.client.ports import LOOPBACK
from serve_app.client.score import percentile
from serve_app.client.server import child_server

MAX_CPU_PERCENT, MAX_MEMORY_MB = 1.0, 2.0
WARM_S, SPREAD_S = 8.0, 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server to be measured."""

    server: Literal["doors", "ray"]
    url: str
    processes: tuple[int, ...]
    """The ingress, and the proxy in front where there is one."""

    @property
    def ingress(self) -> int:
        """Its process."""
        return self.processes[0]


@dataclass(frozen=True, slots=True)
class Row:
    """One number of streams, against one kind of server."""

    server: Literal["doors", "ray"]
    streams: int
    window_s: float
    ingress_cpu_percent_per_stream: float
    proxy_cpu_percent_per_stream: float | None
    """Serve's own, which is in front of every request."""
    ingress_memory_mb_per_stream: float
    words: int
    lag_p95_ms: float
    sender_lateness_p99_ms: float


async def measure(target: Target, streams: int, window_s: float) -> Row:
    """`streams` at once; all of them speak during the whole window."""
    length_ms = round((WARM_S + SPREAD_S + window_s + 5) * 1000)
    idle = usage(target.ingress)
    ears = [Listening() for _ in range(streams)]

    async def one(number: int) -> None:
        await asyncio.sleep(SPREAD_S * number / streams)
        await listen(target.url, speech(number, length_ms), ears[number])

    tasks = [asyncio.create_task(one(number)) for number in range(streams)]
    async with together(tasks):
        await asyncio.sleep(WARM_S + SPREAD_S)
        before = [usage(pid) for pid in target.processes]
        await asyncio.sleep(window_s)
        after = [usage(pid) for pid in target.processes]
        await asyncio.gather(*tasks)
    ingress, *proxy = (
        round(100 * (then.cpu_s - now.cpu_s) / window_s / streams, 2)
        for now, then in zip(before, after, strict=True)
    )
    lags_ms = [lag_ms for ear in ears for _, lag_ms in ear.lags_ms]
    return Row(
        server=target.server,
        streams=streams,
        window_s=window_s,
        ingress_cpu_percent_per_stream=ingress,
        proxy_cpu_percent_per_stream=proxy[0] if proxy else None,
        ingress_memory_mb_per_stream=round((after[0].memory_mb - idle.memory_mb) / streams, 2),
        words=len(lags_ms),
        lag_p95_ms=round(percentile(lags_ms, 0.95)),
        sender_lateness_p99_ms=round(
            percentile([late for ear in ears for late in ear.lateness_ms], 0.99), 1
        ),
    )


@asynccontextmanager
async def bare_doors(port: int) -> AsyncIterator[Target]:
    """A server without Ray."""
    command = [sys.executable, "-m", "benchmarks.bare_doors", str(port)]
    process = await asyncio.create_subprocess_exec(*command)
    url = f"http://{LOOPBACK}:{port}"
    try:
        while not (await asyncio.to_thread(ask, url)).ready:  # noqa: ASYNC110 # it has no event
            await asyncio.sleep(0.2)
        yield Target("doors", url, (process.pid,))
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def whole_server(port: int) -> AsyncIterator[Target]:
    """`dragoman serve`."""
    with tempfile.TemporaryDirectory() as directory:
        changes = {"args": {"admission": {"ramp_sessions": 1_000}}}
        config = oracle_config(Path(directory), changes)
        async with child_server(config, port, tell) as server:
            processes = process_called(INGRESS), process_called(PROXY)
            yield Target("ray", server.url, processes)


async def run(arguments: argparse.Namespace) -> list[Row]:
    """All numbers of streams, against either server."""
    rows = []
    for start in (bare_doors, whole_server):
        async with start(arguments.port) as target:
            for streams in arguments.streams:
                rows.append(await measure(target, streams, arguments.window_s))
                tell(str(rows[-1]))
    return rows


def main() -> None:
    """Measure, say which bar is missed, and write JSON where asked to."""
    parser = parser_of("ingress_cost", __doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[20], metavar="N")
    parser.add_argument("--window-s", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    rows = asyncio.run(run(arguments))
    write(arguments.out, "ingress_cost", {"rows": [asdict(row) for row in rows]})
    for row in rows:
        if row.ingress_cpu_percent_per_stream > MAX_CPU_PERCENT:
            tell(f"over {MAX_CPU_PERCENT:g} % of a core for a stream: {row.server}")
        if row.ingress_memory_mb_per_stream > MAX_MEMORY_MB:
            tell(f"over {MAX_MEMORY_MB:g} MB for a session: {row.server}")


if __name__ == "__main__":
    main()
