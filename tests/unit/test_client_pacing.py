"""The schedule is absolute: what is late is sent at once and does not delay what follows."""

from collections.abc import AsyncIterator

import pytest

from serve_app.client.pacing import Pacer, Schedule


class Clock:
    """Time that passes only by sleeping, or by saying so."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def read(self) -> float:
        return self.now_s

    async def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        self.now_s += duration_s


async def slow_source(clock: Clock, delays_s: list[float]) -> AsyncIterator[bytes]:
    for delay_s in delays_s:
        clock.now_s += delay_s
        yield b"piece"


async def sent_at(clock: Clock, delays_s: list[float]) -> tuple[list[float], list[float]]:
    pacer = Pacer(clock.read, clock.sleep)
    times_s = []
    async for _ in pacer.pace(slow_source(clock, delays_s)):
        times_s.append(round(clock.now_s - 100.0, 6))
    return times_s, [round(late_ms, 3) for late_ms in pacer.lateness_ms]


async def test_pieces_go_every_20_ms() -> None:
    times_s, lateness_ms = await sent_at(Clock(), [0.0] * 4)
    assert times_s == [0.0, 0.02, 0.04, 0.06]
    assert lateness_ms == [0.0, 0.0, 0.0, 0.0]


async def test_a_delay_is_made_up_for() -> None:
    times_s, lateness_ms = await sent_at(Clock(), [0.0, 0.05, 0.0, 0.0, 0.0])
    assert times_s == [0.0, 0.05, 0.05, 0.06, 0.08]
    assert lateness_ms == [0.0, 30.0, 10.0, 0.0, 0.0]


async def test_the_clock_starts_with_the_first_piece() -> None:
    times_s, lateness_ms = await sent_at(Clock(), [3.0, 0.0])
    assert times_s == [3.0, 3.02]
    assert lateness_ms == [0.0, 0.0]


def test_lag_is_counted_from_the_place_in_the_audio() -> None:
    schedule = Schedule(start_s=10.0)
    assert schedule.due_s(49) == pytest.approx(11.0)
    assert schedule.lag_ms(at_s=11.7, audio_ms=1200) == pytest.approx(500.0)
