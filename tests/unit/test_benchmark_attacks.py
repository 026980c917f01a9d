"""What counts as harm to a neighbour, and that the bomb is one."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import av
import pytest

from benchmarks.attacks import Row
from benchmarks.harmful import BOMB_S, write_bomb
from benchmarks.processes import held
from serve_app.decode.memory import memory_file
from serve_app.limits.settings import LimitSettings

HARMLESS = Row(
    attack="flood",
    lag_p95_before_ms=800,
    lag_p95_under_ms=990,
    words_under=200,
    memory_before_mb=900.0,
    memory_peak_growth_mb=49.0,
    memory_growth_mb=3.0,
    grown_mb={},
    answers={"http 413": 5, "http 503": 2, "close 1013": 9, "cut off": 1},
)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (HARMLESS, []),
        (replace(HARMLESS, lag_p95_under_ms=1_010), ["flood: p95 800 to 1010 ms"]),
        # A short lag may grow by a little more.
        (replace(HARMLESS, lag_p95_before_ms=300, lag_p95_under_ms=440), []),
        (replace(HARMLESS, memory_peak_growth_mb=51.2), ["flood: memory +51 MB (bar 50)"]),
        (
            replace(HARMLESS, answers={"http 500": 2, "http 504": 1, "close 1011": 3}),
            ["flood: 6 answers of 500 and above"],
        ),
    ],
)
def test_harm_is_named(row: Row, said: list[str]) -> None:
    assert row.breaches == said


def test_a_bomb_is_small_and_long(tmp_path: Path) -> None:
    write_bomb(tmp_path / "bomb.flac", 600)
    size_bytes = (tmp_path / "bomb.flac").stat().st_size
    assert size_bytes < 150_000
    with av.open(str(tmp_path / "bomb.flac")) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples == 600 * 16_000
    assert LimitSettings().file_audio_s < BOMB_S


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_uploads_in_memory_files_are_memory() -> None:
    before = held(os.getpid())
    with memory_file() as file:
        file.write(bytes(30 << 20))
        file.flush()
        under = held(os.getpid())
    assert before is not None
    assert under is not None
    assert 29 <= under.memory_mb - before.memory_mb <= 45
