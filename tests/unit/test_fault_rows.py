"""How faults are accounted for, and when the killer is content."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.churn import Tally
from benchmarks.killer import Kill, judge
from deployments.engines.oracle_audio import OracleWord, WordId
from tests.support.faults import RESULTS_VARIABLE, Row, record, row_of
from tests.support.oracle import OracleStream
from tests.support.traveller import Traveller

STREAM = OracleStream(
    7, tuple(OracleWord(WordId(7, n), 16_000 * n, 16_000 * n + 8_000) for n in range(3)), 64_000
)


def committed(index: int) -> dict[str, object]:
    word = STREAM.words[index]
    times = {"start_ms": word.start_samples // 16, "end_ms": word.end_samples // 16}
    return {
        "type": "transcript.committed",
        "segment_id": f"s.{index}",
        "text": f"{word.text} ",
        "words": [{"text": word.text, **times}],
    }


def translated(index: int) -> dict[str, object]:
    return {
        "type": "translation.committed",
        "segment_id": f"s.{index}",
        "target": "de",
        "text": f"t[de]{STREAM.words[index].text} ",
    }


def client(*indices: int) -> Traveller:
    """One that was told these words; it spoke from second 100 on, and was acknowledged later."""
    one = Traveller("", STREAM, began_s=100.0, ended_s=106.0)
    one.told = [event for index in indices for event in (committed(index), translated(index))]
    one.acks = [(101.0, 500), (103.5, 2_500)]
    return one


def test_a_fault_is_over_when_all_that_was_spoken_by_then_is_acknowledged() -> None:
    one = client(0, 1, 2)
    one.signs = [(101.5, "warning"), (102.4, "1006")]
    row = row_of("fault", "seen", [one], at_s=102.0)
    assert row == Row("fault", "seen", 1, 3, 0.4, 1.5, 0, 0, 0, 0, 0, {"1006": 1})
    assert row.sound
    assert row_of("fault", "seen", [one], at_s=103.0).recover_s == 3.0, "at the end of the session"


@pytest.mark.parametrize(
    ("told", "kind", "number"),
    [((0, 2), "lost", 2), ((0, 1, 1, 2), "doubled", 2), ((1, 0, 2), "reordered", 2)],
)
def test_words_are_counted_in_transcript_and_translation(
    told: tuple[int, ...], kind: str, number: int
) -> None:
    row = row_of("fault", "seen", [client(*told)], at_s=102.0)
    assert getattr(row, kind) == number
    assert not row.sound


def test_a_row_takes_the_place_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faults.json"
    record(row_of("not asked for", "", [client(0, 1, 2)], 102.0))
    monkeypatch.setenv(RESULTS_VARIABLE, str(path))
    for fault, told in (("a", (0,)), ("b", (0, 1, 2)), ("a", (0, 1, 2))):
        record(row_of(fault, "", [client(*told)], 102.0))
    rows = json.loads(path.read_text())["rows"]
    assert [(row["fault"], row["lost"]) for row in rows] == [("a", 0), ("b", 0)]


def tally(finished: int, sessions: int = 200) -> Tally:
    return Tally(sessions=sessions, finished=finished, words=900, lags_ms=[500.0, 700.0])


def test_the_killer_is_content_with_no_less_than_the_bars() -> None:
    kills = [Kill(10.0, "Asr"), Kill(20.0, "Asr")]
    good = judge(tally(198), Counter({"1006": 3}), kills, well_s=60.0)
    assert good.breaches == ()
    assert good.kills == {"Asr": 2}
    assert good.signs == {"1006": 3}
    assert judge(tally(197), Counter(), kills, 60.0).breaches == ("197 of 200 sessions finished",)
    assert judge(tally(200), Counter(), kills, 60.1).breaches == (
        "well 60.1 s after the last kill (bar 60 s)",
    )
    assert len(judge(tally(200), Counter(), kills, None).breaches) == 1
    faulty = tally(200)
    faulty.faults["lost"] = 1
    assert judge(faulty, Counter(), kills, 1.0).breaches == ("1 words lost",)
