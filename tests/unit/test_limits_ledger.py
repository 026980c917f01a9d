"""Shares of clients: at one below, at the limit and at one above, and how they come back."""

from __future__ import annotations

import pytest

from serve_app.limits.ledger import LEASE_S, Ask, Bucket, ClientLimits, Ledger, Report

LIMITS = ClientLimits(sessions=2, requests_per_minute=3, audio_s_per_day=100)


def wide(**shares: float) -> Ledger:
    """Only the named shares are narrow."""
    return Ledger(ClientLimits(**{
        "sessions": 1_000, "requests_per_minute": 1_000, "audio_s_per_day": 1e6, **shares,
    }))  # type: ignore[arg-type] # fmt: skip


def test_a_bucket_gives_what_it_holds_and_fills_evenly() -> None:
    bucket = Bucket(capacity=6, refill_s=60, now_s=0)
    bucket.take(5, 0)
    assert bucket.wait_s(1, 0) == 0
    bucket.take(1, 0)
    assert bucket.wait_s(1, 0) == pytest.approx(10)
    assert bucket.wait_s(1, 9) == pytest.approx(1)
    assert bucket.wait_s(1, 10) == 0
    assert bucket.wait_s(6, 1_000) == 0
    assert bucket.wait_s(7, 1_000) > 0, "it never holds more than its capacity"


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(6, 60, 100)
    bucket.take(6, 100)
    assert bucket.wait_s(1, 50) == pytest.approx(10)
    assert bucket.wait_s(1, 100) == pytest.approx(10)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_client_has_so_many_sessions(limit: int) -> None:
    ledger = wide(sessions=limit)
    for index in range(limit):
        assert ledger.admit(Ask("kiosk", f"s{index}", audio=True), 0) is None
    refusal = ledger.admit(Ask("kiosk", "more", audio=True), 0)
    assert refusal is not None
    assert (refusal.share, refusal.limit, refusal.retry_after_s) == ("client_sessions", limit, 5)
    assert ledger.admit(Ask("desk", "other", audio=True), 0) is None
    assert ledger.admit(Ask("kiosk"), 0) is None, "requests that open no session go on"
    ledger.report(Report(closed={"kiosk": ["s0"]}), 1)
    assert ledger.admit(Ask("kiosk", "more", audio=True), 1) is None


def test_sessions_of_a_replica_that_died_are_forgotten_and_reported_ones_are_not() -> None:
    ledger = wide(sessions=2)
    ledger.admit(Ask("kiosk", "lives", audio=True), 0)
    ledger.admit(Ask("kiosk", "died", audio=True), 0)
    ledger.report(Report(leases={"kiosk": ["lives"]}), LEASE_S - 1)
    assert ledger.admit(Ask("kiosk", "new", audio=True), LEASE_S - 1) is not None
    assert ledger.admit(Ask("kiosk", "new", audio=True), LEASE_S) is None
    assert ledger.admit(Ask("kiosk", "newer", audio=True), LEASE_S) is not None


def test_a_ledger_that_was_restarted_learns_of_open_sessions() -> None:
    ledger = wide(sessions=1)
    ledger.report(Report(leases={"kiosk": ["from before"]}), 0)
    assert ledger.admit(Ask("kiosk", "new", audio=True), 0) is not None


@pytest.mark.parametrize("rate", [1, 2, 60])
def test_a_client_sends_so_many_requests_a_minute(rate: int) -> None:
    ledger = wide(requests_per_minute=rate)
    for _ in range(rate):
        assert ledger.admit(Ask("kiosk"), 0) is None
    refusal = ledger.admit(Ask("kiosk"), 0)
    assert refusal is not None
    assert refusal.share == "client_requests_per_minute"
    assert refusal.retry_after_s == max(1, 60 // rate)
    assert ledger.admit(Ask("kiosk"), refusal.retry_after_s) is None
    assert ledger.admit(Ask("desk"), 0) is None


def test_what_is_refused_is_not_counted() -> None:
    ledger = wide(requests_per_minute=1)
    ledger.admit(Ask("kiosk"), 0)
    for _ in range(100):
        assert ledger.admit(Ask("kiosk"), 30) is not None
    assert ledger.admit(Ask("kiosk"), 60) is None


def test_a_client_has_so_much_audio_a_day() -> None:
    ledger = wide(audio_s_per_day=100)
    assert ledger.report(Report(audio_s={"kiosk": 99.0}), 0) == frozenset()
    assert ledger.admit(Ask("kiosk", "s", audio=True), 0) is None
    assert ledger.report(Report(leases={"kiosk": ["s"]}, audio_s={"kiosk": 1.0}), 0) == frozenset()
    refusal = ledger.admit(Ask("kiosk", audio=True), 0)
    assert refusal is not None
    assert (refusal.share, refusal.limit) == ("client_audio_s_per_day", 100)
    assert refusal.retry_after_s == 864, "one second of audio comes back in a hundredth of a day"
    assert ledger.report(Report(audio_s={"kiosk": 0.5}), 0) == {"kiosk"}
    assert ledger.admit(Ask("kiosk"), 0) is None, "text is not audio"
    assert ledger.admit(Ask("kiosk", audio=True), 864 * 1.5 + 1) is None
