"""Paced live streams against a server of its own: lag, WER and chrF at growing concurrency.

Pieces are sent on an absolute schedule, and lags are counted from the schedule, so a server that
falls behind cannot slow the measurement down and look better for it. A run whose own sending was
late says so.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.environment import ROOT
from benchmarks.live import listen
from benchmarks.measures import Heard, first_waits_ms, take_of, translation_lags_ms
from benchmarks.report import parser_of, tell, write
from serve_app.client.audio import open_source, read_pcm
from serve_app.client.options import StreamOptions
from serve_app.client.samples import Sample, load_samples
from serve_app.client.score import percentile, score
from serve_app.client.server import child_server

MAX_LATENESS_MS = 20.0
"""A generator whose p99 is later than this measured itself."""
MAX_START_SPREAD_S = 2.0
"""Streams begin at random within this, so that their updates do not fall together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One level of concurrency."""

    streams: int
    audio_s: float
    wer_percent: float
    chrf: float
    lag_p50_ms: float
    lag_p95_ms: float
    first_text_p50_ms: float
    """From the onset of speech to the first word shown."""
    translation_p95_ms: float
    """From the commit that closed a segment to the last of its translation."""
    sender_lateness_p99_ms: float

    @property
    def valid(self) -> bool:
        """Whether the sender kept its own schedule."""
        return self.sender_lateness_p99_ms <= MAX_LATENESS_MS


async def measure(url: str, samples: Sequence[Sample], streams: int, seed: int) -> Row:
    """`streams` sessions at once, the samples dealt out in turn."""
    rng = random.Random(seed)
    dealt = [samples[index % len(samples)] for index in range(streams)]
    starts_s = [rng.uniform(0, MAX_START_SPREAD_S) if streams > 1 else 0.0 for _ in dealt]
    results = await asyncio.gather(
        *(_stream(url, sample, start_s) for sample, start_s in zip(dealt, starts_s, strict=True))
    )
    heard = [events for events, _ in results]
    takes = [take_of(events) for events in heard]
    total = score([(sample.entry, take) for sample, take in zip(dealt, takes, strict=True)])
    waits_ms = [
        ms for sample, events in zip(dealt, heard, strict=True) for ms in _waits_ms(sample, events)
    ]
    translated_ms = [ms for events in heard for ms in translation_lags_ms(events)]
    lateness_ms = [ms for _, sent_ms in results for ms in sent_ms]
    return Row(
        streams=streams,
        audio_s=sum(sample.entry.duration_ms for sample in dealt) / 1000,
        wer_percent=round(total.wer_percent, 2),
        chrf=round(total.chrf, 2),
        lag_p50_ms=round(total.lag_p50_ms),
        lag_p95_ms=round(total.lag_p95_ms),
        first_text_p50_ms=round(percentile(waits_ms, 0.5)),
        translation_p95_ms=round(percentile(translated_ms, 0.95)),
        sender_lateness_p99_ms=round(percentile(lateness_ms, 0.99), 1),
    )


async def _stream(url: str, sample: Sample, start_s: float) -> tuple[list[Heard], list[float]]:
    await asyncio.sleep(start_s)
    options = StreamOptions(targets=sample.targets, format="pcm_s16le", partials=True)
    pcm = await asyncio.to_thread(
        lambda: b"".join(read_pcm(open_source(str(sample.path)), StreamOptions()))
    )
    return await listen(url, pcm, options)


def _waits_ms(sample: Sample, heard: Sequence[Heard]) -> list[float]:
    return first_waits_ms([float(one.start_ms) for one in sample.entry.sentences], heard)


async def run(arguments: argparse.Namespace) -> list[Row]:
    """All levels, one after the other, against one server."""
    samples = load_samples(arguments.samples)
    rows = []
    async with child_server(arguments.config, arguments.port, tell) as server:
        for streams in arguments.streams:
            tell(f"{streams} streams at once, at the pace they were spoken")
            rows.append(await measure(server.url, samples, streams, arguments.seed))
            tell(_line(rows[-1]))
    return rows


def main() -> None:
    """Measure, show a table, and write JSON where asked to."""
    parser = parser_of("streams", __doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    parser.add_argument("--samples", type=Path, default=ROOT / "samples")
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = asyncio.run(run(arguments))
    write(arguments.out, "streams", {"rows": [asdict(row) for row in rows]})


def _line(row: Row) -> str:
    doubt = "" if row.valid else f"  (void: sent {row.sender_lateness_p99_ms:.0f} ms late)"
    return (
        f"streams {row.streams}  WER {row.wer_percent:.1f} %  chrF {row.chrf:.1f}  "
        f"lag p50 {row.lag_p50_ms:.0f} ms  p95 {row.lag_p95_ms:.0f} ms  "
        f"first text p50 {row.first_text_p50_ms:.0f} ms  "
        f"translation p95 {row.translation_p95_ms:.0f} ms{doubt}"
    )


if __name__ == "__main__":
    main()
