"""What each client has used of its share; pure: whoever calls says what time it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

LEASE_S = 60.0
"""A session that nobody has reported for so long is over: its replica died."""
SESSION_RETRY_S = 5.0
"""When one of a client's sessions may have ended; nobody knows."""
MINUTE_S, DAY_S = 60.0, 86_400.0

Share = Literal["client_sessions", "client_requests_per_minute", "client_audio_s_per_day"]


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """The share of every client."""

    sessions: int
    requests_per_minute: int
    audio_s_per_day: float


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a client, before it is served."""

    client: str
    lease: str | None = None
    """Names the live session that it opens, if it opens one."""
    audio: bool = False
    """Whether it brings audio."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which share is used up, and when there is some of it again."""

    share: Share
    limit: float
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a replica tells of its sessions since its last report."""

    leases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Open sessions by client."""
    closed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Ended sessions by client."""
    audio_s: Mapping[str, float] = field(default_factory=dict)
    """Audio by client."""


class Bucket:
    """So much at once; what was taken comes back evenly."""

    def __init__(self, capacity: float, refill_s: float, now_s: float) -> None:
        """`refill_s`: how long an empty one takes to be full."""
        self._capacity = capacity
        self._per_s = capacity / refill_s
        self._level = capacity
        self._at_s = now_s

    def wait_s(self, amount: float, now_s: float) -> float:
        """How long until there is so much; 0 where there is."""
        self._refill(now_s)
        return max(0.0, (amount - self._level) / self._per_s)

    def take(self, amount: float, now_s: float) -> None:
        """Take it, even if it is not there: what was used was used."""
        self._refill(now_s)
        self._level -= amount

    def _refill(self, now_s: float) -> None:
        gained = max(0.0, now_s - self._at_s) * self._per_s
        self._level = min(self._capacity, self._level + gained)
        self._at_s = max(self._at_s, now_s)


class _Account:
    """One client."""

    def __init__(self, limits: ClientLimits, now_s: float) -> None:
        self.requests = Bucket(limits.requests_per_minute, MINUTE_S, now_s)
        self.audio = Bucket(limits.audio_s_per_day, DAY_S, now_s)
        self.leases: dict[str, float] = {}

    def forget_lost(self, now_s: float) -> None:
        """Drop sessions of replicas that died."""
        self.leases = {name: end for name, end in self.leases.items() if end > now_s}


class Ledger:
    """All clients."""

    def __init__(self, limits: ClientLimits) -> None:
        self._limits = limits
        self._accounts: dict[str, _Account] = {}

    def admit(self, ask: Ask, now_s: float) -> Refusal | None:
        """Count a request, and the session that it opens; or say why not."""
        account, limits = self._account(ask.client, now_s), self._limits
        account.forget_lost(now_s)
        if wait_s := account.requests.wait_s(1, now_s):
            rate = limits.requests_per_minute
            return _refusal("client_requests_per_minute", rate, wait_s)
        if ask.audio and (wait_s := account.audio.wait_s(1, now_s)):
            return _refusal("client_audio_s_per_day", limits.audio_s_per_day, wait_s)
        if ask.lease is not None and len(account.leases) >= limits.sessions:
            return _refusal("client_sessions", limits.sessions, SESSION_RETRY_S)
        account.requests.take(1, now_s)
        if ask.lease is not None:
            account.leases[ask.lease] = now_s + LEASE_S
        return None

    def report(self, report: Report, now_s: float) -> frozenset[str]:
        """Take a replica's report; the clients in it that have no audio left."""
        for client, seconds in report.audio_s.items():
            self._account(client, now_s).audio.take(seconds, now_s)
        for client, leases in report.closed.items():
            for lease in leases:
                self._account(client, now_s).leases.pop(lease, None)
        for client, leases in report.leases.items():
            renewed = dict.fromkeys(leases, now_s + LEASE_S)
            self._account(client, now_s).leases.update(renewed)
        named = {*report.audio_s, *report.leases}
        return frozenset(
            name for name in named if self._account(name, now_s).audio.wait_s(0, now_s) > 0
        )

    def _account(self, client: str, now_s: float) -> _Account:
        if client not in self._accounts:
            self._accounts[client] = _Account(self._limits, now_s)
        return self._accounts[client]


def _refusal(share: Share, limit: float, wait_s: float) -> Refusal:
    return Refusal(share, limit, max(1, math.ceil(wait_s)))
