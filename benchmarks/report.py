"""What every benchmark tells while it runs, and writes down in the end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.environment import describe


def parser_of(name: str, about: str | None) -> argparse.ArgumentParser:
    """For `python -m benchmarks.NAME`, with `--out`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    parser.add_argument("--out", type=Path, help="write machine, commit, command and figures here")
    return parser


def write(path: Path | None, name: str, figures: Mapping[str, object]) -> None:
    """All that a reader needs to judge the figures, as JSON, where a path is given."""
    if path is None:
        return
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", f"benchmarks.{name}", *sys.argv[1:]],
        **describe(),
        **figures,
    }
    path.write_text(json.dumps(report, indent=1) + "\n")
    tell(f"written to {path}")


def tell(text: str) -> None:
    """A line for whoever waits."""
    print(text, flush=True)
