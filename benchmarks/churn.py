"""Sessions that come and go, paced, cut off and resumed, or left; each word is accounted for."""

from __future__ import annotations

import asyncio
import random
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


class Crowd:
    """So many speakers at a time, each of them one session after the other."""

    def __init__(self, url: str, streams: int, seed: int) -> None:
        self.tally = Tally()
        self.live = 0
        self._url = url
        self._streams = streams
        self._seed = seed
        self._names = count(1)

    async def speak_until(self, end_s: float) -> None:
        """On the loop's clock; the last sessions have come to their end by then."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._streams):
                rng = random.Random(f"{self._seed}.{number}")
                group.create_task(self._one_after_the_other(rng, end_s))

    async def _one_after_the_other(self, rng: random.Random, end_s: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(rng.uniform(0, 5))
        async with relay(self._url) as way:
            while (left_s := end_s - loop.time()) > SESSION_S[0]:
                lasts_s = min(rng.uniform(*SESSION_S), left_s)
                await self._session(way, rng, lasts_s)
                await asyncio.sleep(rng.uniform(0, 2))

    async def _session(self, way: Relay, rng: random.Random, lasts_s: float) -> None:
        stream = speak(next(self._names), round(lasts_s / WORD_S), seed=self._seed)
        traveller = Traveller(way.url, stream, lags_ms=self.tally.lags_ms)
        leaves_s = rng.uniform(3, lasts_s) if rng.random() < LEFT_SHARE else None
        cuts = rng.random() < CUT_SHARE
        self.tally.sessions += 1
        self.live += 1
        cutting = asyncio.create_task(_cut(way, rng)) if cuts else None
        try:
            async with asyncio.timeout(leaves_s) as leaving:
                await traveller.travel()
            self.tally.enter(traveller)
        except Exception as error:
            if leaving.expired():
                self.tally.enter_left(traveller)
            else:
                self.tally.failed.append(f"session {stream.session}: {error!r}")
        finally:
            self.live -= 1
            if cutting is not None:
                cutting.cancel()
                with suppress(asyncio.CancelledError):
                    await cutting


async def _cut(way: Relay, rng: random.Random) -> None:
    while True:
        await asyncio.sleep(rng.uniform(*CUT_S))
        way.cut()


def _faults(account: Account) -> Iterator[tuple[str, int]]:
    for kind in FAULTS:
        if found := len(getattr(account, kind)):
            yield kind, found
