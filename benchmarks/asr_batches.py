"""What batching windows of many sessions gains: seconds of audio heard in a second, by batch size.

Run it with the configuration of the machine in question: `asr.device`, `asr.model` and
`asr.compute_type` decide what is measured. Wall time, so leave the machine alone meanwhile.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.asr_cost import Trace, same_text, streams_of_samples, together, traces
from benchmarks.environment import ROOT
from benchmarks.inprocess import Engines
from benchmarks.report import parser_of, write
from deployments.asr import AsrEngine, load_engine
from deployments.types import SAMPLE_RATE_HZ, AsrRequest, Hypothesis
from serve_app.client.model_checks import read_config
from serve_app.config import with_environment


@dataclass(frozen=True, slots=True)
class Row:
    """The same windows in batches of one size."""

    batch_size: int
    windows: int
    audio_s_per_s: float
    """Seconds of audio in the windows for each second that their decoding took; the median of
    the rounds."""
    batch_p95_ms: float
    """Time of a batch."""
    same_text_percent: float
    """Windows with the words that they get alone."""


def in_batches(windows: Sequence[AsrRequest], size: int) -> Iterator[Sequence[AsrRequest]]:
    """Whole batches alone: what is left over would count as a full one."""
    for at in range(0, len(windows) - size + 1, size):
        yield windows[at : at + size]


def measure(engine: AsrEngine, windows: Trace, sizes: Sequence[int], rounds: int) -> list[Row]:
    """One row a size, each decoding the same windows, so many times over."""
    windows = windows[: len(windows) // max(sizes) * max(sizes)]
    audio_s = sum(len(window.samples) for window in windows) / SAMPLE_RATE_HZ
    alone = [answer for window in windows for answer in engine.transcribe([window])]
    found = []
    for size in sizes:
        totals_s: list[float] = []
        batches_s: list[float] = []
        answers: list[Hypothesis] = []
        for _ in range(rounds):
            answers, times_s = _decode(engine, windows, size)
            totals_s.append(sum(times_s))
            batches_s += times_s
        found.append(
            Row(
                batch_size=size,
                windows=len(windows),
                audio_s_per_s=round(audio_s / statistics.median(totals_s), 1),
                batch_p95_ms=round(1000 * sorted(batches_s)[int(0.95 * (len(batches_s) - 1))], 1),
                same_text_percent=round(same_text(alone, answers), 1),
            )
        )
    return found


def _decode(engine: AsrEngine, windows: Trace, size: int) -> tuple[list[Hypothesis], list[float]]:
    answers: list[Hypothesis] = []
    times_s = []
    for batch in in_batches(windows, size):
        began_s = time.perf_counter()
        answers += engine.transcribe(batch)
        times_s.append(time.perf_counter() - began_s)
    return answers, times_s


def main() -> None:
    """Measure, show a line for each size, and write JSON where asked to."""
    parser = parser_of("asr_batches", __doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of 16 streams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    arguments = parser.parse_args()
    config = with_environment(read_config(arguments.config), os.environ)
    asked = traces(Engines(config), streams_of_samples(16, arguments.seconds))
    windows = [window for batch in together(asked) for window in batch if not window.final]
    engine = load_engine(config.asr)
    engine.warm()
    rows = measure(engine, windows, arguments.sizes, arguments.rounds)
    for row in rows:
        gain = row.audio_s_per_s / rows[0].audio_s_per_s
        print(
            f"batch of {row.batch_size}: {row.audio_s_per_s:.0f} s of audio a second "
            f"({gain:.2f} of the first), {row.batch_p95_ms:.0f} ms a batch (p95), "
            f"same text {row.same_text_percent:.1f} %",
            flush=True,
        )
    write(
        arguments.out,
        "asr_batches",
        {
            "asr": config.asr.model_dump(mode="json", exclude={"oracle"}),
            "rows": [asdict(row) for row in rows],
        },
    )


if __name__ == "__main__":
    main()
