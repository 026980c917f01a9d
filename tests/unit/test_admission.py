"""The gate closes before live sessions suffer, and does not flap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serve_app.admission import RAMP_S, AdmissionLimits, Gate, Load, Returns, is_full

LIMITS = AdmissionLimits(max_sessions=40, max_answer_s=1.0, max_backlog_s=2.0, ramp_sessions=4)
CALM = Load(sessions=5, answer_s=0.2, backlog_s=1.0)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_calm_replica_lets_sessions_in(gate: Gate) -> None:
    assert gate.refusal(LIMITS, CALM, 0.0) is None


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (replace(CALM, sessions=40), "capacity"),
        (replace(CALM, answer_s=1.01), "lag"),
        (replace(CALM, backlog_s=10.1), "backlog"),
        (replace(CALM, answer_s=1.0), None),
        (replace(CALM, backlog_s=10.0), None),
        (replace(CALM, sessions=39), None),
        (Load(sessions=0, backlog_s=1.9), None),
    ],
)
def test_the_limits(gate: Gate, load: Load, reason: str | None) -> None:
    assert gate.refusal(LIMITS, load, 0.0) == reason


def test_a_closed_gate_opens_only_when_there_is_room_to_spare(gate: Gate) -> None:
    lags_s = [0.95, 1.2, 0.99, 0.95, 0.91, 0.9, 0.95, 1.1]
    refusals = [
        gate.refusal(LIMITS, replace(CALM, answer_s=lag_s), number * (RAMP_S + 1))
        for number, lag_s in enumerate(lags_s)
    ]
    assert refusals == [None, "lag", "lag", "lag", "lag", None, None, "lag"]


def test_a_full_replica_has_no_hysteresis(gate: Gate) -> None:
    assert gate.refusal(LIMITS, replace(CALM, sessions=40), 0.0) == "capacity"
    assert gate.refusal(LIMITS, replace(CALM, sessions=39), 0.0) is None


def test_a_crowd_is_let_in_a_few_at_a_time(gate: Gate) -> None:
    """Their weight shows later: all at once they would be too many before the gate could tell."""
    sessions = 0
    let_in_at: list[float] = []
    for tick in range(400):
        now_s = tick * 0.05
        if gate.refusal(LIMITS, replace(CALM, sessions=sessions), now_s) is None:
            sessions += 1
            let_in_at.append(now_s)
    first = sum(at < RAMP_S for at in let_in_at)
    second = sum(RAMP_S <= at < 2 * RAMP_S + 0.1 for at in let_in_at)
    assert first == 4
    assert second <= 5
    assert sessions >= 12


@pytest.mark.parametrize(
    ("answer_s", "at_once"), [(0.2, 4), (0.5, 4), (0.6, 3), (0.75, 2), (0.9, 1), (1.0, 1)]
)
def test_fewer_are_let_in_the_nearer_the_limit_is(
    gate: Gate, answer_s: float, at_once: int
) -> None:
    load = replace(CALM, answer_s=answer_s)
    assert [gate.refusal(LIMITS, load, 0.0) for _ in range(9)].count(None) == at_once


def test_many_live_sessions_let_more_in_than_a_few(gate: Gate) -> None:
    load = replace(CALM, sessions=30, backlog_s=0.0)
    let_in = [gate.refusal(LIMITS, load, 0.0) for _ in range(20)].count(None)
    assert let_in > LIMITS.ramp_sessions


def test_sessions_from_elsewhere_find_a_place_until_it_is_full() -> None:
    assert not is_full(LIMITS, replace(CALM, answer_s=9.0))
    assert is_full(LIMITS, replace(CALM, sessions=40))


def test_a_session_comes_back_once_in_a_while() -> None:
    returns = Returns()
    assert returns.is_first("a", 0.0)
    assert returns.is_first("b", 0.0)
    assert not returns.is_first("a", RAMP_S)
    assert not returns.is_first("a", 2 * RAMP_S), "whoever goes on trying does not get there"
    assert returns.is_first("a", 3 * RAMP_S + 0.1)
