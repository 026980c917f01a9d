"""Lags on the audio's own clock."""

from __future__ import annotations

import pytest

from serve_app.audio_clock import BURST_S, MAX_MARKS, AudioClock

S = 1_000


def test_a_live_word_has_waited_since_it_arrived() -> None:
    clock = AudioClock()
    for piece in range(1, 101):
        clock.arrived(piece * 20, now_s=100 + piece * 0.02)
    assert clock.lag_s(1_000, now_s=101.5) == pytest.approx(0.5, abs=0.1)


def test_a_pause_of_the_sender_counts_as_no_lag() -> None:
    clock = AudioClock()
    clock.arrived(1 * S, now_s=1)
    clock.arrived(2 * S, now_s=62)
    assert clock.lag_s(2 * S, now_s=62.3) == pytest.approx(0.3)
    assert clock.lag_s(1 * S, now_s=62.3) == pytest.approx(61.3)


def test_a_file_counts_as_spoken_at_the_pace_of_speech() -> None:
    clock = AudioClock()
    for second in range(1, 61):
        clock.arrived(second * S, now_s=10)
    assert clock.lag_s(30 * S, now_s=11) == 0
    assert clock.lag_s(30 * S, now_s=45) == pytest.approx(35 - 30 + BURST_S)


def test_a_session_that_is_taken_up_again_begins_where_it_begins() -> None:
    clock = AudioClock(begin_ms=3_600 * S)
    clock.arrived(3_601 * S, now_s=5)
    assert clock.lag_s(3_600.5 * S, now_s=5.2) == pytest.approx(0.2)


def test_what_is_not_here_yet_has_no_lag() -> None:
    clock = AudioClock()
    assert clock.lag_s(0, now_s=7) == 0
    clock.arrived(1 * S, now_s=7)
    assert clock.lag_s(2 * S, now_s=9) == 0


def test_hours_take_no_more_memory_than_minutes() -> None:
    clock = AudioClock()
    for piece in range(3 * MAX_MARKS):
        clock.arrived(piece * 200, now_s=piece * 0.2)
    assert len(clock._marks) == MAX_MARKS
