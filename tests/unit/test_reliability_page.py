"""docs/reliability.md says what was measured, and what was measured is sound."""

from __future__ import annotations

import json

from docs.reliability import FAULTS, KILLER, PAGE, page


def test_the_page_is_that_of_the_results() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.reliability"


def test_no_fault_cost_a_word_that_nobody_was_told_of() -> None:
    rows = json.loads(FAULTS.read_text())["rows"]
    counts = ("lost", "doubled", "reordered", "leaked", "other")
    assert [row for row in rows if any(row[kind] for kind in counts)] == []
    assert all(row["seen"] for row in rows)


def test_the_bars_of_the_killer_are_met() -> None:
    report = json.loads(KILLER.read_text())
    assert report["breaches"] == []
    assert report["minutes"] >= 10
    assert report["streams"] >= 20
