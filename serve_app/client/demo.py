"""`dragoman demo`: a server, sample speech at the pace it was spoken, and what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import yaml
from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from serve_app.auth.keys import KeyRecord, digest, new_key
from serve_app.auth.settings import KEY_FILE_VARIABLE
from serve_app.auth.store import write_keys
from serve_app.client.audio import in_background, open_source, read_pcm
from serve_app.client.errors import ClientError, UsageError
from serve_app.client.exits import ExitCode
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import Pacer, Schedule
from serve_app.client.render import display
from serve_app.client.samples import Sample, load_samples
from serve_app.client.score import Take, score
from serve_app.client.server import child_server
from serve_app.client.stream import translate_stream
from serve_app.session.events import SessionClosed

ROOT = Path(__file__).resolve().parents[2]
"""Of the checkout."""
PORT = 8000
PATIENCE_S = 60.0
"""How much longer than its audio a stream may take."""

_NO_OTHER_KEYS = {"DRAGOMAN__AUTH__KEYS": "[]", "DRAGOMAN__AUTH__KEYS_FILE": ""}

DESCRIPTION = """\
Start a server on this machine, translate the shipped sample speech in three languages live, and
stop the server. Takes about three minutes. Another server or Ray cluster is left alone.

The last line is `demo: ok WER <x> % chrF <y> lag_p50_ms <n> lag_p95_ms <n>`, or
`demo: failed <why>`. WER counts wrong words in the transcript, chrF (0 to 100) is how close the
translations are to the references, and lag is the time from the end of a word in the audio to
its event.

exit codes: 0 ok, 1 failed, 130 stopped with Ctrl-C
"""


class DemoFailedError(ClientError):
    """The demo ran and shows that something is wrong."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="start a server and translate sample speech",
        description=DESCRIPTION,
        epilog="example:\n  dragoman demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=ROOT / "serve_config.yaml", help="Serve configuration"
    )
    parser.add_argument(
        "--samples", type=Path, default=ROOT / "samples", help="directory of sample speech"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    began_s = time.monotonic()
    _treat_every_ending_as_ctrl_c()
    try:
        _require_measures()
        samples = load_samples(arguments.samples)
        ending = asyncio.run(_demo(arguments.config.resolve(), samples, console, began_s))
    except (ClientError, TimeoutError, OSError) as error:
        console.print(f"demo: failed {error}", markup=False, highlight=False, soft_wrap=True)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        console.print("demo: failed interrupted", highlight=False)
        raise
    console.print(ending, markup=False, highlight=False, soft_wrap=True)
    return ExitCode.OK


async def _demo(config: Path, samples: Sequence[Sample], console: Console, began_s: float) -> str:
    def tell(text: str) -> None:
        console.print(
            f"{time.monotonic() - began_s:6.1f} s  {text}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip

    takes: list[tuple[Sample, Take]] = []
    async with (
        _own_key(config) as own,
        child_server(config, PORT, tell, own.variables) as server,
    ):
        tell(f"ready at {server.url}")
        for sample in samples:
            console.print(_heading(sample))
            takes.append((sample, await _stream(server.url, sample, console, own.key)))
        console.print(_table(takes))
        _tell_first_translation(takes, console, began_s)
        total = score([(sample.entry, take) for sample, take in takes])
        if total.problem:
            raise DemoFailedError(total.problem)
    return f"demo: ok {total.line}"


@dataclass(frozen=True, slots=True)
class _Own:
    """What lets the demo into its own server, where that asks for keys."""

    key: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def _own_key(config: Path) -> AsyncGenerator[_Own, None]:
    """A key for as long as the demo lasts: of the others only hashes are known."""
    if not _asks_for_keys(config):
        yield _Own()
        return
    key = new_key()
    record = KeyRecord(
        id="demo", client="demo", scopes=("stream",), sha256=digest(key), created=datetime.now(UTC)
    )
    with TemporaryDirectory(prefix="dragoman-keys-") as directory:
        path = Path(directory) / "keys.yaml"
        write_keys(path, [record])
        # In the place of the file's and of the environment's, whichever there are.
        yield _Own(key, {KEY_FILE_VARIABLE: str(path), **_NO_OTHER_KEYS})


def _asks_for_keys(config: Path) -> bool:
    if any(os.environ.get(name) for name in (KEY_FILE_VARIABLE, *_NO_OTHER_KEYS)):
        return True
    tree = yaml.safe_load(config.read_text())
    return any((one.get("args") or {}).get("auth") for one in tree["applications"])


async def _stream(url: str, sample: Sample, console: Console, key: str | None) -> Take:
    pacer, take = Pacer(), Take()
    options = StreamOptions(targets=sample.targets, format="pcm_s16le")
    outcome = ""
    with open_source(str(sample.path)) as source, display(console, sample.targets) as shown:
        audio = pacer.pace(in_background(read_pcm(source, StreamOptions())))
        async with (
            asyncio.timeout(sample.entry.duration_ms / 1000 + PATIENCE_S),
            aclosing(translate_stream(url, audio, options, key)) as events,
        ):
            async for received in events:
                # No schedule yet: the session was created before the first piece was due.
                take.note(received.event, pacer.clock(), pacer.schedule or Schedule(0.0))
                shown.show(received)
                if isinstance(received.event, SessionClosed):
                    outcome = received.event.reason
    if outcome != "completed":
        raise DemoFailedError(f"the session of {sample.path.name} ended with {outcome!r}")
    return take


def _heading(sample: Sample) -> Rule:
    entry = sample.entry
    return Rule(
        f"{entry.language} -> {', '.join(sample.targets)}   "
        f"({sample.path.name}, {entry.duration_ms / 1000:.0f} s, at the pace it was spoken)",
        align="left",
        style="dim",
    )


def _table(takes: Sequence[tuple[Sample, Take]]) -> Table:
    table = Table("spoken", "WER", "chrF", "lag p50", "lag p95", title="measured", box=None)
    for sample, take in takes:
        one = score([(sample.entry, take)])
        table.add_row(
            sample.entry.language,
            f"{one.wer_percent:.1f} %",
            f"{one.chrf:.1f}",
            f"{one.lag_p50_ms:.0f} ms",
            f"{one.lag_p95_ms:.0f} ms",
        )
    return table


def _tell_first_translation(
    takes: Sequence[tuple[Sample, Take]], console: Console, began_s: float
) -> None:
    first_s = next((take.first_translation_s for _, take in takes), None)
    if first_s is None:
        raise DemoFailedError("nothing was translated")
    console.print(
        f"first translated word {first_s - began_s:.1f} s after the start", highlight=False
    )


def _require_measures() -> None:
    missing = [name for name in ("jiwer", "sacrebleu") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} must be installed to measure: pip install 'dragoman[bench]'"
        )


def _treat_every_ending_as_ctrl_c() -> None:
    """Whichever way the demo is told to end, its server must end too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    # A shell's background jobs ignore SIGINT, and so would the server that we send it to.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
