"""One replica's desk, and what it does while the shared ledger is down."""

from __future__ import annotations

import asyncio
import logging

import pytest
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from serve_app.errors import ClientLimitError
from serve_app.limits import shared
from serve_app.limits.desk import Desk
from serve_app.limits.ledger import Ask, ClientLimits, Refusal, Report
from serve_app.limits.limiter import LocalLimiter
from serve_app.limits.shared import RETRY_S, SharedLimiter

LIMITS = ClientLimits(sessions=1, requests_per_minute=100, audio_s_per_day=100)


async def test_a_session_holds_its_place_until_it_is_left() -> None:
    desk = Desk(LocalLimiter(LIMITS), report_s=60)
    first = await desk.admit("kiosk", session=True, audio=True)
    with pytest.raises(ClientLimitError) as caught:
        await desk.admit("kiosk", session=True, audio=True)
    assert caught.value.code == "sessions_exceeded"
    assert caught.value.headers == {"retry-after": "5"}
    assert "kiosk has 1 live sessions" in caught.value.message
    assert "(limits.client_sessions)" in caught.value.message
    desk.leave(first)
    await asyncio.sleep(0)
    desk.leave(await desk.admit("kiosk", session=True, audio=True))


@pytest.mark.parametrize("answered", [False, True], ids=["while asking", "as it answers"])
async def test_who_goes_while_the_ledger_is_asked_leaves_no_place_taken(answered: bool) -> None:
    answers = asyncio.Event()

    class Slow(LocalLimiter):
        async def admit(self, ask: Ask) -> Refusal | None:
            refusal = await super().admit(ask)
            await answers.wait()
            return refusal

    limiter = Slow(LIMITS)
    desk = Desk(limiter, report_s=60)
    asking = asyncio.create_task(desk.admit("kiosk", session=True, audio=True))
    await asyncio.sleep(0.01)
    assert await LocalLimiter.admit(limiter, Ask("kiosk", "other")) is not None
    if answered:
        answers.set()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    answers.set()
    async with asyncio.timeout(10):
        while await LocalLimiter.admit(limiter, Ask("kiosk", "next")):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_what_is_used_is_reported_and_what_is_used_up_comes_back() -> None:
    desk = Desk(LocalLimiter(LIMITS), report_s=60)
    admission = await desk.admit("kiosk", session=True, audio=True)
    admission.usage.spend(99.0)
    await desk.report()
    assert (admission.usage.audio_s, admission.usage.exhausted) == (0, False)
    admission.usage.spend(2.0)
    await desk.report()
    assert admission.usage.exhausted
    with pytest.raises(ClientLimitError, match=r"limits\.client_audio_s_per_day"):
        await desk.admit("kiosk", session=False, audio=True)


async def test_reports_go_on_while_there_is_something_to_tell() -> None:
    reports: list[Report] = []
    three = asyncio.Event()

    class Listening(LocalLimiter):
        async def report(self, report: Report) -> frozenset[str]:
            reports.append(report)
            if len(reports) == 3:
                three.set()
            return await super().report(report)

    desk = Desk(Listening(LIMITS), report_s=0.01)
    admission = await desk.admit("kiosk", session=True, audio=True)
    admission.usage.spend(1.0)
    await asyncio.wait_for(three.wait(), 10)
    assert reports[0].audio_s == {"kiosk": 1.0}
    assert all(report.leases == {"kiosk": (admission.lease,)} for report in reports[:3])
    desk.leave(admission)
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nothing tells when the last ends
            await asyncio.sleep(0.01)
    assert {"kiosk": [admission.lease]} in [report.closed for report in reports]


class Down:
    """A shared ledger that does not answer, for as long as it is down."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.asked = 0
        self._limiter = LocalLimiter(LIMITS)

    async def admit(self, ask: Ask) -> Refusal | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return await self._limiter.admit(ask)

    async def report(self, report: Report) -> frozenset[str]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return await self._limiter.report(report)


@pytest.mark.parametrize(
    "error", [RayError("gone"), RayServeException("no replica"), TimeoutError()], ids=repr
)
async def test_while_the_ledger_is_down_each_replica_counts_for_itself(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 0.0
    ledger = Down(error)
    limiter = SharedLimiter(ledger, LocalLimiter(LIMITS), clock=lambda: now_s)
    with caplog.at_level(logging.INFO, logger="ray.serve"):
        assert await limiter.admit(Ask("kiosk", "a", audio=True)) is None
        refusal = await limiter.admit(Ask("kiosk", "b", audio=True))
        assert refusal is not None
        assert refusal.share == "client_sessions"
        assert await limiter.report(Report(audio_s={"kiosk": 101.0})) == {"kiosk"}
        assert ledger.asked == 1, "it is not asked again at once"
        now_s = RETRY_S
        ledger.error = None
        assert await limiter.admit(Ask("kiosk", "b", audio=True)) is None
        assert ledger.asked == 2
    assert [record.message for record in caplog.records] == [
        f"the shared ledger of clients' limits does not answer ({type(error).__name__}): until it "
        "does, every replica counts for itself",
        "the shared ledger of clients' limits answers again",
    ]


async def test_a_ledger_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "ANSWER_S", 0.01)

    class Hanging(Down):
        async def admit(self, ask: Ask) -> Refusal | None:
            await asyncio.Event().wait()
            return None

    limiter = SharedLimiter(Hanging(None), LocalLimiter(LIMITS))
    assert await limiter.admit(Ask("kiosk")) is None


async def test_a_defect_of_the_ledger_is_no_outage() -> None:
    limiter = SharedLimiter(Down(KeyError("defect")), LocalLimiter(LIMITS))
    with pytest.raises(KeyError):
        await limiter.admit(Ask("kiosk"))
