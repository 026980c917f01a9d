"""Sessions that come and go, paced, cut off and resumed, or left; each word is accounted for."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from tests.support.oracle import Account, speak
from tests.support.relay import Relay, relay
from tests.support.traveller import Traveller

SESSION_S = (15.0, 120.0)
"""How long a session lasts."""
CUT_SHARE, CUT_S = 0.4, (5.0, 25.0)
"""So many sessions are cut off now and then, after as long each time."""
LEFT_SHARE = 0.15
"""So many speakers vanish in the middle and never come back."""
WORD_S = 0.85
"""What a word takes with its pauses, at most on average."""
FAULTS = ("lost", "doubled", "reordered", "leaked", "garbled", "mistimed", "misplaced")


@dataclass(slots=True)
class Tally:
    """What became of all sessions so far."""

    sessions: int = 0
    finished: int = 0
    left: int = 0
    """Of their own will, in the middle."""
    failed: list[str] = field(default_factory=list)
    """Sessions that did not come to their end, and why."""
    codes: Counter[int | None] = field(default_factory=Counter)
    """How connections ended."""
    words: int = 0
    """Said in sessions that were finished."""
    faults: Counter[str] = field(default_factory=Counter)
    """By kind, transcript and translation together."""
    lags_ms: list[float] = field(default_factory=list)
    """Of the words committed since this was emptied last."""

    def enter(self, traveller: Traveller) -> None:
        """A session that was spoken to its end."""
        self.finished += 1
        self.codes.update(traveller.codes)
        self.words += len(traveller.stream.words)
        for account in traveller.accounts:
            self.faults.update(dict(_faults(account)))

    @property
    def reconnects(self) -> int:
        """Of finished sessions."""
        return self.codes.total() - self.finished

    def enter_left(self, traveller: Traveller) -> None:
        """One that was left: what it was not told may still have been on its way."""
        self.left += 1
        for account in traveller.accounts:
            self.faults.update({kind: n for kind, n in _faults(account) if kind != "lost"})


class Speakers(ABC):
    """So many at a time, each of them one session after the other."""

    def __init__(self, streams: int, seed: int, session_s: tuple[float, float]) -> None:
        """`session_s`: how long a session lasts, at least and at most."""
        self.tally = Tally()
        self._streams = streams
        self._seed = seed
        self._session_s = session_s
        self._names = count(1)

    async def speak_until(self, end_s: float) -> None:
        """On the monotonic clock; the last sessions have come to their end by about then."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._streams):
                rng = random.Random(f"{self._seed}.{number}")
                group.create_task(self._one_after_the_other(rng, end_s))

    async def _one_after_the_other(self, rng: random.Random, end_s: float) -> None:
        await asyncio.sleep(rng.uniform(0, 5))
        while (left_s := end_s - time.monotonic()) > self._session_s[0]:
            await self.session(rng, min(rng.uniform(*self._session_s), left_s))
            await asyncio.sleep(rng.uniform(0, 2))

    @abstractmethod
    async def session(self, rng: random.Random, lasts_s: float) -> bool:
        """One of them; whether it came to its end, and exactly so."""

    def traveller(self, url: str, lasts_s: float) -> Traveller:
        """Who speaks in the next session."""
        words = max(3, round(lasts_s / WORD_S))
        stream = speak(next(self._names), words, seed=self._seed)
        self.tally.sessions += 1
        return Traveller(url, stream, lags_ms=self.tally.lags_ms)


class Crowd(Speakers):
    """Some are cut off now and then, and some leave."""

    def __init__(self, url: str, streams: int, seed: int) -> None:
        super().__init__(streams, seed, SESSION_S)
        self.live = 0
        self._url = url

    async def session(self, rng: random.Random, lasts_s: float) -> bool:
        """One of them; whether it came to its end, and exactly so."""
        leaves_s = rng.uniform(3, lasts_s) if rng.random() < LEFT_SHARE else None
        cuts = rng.random() < CUT_SHARE
        async with relay(self._url) as way:
            traveller = self.traveller(way.url, lasts_s)
            self.live += 1
            cutting = asyncio.create_task(_cut(way, rng)) if cuts else None
            try:
                return await self._travel(traveller, leaves_s)
            finally:
                self.live -= 1
                if cutting is not None:
                    cutting.cancel()
                    with suppress(asyncio.CancelledError):
                        await cutting

    async def _travel(self, traveller: Traveller, leaves_s: float | None) -> bool:
        try:
            async with asyncio.timeout(leaves_s) as leaving:
                await traveller.travel()
        except Exception as error:
            if leaving.expired():
                self.tally.enter_left(traveller)
            else:
                self.tally.failed.append(f"session {traveller.stream.session}: {error!r}")
            return False
        self.tally.enter(traveller)
        return traveller.exact


async def _cut(way: Relay, rng: random.Random) -> None:
    while True:
        await asyncio.sleep(rng.uniform(*CUT_S))
        way.cut()


def _faults(account: Account) -> Iterator[tuple[str, int]]:
    for kind in FAULTS:
        if found := len(getattr(account, kind)):
            yield kind, found
