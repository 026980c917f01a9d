"""CPU time of recognition for each second of audio: windows as long as their audio, against 30 s.

The windows are those that sessions ask for when they hear the sample speech; both engines decode
the same ones, each stream by itself and the streams' windows in batches.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

from benchmarks.environment import ROOT
from benchmarks.inprocess import BYTES_PER_MS, Ask, Engines
from benchmarks.report import parser_of, write
from deployments.asr import AsrEngine, AsrSettings, load_engine
from deployments.models import MANIFEST_FILE, ModelChoice, resolve
from deployments.types import AsrRequest, Hypothesis
from serve_app.client.audio import open_source, read_pcm
from serve_app.client.model_checks import read_config
from serve_app.client.options import StreamOptions
from serve_app.client.samples import load_samples
from serve_app.config import with_environment
from serve_app.session import effects as fx
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session

SHIFT_MS = 7_000
"""Streams of the same sample begin this far apart, so that they are not the same windows."""

Trace = list[AsrRequest]
"""The windows that one stream asked for, in order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to decode the same windows."""

    windows: str
    streams: int
    batched: bool
    calls: int
    cpu_ms_per_audio_s: float
    """CPU milliseconds of all streams for each second of all their audio."""
    same_text_percent: float
    """Windows with the words that they get alone, as long as their audio."""


def traces(engines: Engines, pcms: Sequence[bytes]) -> list[Trace]:
    """What sessions at their default settings ask of the recogniser."""
    found: list[Trace] = []
    for pcm in pcms:
        asked: list[Ask] = []
        engines.stream(Session("s", SessionOptions()), pcm, watch=asked.append)
        found.append([ask.request for ask in asked if isinstance(ask, fx.RunAsr)])
    return found


def together(streams: Sequence[Trace]) -> list[Trace]:
    """The batches of streams that update at the same moment."""
    return [
        [request for request in batch if request is not None] for batch in zip_longest(*streams)
    ]


def one_by_one(streams: Sequence[Trace]) -> list[Trace]:
    """The same windows in the same order, each by itself."""
    return [[request] for batch in together(streams) for request in batch]


def decode(engine: AsrEngine, batches: Sequence[Trace]) -> tuple[list[Hypothesis], float]:
    """All answers in the order of the windows, and the CPU seconds that they took."""
    began_s = time.process_time()
    answers = [answer for batch in batches for answer in engine.transcribe(batch)]
    return answers, time.process_time() - began_s


def same_text(one: Sequence[Hypothesis], other: Sequence[Hypothesis]) -> float:
    """Percent of windows with the same words."""
    same = [_text(left) == _text(right) for left, right in zip(one, other, strict=True)]
    return 100 * sum(same) / len(same)


def measure(settings: AsrSettings, streams: Sequence[Trace], audio_s: float) -> list[Row]:
    """All ways to decode the windows of streams of `audio_s` each."""
    short, padded = load_engine(settings), _padding_engine(settings)
    for engine in (short, padded):
        engine.warm()
    alone = streams[:1]
    reference, _ = decode(short, one_by_one(streams))
    first, _ = decode(short, one_by_one(alone))

    def row(engine: AsrEngine, traced: Sequence[Trace], *, batched: bool) -> Row:
        batches = together(traced) if batched else one_by_one(traced)
        answers, cpu_s = decode(engine, batches)
        return Row(
            windows="as long as the audio" if engine is short else "padded to 30 s",
            streams=len(traced),
            batched=batched,
            calls=len(batches),
            cpu_ms_per_audio_s=round(1000 * cpu_s / (audio_s * len(traced)), 2),
            same_text_percent=round(
                same_text(first if len(traced) == 1 else reference, answers), 1
            ),
        )

    return [
        row(short, alone, batched=False),
        row(padded, alone, batched=False),
        row(short, streams, batched=False),
        row(short, streams, batched=True),
        row(padded, streams, batched=True),
    ]


def main() -> None:
    """Measure, show a line for each row, and write JSON where asked to."""
    parser = parser_of("asr_cost", __doc__)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stream")
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    arguments = parser.parse_args()
    config = with_environment(read_config(arguments.config), os.environ)
    pcms = streams_of_samples(arguments.streams, arguments.seconds)
    found = measure(config.asr, traces(Engines(config), pcms), arguments.seconds)
    for row in found:
        print(_line(row, found[0]), flush=True)
    write(arguments.out, "asr_cost", {"rows": [asdict(row) for row in found]})


def _padding_engine(settings: AsrSettings) -> AsrEngine:
    """The same engine and weights, told that the model hears only windows of 30 s."""
    model = resolve(ModelChoice(settings.model, "asr"))
    if model.manifest is None or not model.short_windows:
        raise SystemExit(
            f"{model.name} hears only windows of 30 s, so there is nothing to compare: choose a "
            "model that was trained for short windows, such as dragoman-asr"
        )
    manifest = model.manifest.model_copy(update={"short_windows": False})
    with tempfile.TemporaryDirectory(prefix="dragoman-") as name:
        directory = Path(name)
        for file in model.manifest.files:
            (directory / file).symlink_to(model.path / file)
        (directory / MANIFEST_FILE).write_text(manifest.model_dump_json())
        return load_engine(settings.model_copy(update={"model": name}))


def streams_of_samples(count: int, seconds: float) -> list[bytes]:
    """Stretches of the sample speech, the languages in turn."""
    spoken = []
    for sample in load_samples(ROOT / "samples"):
        with open_source(str(sample.path)) as source:
            spoken.append(b"".join(read_pcm(source, StreamOptions())))
    length = round(1000 * seconds) * BYTES_PER_MS
    pcms = []
    for index in range(count):
        pcm = spoken[index % len(spoken)]
        begin = index // len(spoken) * SHIFT_MS * BYTES_PER_MS
        pcms.append((pcm[begin:] + pcm)[:length])
    return pcms


def _text(hypothesis: Hypothesis) -> str:
    return "".join(word.text for word in hypothesis.words)


def _line(row: Row, first: Row) -> str:
    times = row.cpu_ms_per_audio_s / first.cpu_ms_per_audio_s
    return (
        f"windows {row.windows}, streams {row.streams}{', batched' if row.batched else ''}: "
        f"{row.cpu_ms_per_audio_s:.1f} ms of CPU for a second of audio ({times:.2f} of the first), "
        f"same text {row.same_text_percent:.1f} %"
    )


if __name__ == "__main__":
    main()
