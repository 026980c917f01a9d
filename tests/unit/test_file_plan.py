"""What of a file is decoded, and in which pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.types import VAD_FRAME_SAMPLES
from serve_app.files.plan import PlanOptions, Window, WindowPlanner
from serve_app.session.audio import to_ms, to_samples

FRAME_MS = 32


def plan(
    options: PlanOptions, *stretches: tuple[bool, int], loudness: dict[int, float] | None = None
) -> list[Window]:
    """Windows of stretches of (speech?, frames); loudness 1 but where it is given by frame."""
    probabilities = [0.9 if speech else 0.05 for speech, frames in stretches for _ in range(frames)]
    levels = [(loudness or {}).get(frame, 1.0) for frame in range(len(probabilities))]
    end = len(probabilities) * VAD_FRAME_SAMPLES
    planner = WindowPlanner(options)
    return [*planner.hear(probabilities, levels, end), *planner.finish(end)]


def spans_ms(windows: list[Window]) -> list[list[tuple[int, int]]]:
    return [[(to_ms(u.start), to_ms(u.end)) for u in window.utterances] for window in windows]


def test_each_utterance_is_a_window_with_padding() -> None:
    windows = plan(PlanOptions(), (False, 10), (True, 20), (False, 30), (True, 20), (False, 30))
    # Speech in frames 10 to 29 and 60 to 79, 160 ms kept on either side.
    assert spans_ms(windows) == [[(320 - 160, 960 + 160)], [(1_920 - 160, 2_560 + 160)]]


def test_neighbours_share_a_window_up_to_its_length() -> None:
    stretches = [(True, 30), (False, 20)] * 6
    windows = plan(PlanOptions(fill_ms=4_000), *stretches)
    assert [len(window.utterances) for window in windows] == [2, 2, 2]
    assert all(window.end - window.start <= to_samples(4_000) for window in windows)


def test_a_long_pause_is_not_decoded() -> None:
    long_pause = 3_000 // FRAME_MS
    windows = plan(PlanOptions(fill_ms=28_000), (True, 30), (False, long_pause), (True, 30))
    assert [len(window.utterances) for window in windows] == [1, 1]


def test_a_window_is_known_before_the_file_ends() -> None:
    planner = WindowPlanner(PlanOptions(fill_ms=28_000))
    frames = [0.9] * 30 + [0.05] * 100
    windows = planner.hear(frames, [1.0] * len(frames), len(frames) * VAD_FRAME_SAMPLES)
    assert len(windows) == 1
    assert planner.needed_from > windows[0].end


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    quiet = 100
    windows = plan(
        PlanOptions(max_window_ms=5_000),
        (True, 250),
        loudness=dict.fromkeys(range(quiet - 1, quiet + 2), 0.01),
    )
    middle = quiet * VAD_FRAME_SAMPLES + VAD_FRAME_SAMPLES // 2
    assert windows[0].end == windows[1].start == middle
    assert windows[-1].end == 250 * VAD_FRAME_SAMPLES
    assert all(w.end - w.start <= to_samples(5_000 + FRAME_MS) for w in windows)


def test_silence_has_no_windows() -> None:
    assert plan(PlanOptions(), (False, 2_000)) == []


def test_a_file_that_ends_in_speech_ends_there() -> None:
    planner = WindowPlanner(PlanOptions())
    end = 30 * VAD_FRAME_SAMPLES - 100
    windows = planner.hear([0.9] * 30, [1.0] * 30, end) + planner.finish(end)
    assert [(w.start, w.end) for w in windows] == [(0, end)]


@pytest.mark.parametrize("fill_ms", [0, 6_000, 28_000])
@settings(deadline=None)
@given(
    stretches=st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=20),
    cuts=st.lists(st.integers(1, 500), min_size=1, max_size=20),
)
def test_windows_are_in_order_apart_and_the_same_however_the_frames_come(
    fill_ms: int, stretches: list[tuple[bool, int]], cuts: list[int]
) -> None:
    options = PlanOptions(max_window_ms=6_000, fill_ms=fill_ms)
    whole = plan(options, *stretches)
    bounds = [sample for window in whole for sample in (window.start, window.end)]
    assert bounds == sorted(bounds)
    assert all(window.start < window.end for window in whole)
    probabilities = [0.9 if speech else 0.05 for speech, frames in stretches for _ in range(frames)]
    planner, pieces, at, turn = WindowPlanner(options), [], 0, 0
    while at < len(probabilities):
        part = probabilities[at : at + cuts[turn % len(cuts)]]
        needed = planner.needed_from
        at, turn = at + len(part), turn + 1
        heard = planner.hear(part, [1.0] * len(part), at * VAD_FRAME_SAMPLES)
        assert all(window.start >= needed for window in heard)
        pieces += heard
    assert pieces + planner.finish(at * VAD_FRAME_SAMPLES) == whole
