"""What a replica does for several requests is not part of the one that began it.

Under Serve the request is in the context, and its end may be the end of all calls made for it.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from deployments.boards import Limits, News, Receipt, Report, Seen
from deployments.hub import LocalHub
from serve_app.limits.desk import Desk
from serve_app.limits.ledger import ClientLimits
from serve_app.limits.ledger import Report as UsageReport
from serve_app.limits.limiter import LocalLimiter
from serve_app.viewers.lobby import Followed
from serve_app.viewers.manuscript import Manuscript
from serve_app.viewers.newsroom import Broadcast, Newsroom

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="none")


class Asked:
    """For which requests somebody was called."""

    def __init__(self) -> None:
        self.by: list[str] = []
        self._called = asyncio.Event()

    def note(self) -> None:
        self.by.append(REQUEST.get())
        self._called.set()

    async def once(self) -> None:
        await asyncio.wait_for(self._called.wait(), 10)
        self._called.clear()


class Hub(LocalHub):
    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        self._asked.note()
        return await super().publish(reports)

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        self._asked.note()
        return await super().read(session_id, seen, wait_s)


class Ledger(LocalLimiter):
    def __init__(self, asked: Asked) -> None:
        super().__init__(ClientLimits(sessions=1, requests_per_minute=9, audio_s_per_day=9))
        self._asked = asked

    async def report(self, report: UsageReport) -> frozenset[str]:
        self._asked.note()
        return await super().report(report)


async def test_a_session_is_read_for_all_who_follow_it() -> None:
    asked = Asked()
    REQUEST.set("first viewer")
    followed = Followed("s1", Hub(asked), Limits())
    await asked.once()
    await followed.stop()
    assert asked.by == ["none"]


async def test_sessions_are_told_to_the_hub_for_all_that_are_shared() -> None:
    asked = Asked()
    REQUEST.set("first speaker")
    broadcast = Newsroom(Hub(asked), Limits()).open("s1", None, None, lambda _: None)
    await asked.once()
    broadcast.close("completed")
    await asked.once()
    assert asked.by == ["none", "none"]


async def test_what_clients_use_is_reported_for_all_of_them() -> None:
    asked = Asked()
    REQUEST.set("first caller")
    desk = Desk(Ledger(asked), report_s=0.01)
    admission = await desk.admit("kiosk", session=True, audio=True)
    await asked.once()
    desk.leave(admission)
    await asked.once()
    assert set(asked.by) == {"none"}


def test_languages_that_a_session_cannot_have_are_asked_of_it_once() -> None:
    asked: list[tuple[str, ...]] = []

    def serve(languages: tuple[str, ...]) -> None:
        asked.append(languages)
        if "es" in languages:
            raise ValueError("the glossary would be too long")
        broadcast.allow(8, languages, "")

    broadcast = Broadcast(Manuscript("s", 0.0, Limits()), serve, lambda: None)
    with pytest.raises(ValueError, match="glossary"):
        broadcast.settle(Receipt(taken=True, wanted=("es",)))
    broadcast.settle(Receipt(taken=True, wanted=("es",)))
    broadcast.settle(Receipt(taken=True, wanted=("de",)))
    broadcast.settle(Receipt(taken=True, wanted=("de",)))
    assert asked == [("es",), ("de",)]
