"""Where requests of one replica are held to their clients' shares."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from deployments.background import outliving
from serve_app.errors import ClientLimitError
from serve_app.limits.ledger import Ask, Refusal, Report, Share
from serve_app.limits.limiter import Limiter

REPORT_S = 15.0
"""What was used is told to the ledger this often; a lease outlives three reports that are lost."""

_USED_UP: dict[Share, str] = {
    "client_sessions": "has {limit:g} live sessions, as many as it may. End one",
    "client_requests_per_minute": "has sent {limit:g} requests within a minute, as many as it may. "
    "Wait",
    "client_audio_s_per_day": "has sent {limit:g} s of audio within a day, as much as it may. Wait",
}


@dataclass(slots=True)
class Usage:
    """What one client uses on this replica."""

    client: str
    audio_s: float = 0.0
    """Not reported yet."""
    leases: set[str] = field(default_factory=set)
    exhausted: bool = False
    """Whether its audio is used up."""

    def spend(self, audio_s: float) -> None:
        """So much audio was taken."""
        self.audio_s += audio_s


class Desk:
    """Admits requests and reports what they use."""

    def __init__(self, limiter: Limiter, report_s: float = REPORT_S) -> None:
        self._limiter = limiter
        self._report_s = report_s
        self._usages: dict[str, Usage] = {}
        self._reporting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[Any]] = set()

    async def admit(self, client: str, *, session: bool, audio: bool) -> Admission:
        """A place for a request; leave it when the request is over. Raises ClientLimitError."""
        lease = uuid.uuid4().hex if session else None
        refusal = await self._answer(Ask(client, lease, audio))
        if refusal is not None:
            raise limit_error(client, refusal)
        usage = self._usages.setdefault(client, Usage(client))
        if lease is not None:
            usage.leases.add(lease)
        if audio:
            usage.exhausted = False
            self._wake()
        return Admission(usage, lease)

    def leave(self, admission: Admission) -> None:
        """The request is over."""
        usage, lease = admission.usage, admission.lease
        if lease is not None:
            usage.leases.discard(lease)
            self._tell(self._limiter.report(Report(closed={usage.client: [lease]})))

    async def report(self) -> None:
        """Tell what was used since the last time."""
        usages = [usage for usage in self._usages.values() if usage.leases or usage.audio_s]
        report = Report(
            leases={usage.client: tuple(usage.leases) for usage in usages},
            audio_s={usage.client: usage.audio_s for usage in usages},
        )
        for usage in usages:
            usage.audio_s = 0.0
        exhausted = await self._limiter.report(report)
        for usage in usages:
            usage.exhausted = usage.client in exhausted

    async def _answer(self, ask: Ask) -> Refusal | None:
        """The ledger's; a place that is granted to somebody who has gone is given back."""
        asking = outliving(self._limiter.admit(ask))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            if ask.lease is not None:
                self._tell(self._give_back(asking, ask.client, ask.lease))
            raise

    async def _give_back(
        self, asking: asyncio.Task[Refusal | None], client: str, lease: str
    ) -> None:
        if await asking is None:
            await self._limiter.report(Report(closed={client: [lease]}))

    def _wake(self) -> None:
        if self._reporting is None or self._reporting.done():
            self._reporting = outliving(self._report_while_used())

    async def _report_while_used(self) -> None:
        used = True
        while used:
            await asyncio.sleep(self._report_s)
            await self.report()
            used = any(usage.leases or usage.audio_s for usage in self._usages.values())

    def _tell(self, call: Coroutine[Any, Any, Any]) -> None:
        task = outliving(call)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let in."""

    usage: Usage
    lease: str | None


def limit_error(client: str, refusal: Refusal) -> ClientLimitError:
    """What a client is told that has used up a share."""
    used_up = _USED_UP[refusal.share].format(limit=refusal.limit)
    return ClientLimitError(
        f"{client} {used_up}, or try again in {refusal.retry_after_s} s (limits.{refusal.share}).",
        code=refusal.share.removeprefix("client_") + "_exceeded",
        retry_after_s=refusal.retry_after_s,
    )
