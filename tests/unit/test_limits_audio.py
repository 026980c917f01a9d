"""The audio of a session: how long, how fast, and how silent it may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from serve_app.limits.audio import (
    AudioUsedUpError,
    Free,
    IdleError,
    SessionExpiredError,
    SessionLimits,
    within,
)

SECOND = bytes(32_000)
WIDE = SessionLimits(session_s=60, idle_s=60, ahead_s=None)


async def sent(*items: bytes | float | str) -> AsyncIterator[bytes | str]:
    """The items; a number is a pause in seconds."""
    for item in items:
        if isinstance(item, float):
            await asyncio.sleep(item)
        else:
            yield item


async def collect(items: AsyncIterator[bytes | str], into: list[bytes | str]) -> None:
    async for item in items:
        into.append(item)


async def test_everything_passes_within_the_limits() -> None:
    items = [SECOND, "update", b"", SECOND]
    assert [item async for item in within(sent(*items), WIDE, Free())] == items


async def test_silence_ends_a_session_and_messages_are_no_audio() -> None:
    now_s = 0.0

    async def speaker() -> AsyncIterator[bytes | str]:
        nonlocal now_s
        yield SECOND
        for item in (SECOND, "update", "update"):
            now_s += 15
            yield item
        await asyncio.sleep(0.05)
        yield SECOND

    limits = SessionLimits(60, idle_s=20, ahead_s=None)
    got: list[bytes | str] = []
    with pytest.raises(IdleError, match=r"No audio came for 20 s \(limits\.idle_s\)"):
        await collect(within(speaker(), limits, Free(), clock=lambda: now_s), got)
    assert got == [SECOND, SECOND, "update", "update"]


async def test_a_session_that_is_slow_to_take_its_audio_is_not_idle() -> None:
    limits = SessionLimits(60, idle_s=0.1, ahead_s=None)
    got = 0
    async for _ in within(sent(SECOND, SECOND, SECOND), limits, Free()):
        await asyncio.sleep(0.15)
        got += 1
    assert got == 3


@pytest.mark.parametrize("pause", [0.01, 30.0], ids=["while audio comes", "in silence"])
async def test_a_session_ends_after_its_time(pause: float) -> None:
    limits = SessionLimits(session_s=0.1, idle_s=60, ahead_s=None)
    pauses = (item for _ in range(50) for item in (SECOND, pause))
    with pytest.raises(SessionExpiredError, match=r"0\.1 s, as long as one may"):
        await collect(within(sent(*pauses), limits, Free()), [])


@pytest.mark.parametrize(("ahead_s", "waits_s"), [(1.9, 0.1), (2.0, 0.0), (2.1, 0.0)])
async def test_audio_ahead_of_its_time_waits(
    ahead_s: float, waits_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept_s: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept_s.append(delay_s)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    limits = SessionLimits(60, 60, ahead_s)
    # The third second begins 2 s ahead.
    three = within(sent(SECOND, SECOND, SECOND), limits, Free(), clock=lambda: 0.0)
    assert len([item async for item in three]) == 3
    assert max(0.0, *slept_s) == pytest.approx(waits_s)


async def test_audio_is_counted_and_ends_where_it_is_used_up() -> None:
    class Purse:
        exhausted = False
        spent_s = 0.0

        def spend(self, audio_s: float) -> None:
            self.spent_s += audio_s
            self.exhausted = self.spent_s > 2

    purse = Purse()
    got: list[bytes | str] = []
    heard = within(sent(SECOND, "x", SECOND, SECOND, SECOND), WIDE, purse)
    with pytest.raises(AudioUsedUpError, match=r"limits\.client_audio_s_per_day"):
        await collect(heard, got)
    assert got == [SECOND, "x", SECOND]
    assert purse.spent_s == 3
