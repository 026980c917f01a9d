"""`dragoman doctor`: what is here, what is wrong, and how to mend it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from serve_app.client import checks
from serve_app.client.checks import Check
from serve_app.client.exits import ExitCode
from serve_app.client.health import ask
from serve_app.client.options import DEFAULT_URL

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}

DESCRIPTION = """\
Look at this machine the way the server will: packages, memory, GPU, models, ports, and whether
a server answers. Downloads and changes nothing.

exit codes: 0 nothing needs mending (warnings may remain), 1 something does
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "doctor",
        help="find out what is wrong and how to mend it",
        description=DESCRIPTION,
        epilog="example:\n  MT_MODEL=Qwen/Qwen3-4B dragoman doctor",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default=DEFAULT_URL, help=f"server (default: {DEFAULT_URL})")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("serve_config.yaml"),
        help="Serve configuration (default: serve_config.yaml)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    found: list[Check] = []
    for check in examine(arguments.url, arguments.config):
        found.append(check)
        console.print(_shown(check), soft_wrap=True)
    console.print(f"\n{summary(found)}", markup=False, highlight=False)
    return ExitCode.FAILED if any(check.status == "fail" for check in found) else ExitCode.OK


def examine(url: str, config: Path) -> Iterator[Check]:
    """All findings, the quick ones first."""
    yield checks.check_python()
    missing = False
    for name in checks.REQUIRED:
        check = checks.check_package(name)
        missing = missing or check.status == "fail"
        yield check
    for name, used_for in checks.OPTIONAL.items():
        yield checks.check_optional(name, used_for)
    yield checks.check_cpus()
    yield checks.check_memory()
    yield checks.check_disk()
    yield checks.check_gpu()
    yield checks.check_microphone()
    yield checks.check_config(config)
    yield from _models(config, missing=missing)
    yield from _server(url)


def _models(config: Path, *, missing: bool) -> Iterator[Check]:
    if missing:
        yield Check("models", "warn", "not looked at: packages are missing", "Install them first.")
        return
    # Brings in Ray and the engines: seconds that the findings above need not wait for.
    from serve_app.client.model_checks import check_models  # noqa: PLC0415

    yield from check_models(config)


def _server(url: str) -> Iterator[Check]:
    health = ask(url)
    serve_port = urlsplit(url).port or 8000
    yield checks.check_port(
        serve_port,
        "Serve's HTTP port",
        ours=bool(health.stages),
        remedy="Stop what holds it, or change http_options.port in serve_config.yaml.",
    )
    yield checks.check_port(
        8265, "Ray's dashboard", remedy="Nothing: Ray takes the next free port from there."
    )
    yield checks.check_port(
        6379,
        "GCS of a cluster made by `ray start`",
        remedy="A Ray cluster or a Redis runs here. `serve run` joins a running cluster; "
        "`serve run --address local` starts one of its own.",
    )
    yield checks.check_server(url, health)


def summary(found: Sequence[Check]) -> str:
    """The last line."""
    failed = [check.name for check in found if check.status == "fail"]
    warned = [check.name for check in found if check.status == "warn"]
    if failed:
        return f"To be mended: {', '.join(failed)}."
    if warned:
        return f"Fine, with warnings: {', '.join(warned)}."
    return "All is fine."


def _shown(check: Check) -> Text:
    mark, style = MARKS[check.status]
    text = Text(mark, style=style)
    text.append(f"  {check.name:<16} {check.detail}", style="default")
    if check.remedy:
        text.append(f"\n{'':<6}{'':<16} -> {check.remedy}", style="cyan")
    return text
