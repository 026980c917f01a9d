"""Where and when to connect next: all servers in turn, at growing random intervals. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is."""

    first_s: float = 0.25
    """The first wait is at most this; each further one at most twice as long."""
    longest_s: float = 10.0
    """No wait is longer."""
    give_up_after_s: float = 300.0
    """A session that was begun, without any progress."""
    begin_within_s: float = 30.0
    """A session that was not begun yet."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The next try."""

    url: str
    number: int
    """Counts from 1 since the last progress."""
    delay_s: float


class Retries:
    """Counts what failed since the last progress.

    Waits are drawn evenly from 0 to their bound ("full jitter"), so that clients which lost the
    same server do not come back together.
    """

    def __init__(self, urls: Sequence[str], policy: RetryPolicy, rng: random.Random) -> None:
        self._urls = urls
        self._policy = policy
        self._rng = rng
        self._at = 0
        self._failures = 0
        self._since_s: float | None = None

    @property
    def url(self) -> str:
        """Where to connect to, or where the connection is."""
        return self._urls[self._at % len(self._urls)]

    @property
    def tried_all(self) -> bool:
        """Whether each server failed since the last progress."""
        return self._failures >= len(self._urls)

    def progress(self) -> None:
        """The server dealt with something: a loss from here on is a new one."""
        self._failures, self._since_s = 0, None

    def failed(self, now_s: float, *, begun: bool = True, wanted_s: float = 0) -> Attempt | None:
        """What to do now that there is no connection; None where it is time to give up.

        `wanted_s` is how long the server wants to be left alone.
        """
        self._since_s = now_s if self._since_s is None else self._since_s
        limit_s = self._policy.give_up_after_s if begun else self._policy.begin_within_s
        if now_s - self._since_s >= limit_s:
            return None
        self._failures += 1
        self._at += 1
        bound_s = min(self._policy.longest_s, self._policy.first_s * 2 ** (self._failures - 1))
        return Attempt(self.url, self._failures, wanted_s + self._rng.uniform(0, bound_s))
