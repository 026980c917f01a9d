"""Who keeps the ledger: this process, or one for all replicas."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from serve_app.limits.ledger import Ask, ClientLimits, Ledger, Refusal, Report


class Limiter(Protocol):
    """Shares of all clients."""

    async def admit(self, ask: Ask) -> Refusal | None:
        """Count a request, and the session that it opens; or say why not."""
        ...

    async def report(self, report: Report) -> frozenset[str]:
        """Take a replica's report; the clients in it that have no audio left."""
        ...


class LocalLimiter:
    """A ledger in this process."""

    def __init__(self, limits: ClientLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = Ledger(limits)
        self._clock = clock

    async def admit(self, ask: Ask) -> Refusal | None:
        """Count a request."""
        return self._ledger.admit(ask, self._clock())

    async def report(self, report: Report) -> frozenset[str]:
        """Take a report."""
        return self._ledger.report(report, self._clock())
