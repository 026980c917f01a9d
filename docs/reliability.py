"""Writes docs/reliability.md from what was measured: python -m docs.reliability.

FAULTS_OUT=benchmarks/results/faults-2-cores.json pytest -m cluster tests/cluster/test_faults.py ...
measures the faults, and `python -m benchmarks.killer` the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("reliability.md")
PROSE = Path(__file__).with_name("reliability.in.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
FAULTS = RESULTS / "faults-2-cores.json"
KILLER = RESULTS / "killer-2-cores.json"
_KINDS = ("lost", "doubled", "reordered", "leaked")
_HEAD = "| fault | streams | noticed | over | " + " | ".join(_KINDS) + " | what clients saw |"


def page() -> str:
    """The whole page."""
    faults, killer = (json.loads(path.read_text()) for path in (FAULTS, KILLER))
    parts = {
        "{{FAULTS}}": "\n".join([_HEAD, "|" + "---|" * 9, *map(_row, faults["rows"])]),
        "{{FAULTS_MACHINE}}": _machine(faults, FAULTS),
        "{{EXPLAINED}}": "\n".join(
            f"- **{one['fault']}**: {one['seen']}" for one in faults["rows"]
        ),
        "{{KILLER}}": "\n".join(_killer(killer)),
    }
    text = PROSE.read_text()
    for mark, part in parts.items():
        text = text.replace(mark, part)
    return f"<!-- Written by `python -m docs.reliability` from benchmarks/results. -->\n{text}"


def _row(row: dict[str, Any]) -> str:
    counts = [f"0 ({row['warned']})" if row["warned"] else str(row["lost"])]
    counts += [str(row[kind]) for kind in _KINDS[1:]]
    cells = [
        *(row["fault"], str(row["streams"]), _seconds(row["detect_s"]), _seconds(row["recover_s"])),
        *counts,
        _signs(row["signs"]),
    ]
    return f"| {' | '.join(cells)} |"


def _signs(signs: dict[str, int]) -> str:
    return ", ".join(f"{sign} ({times:,})" for sign, times in signs.items()) or "nothing"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _machine(report: dict[str, Any], path: Path) -> str:
    packages = f"Ray {report['packages']['ray']}"
    where = f"[{path.name}](../benchmarks/results/{path.name})"
    return (
        f"{report['cores']} cores of an {report['processor']}, shared with other work (load "
        f"{report['load_1_min']:g}), {packages}, commit {report['commit']}; {where}."
    )


def _killer(report: dict[str, Any]) -> Iterator[str]:
    kills = report["kills"]
    named = ", ".join(f"{name} {times}" for name, times in sorted(kills.items()))
    yield (
        f"`python -m benchmarks.killer` kills replicas, proxy and controller {sum(kills.values())} "
        f"times in {report['minutes']:g} minutes ({named}), under {report['streams']} speakers at "
        "the pace of speech, each in one session after the other:"
    )
    share = 100 * report["finished"] / report["sessions"]
    finished = f"{report['finished']} of {report['sessions']} ({share:.1f} %)"
    lags = f"{report['lag_p50_ms']:,} / {report['lag_p95_ms']:,} ms"
    yield from (
        "",
        "| figure | value | bar |",
        "|---|---|---|",
        f"| sessions that came to their end | {finished} | 99 % |",
        *(
            f"| words {kind}, of {report['words']:,} | {report['faults'].get(kind, 0)} | 0 |"
            for kind in _KINDS
        ),
        f"| well after the last kill | {report['well_s']} s | 60 s |",
        f"| connections taken up again | {report['reconnects']} | |",
        f"| what clients saw | {_signs(report['signs'])} | |",
        f"| lag of a committed word, p50 / p95 | {lags} | |",
        "",
        _machine(report, KILLER),
    )


if __name__ == "__main__":
    PAGE.write_text(page())
