"""Quality against lag: each setting over held-out speech, and over sound without words.

`in-process` runs the engines on a simulated clock: minutes of audio in seconds, for many settings.
`live` streams to a server at the pace of the speech: the lags that a client has. Both write a
report as JSON; `render` makes docs/quality.md of the reports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import live
from benchmarks.environment import ROOT, describe
from benchmarks.inprocess import Costs, Engines, as_measured, fixed
from benchmarks.measures import Heard
from benchmarks.noise_sets import KINDS, wordless
from benchmarks.offline import OfflineSentence, offline
from benchmarks.quality_page import page, plots
from benchmarks.quality_rows import (
    ALL,
    Observation,
    Row,
    WordlessRow,
    as_json,
    row,
    rows,
    wer_by_voice,
    wordless_row,
)
from benchmarks.settings import SETTINGS, Setting, named
from benchmarks.speech_sets import CONDITIONS, Recording, directory_of, read_wav, speech_set
from models.phrasebook import LANGUAGES
from serve_app.client.model_checks import read_config
from serve_app.client.score import percentile
from serve_app.client.server import child_server
from serve_app.config import with_environment
from serve_app.session import effects as fx
from serve_app.session.session import Session

RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
MAX_LATENESS_MS = 20.0
"""A sender whose p99 is later than this measured itself."""

T = TypeVar("T")


class Corpus:
    """The recordings asked for, their sound, and what the models make of them offline."""

    def __init__(self, arguments: argparse.Namespace, engines: Engines) -> None:
        self._arguments = arguments
        self._engines = engines
        self._offline: dict[tuple[str, str, str | None], list[OfflineSentence]] = {}

    def recordings(self) -> Iterator[tuple[Recording, bytes]]:
        """Each with its samples."""
        wanted = self._arguments
        for language in wanted.languages:
            directory = directory_of(language, wanted.sentences, wanted.seed)
            for recording in speech_set(language, wanted.sentences, wanted.seed):
                if recording.condition in wanted.conditions:
                    yield recording, read_wav(directory / recording.entry.file)

    def observed(
        self, setting: Setting, recording: Recording, pcm: bytes, heard: list[Heard]
    ) -> Observation:
        """What was heard beside the offline reference, which is decoded once."""
        source = setting.session.source
        key = (recording.entry.language, recording.condition, source)
        if key not in self._offline:
            self._offline[key] = offline(self._engines, recording.entry, pcm, source)
        return Observation(setting.name, recording, heard, self._offline[key])


def run_in_process(arguments: argparse.Namespace) -> dict[str, object]:
    """All settings on a simulated clock."""
    engines = _engines(arguments)
    engines.warm()
    corpus = Corpus(arguments, engines)
    costs = _costs(arguments)
    observations: list[Observation] = []
    quiet: list[WordlessRow] = []
    for setting in named(arguments.settings):
        for recording, pcm in corpus.recordings():
            session = Session("s", setting.session_for(recording.targets))
            heard = engines.stream(session, pcm, costs=costs)
            observations.append(corpus.observed(setting, recording, pcm, heard))
            _tell_of(observations[-1])
        for kind in KINDS if arguments.minutes else ():
            sound = wordless(kind, round(60 * arguments.minutes), arguments.seed)
            heard = engines.stream(Session("s", setting.session), sound)
            quiet.append(wordless_row(setting.name, kind, arguments.minutes, heard))
            _tell(_quiet_line(quiet[-1]))
    return _report(arguments, observations, quiet)


async def run_live(arguments: argparse.Namespace) -> dict[str, object]:
    """All settings against a server, `--together` streams at a time."""
    corpus = Corpus(arguments, _engines(arguments))
    gate = asyncio.Semaphore(arguments.together)
    lateness_ms: list[float] = []
    observations: list[Observation] = []
    quiet: list[WordlessRow] = []
    async with AsyncExitStack() as stack:
        url = arguments.url
        if not url:
            server = child_server(arguments.config, arguments.port, _tell)
            url = (await stack.enter_async_context(server)).url

        async def listen(pcm: bytes, setting: Setting, targets: tuple[str, ...]) -> list[Heard]:
            async with gate:
                heard, late_ms = await live.listen(url, pcm, setting.stream_for(targets))
            lateness_ms.extend(late_ms)
            return heard

        for setting in named(arguments.settings):
            spoken = list(corpus.recordings())
            calls = [listen(pcm, setting, recording.targets) for recording, pcm in spoken]
            for (recording, pcm), heard in zip(spoken, await _all(calls), strict=True):
                # Offline decoding would take the cores from streams that still run.
                observations.append(corpus.observed(setting, recording, pcm, heard))
                _tell_of(observations[-1])
            kinds = KINDS if arguments.minutes else ()
            sounds = [
                wordless(kind, round(60 * arguments.minutes), arguments.seed) for kind in kinds
            ]
            unspoken = await _all([listen(sound, setting, ()) for sound in sounds])
            for kind, heard in zip(kinds, unspoken, strict=True):
                quiet.append(wordless_row(setting.name, kind, arguments.minutes, heard))
                _tell(_quiet_line(quiet[-1]))
    late_ms = percentile(lateness_ms, 0.99)
    if late_ms > MAX_LATENESS_MS:
        _tell(f"void: the sender itself was {late_ms:.0f} ms late (p99)")
    report = _report(arguments, observations, quiet)
    return {**report, "sender_lateness_p99_ms": round(late_ms, 1), "together": arguments.together}


def render(paths: Sequence[Path], docs: Path) -> None:
    """Write quality.md and its plots."""
    docs.mkdir(exist_ok=True)
    reports = [json.loads(path.read_text()) for path in paths]
    for report in reports:
        for name, plot in plots(report).items():
            (docs / name).write_text(plot)
    (docs / "quality.md").write_text(page(reports))
    _tell(f"written to {docs / 'quality.md'}")


def main() -> None:
    """Measure, show a line for each setting, and write the report."""
    arguments = _parser().parse_args()
    if arguments.run == "render":
        render(arguments.reports or sorted(RESULTS.glob("quality-*.json")), arguments.docs)
        return
    if arguments.run == "live":
        report = asyncio.run(run_live(arguments))
    else:
        report = run_in_process(arguments)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
        _tell(f"written to {arguments.out}")


def _report(
    arguments: argparse.Namespace, observations: Sequence[Observation], quiet: Sequence[WordlessRow]
) -> dict[str, object]:
    figures = rows(observations)
    for figure in figures:
        if ALL in {figure.language, figure.condition}:
            _tell(_line(figure))
    if arguments.verbose:
        _tell_of_voices(observations)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks.quality", *sys.argv[1:]],
        **describe(),
        "run": arguments.run,
        "costs_ms": getattr(arguments, "costs_ms", None),
        "sentences_per_language": arguments.sentences,
        "seed": arguments.seed,
        "rows": [as_json(figure) for figure in figures],
        "wordless": [as_json(figure) for figure in quiet],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    runs = parser.add_subparsers(dest="run", required=True)
    simulated = _measuring(runs.add_parser("in-process", help="on a simulated clock"), minutes=10)
    simulated.add_argument(
        "--costs-ms",
        nargs=3,
        type=float,
        metavar=("VAD", "ASR", "MT"),
        help="how long a call takes on the simulated clock (default: the CPU time it took here)",
    )
    paced = _measuring(runs.add_parser("live", help="against a server, in real time"), minutes=0)
    paced.add_argument("--url", help="of a running server (default: start one)")
    paced.add_argument("--port", type=int, default=8000, help="of the server to start")
    paced.add_argument("--together", type=int, default=1, metavar="N", help="streams at a time")
    rendering = runs.add_parser("render", help="write docs/quality.md")
    rendering.add_argument("reports", type=Path, nargs="*", help="default: all in results/")
    rendering.add_argument("--docs", type=Path, default=DOCS)
    return parser


def _measuring(parser: argparse.ArgumentParser, minutes: float) -> argparse.ArgumentParser:
    names = [setting.name for setting in SETTINGS]
    parser.add_argument("--settings", nargs="+", choices=names, default=names)
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--sentences", type=int, default=40, help="per language")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="of each sound without words; 0 for none"
    )
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--verbose", action="store_true", help="WER by voice as well")
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser


def _engines(arguments: argparse.Namespace) -> Engines:
    return Engines(with_environment(read_config(arguments.config), os.environ))


def _costs(arguments: argparse.Namespace) -> Costs:
    if arguments.costs_ms is None:
        return as_measured
    vad_ms, asr_ms, mt_ms = arguments.costs_ms
    return fixed({fx.Stage.VAD: vad_ms, fx.Stage.ASR: asr_ms, fx.Stage.MT: mt_ms})


async def _all(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    return list(await asyncio.gather(*calls))


def _tell_of(one: Observation) -> None:
    _tell(_line(row([one], one.language, one.recording.condition)))


def _tell_of_voices(observations: Sequence[Observation]) -> None:
    pools: dict[tuple[str, str], list[Observation]] = {}
    for one in observations:
        pools.setdefault((one.setting, one.recording.condition), []).append(one)
    for (setting, condition), pooled in pools.items():
        for voice, (said, offline_said) in sorted(wer_by_voice(pooled).items()):
            _tell(f"{setting} {condition} {voice}  WER {said:.1f} %  offline {offline_said:.1f} %")


def _line(figure: Row) -> str:
    return (
        f"{figure.setting} {figure.language} {figure.condition}  "
        f"WER {figure.wer_live_percent:.1f} % (offline {figure.wer_offline_percent:.1f})  "
        f"lag {figure.lag_p50_ms:.0f} / {figure.lag_p95_ms:.0f} ms  "
        f"first {figure.first_text_p50_ms:.0f} ms  erasure {figure.erasure:.2f}  "
        f"chrF {figure.chrf_live:.1f} (offline {figure.chrf_offline:.1f})  "
        f"translation +{figure.translation_lag_p50_ms:.0f} / {figure.translation_lag_p95_ms:.0f} ms"
    )


def _quiet_line(figure: WordlessRow) -> str:
    return (
        f"{figure.setting} {figure.kind}  {figure.characters_per_minute:g} characters and "
        f"{figure.partials_per_minute:g} partials a minute"
    )


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
