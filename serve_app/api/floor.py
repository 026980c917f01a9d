"""The live sessions of a replica: how all of them, or one that lasted too long, are seen off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from deployments.background import outliving
from serve_app.errors import UnavailableError
from serve_app.runner import SessionRunner
from serve_app.session import effects as fx

FINISH_S = 5.0
"""For what was said last: a session whose client cannot go on elsewhere has heard all by then."""

SHUTDOWN, AGE = "shutdown", "age"
"""Reasons in `go_away`."""


class DrainingError(UnavailableError):
    """This replica takes no new sessions, others do."""

    code = "draining"
    retry_after_s = 1


class Manner(Enum):
    """How the client of a door goes on when its session is let go."""

    RESUMES = "resumes"
    """It takes the session up again at once, and replays what is not committed."""
    RECONNECTS = "reconnects"
    """It opens another session; so this one ends between two utterances, where it can."""
    STAYS = "stays"
    """It cannot go on; so it keeps its session as long as there is time."""


@dataclass(eq=False, slots=True)
class Seat:
    """A session that is open."""

    runner: SessionRunner
    manner: Manner
    session_id: str
    leaving: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Floor:
    """Who is here, until when."""

    def __init__(self) -> None:
        self._seats: set[Seat] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        """Whether the replica goes, and takes nobody in."""

    @property
    def count(self) -> int:
        """Sessions that are open."""
        return len(self._seats)

    def admit(self) -> None:
        """Raise DrainingError where a new session must go elsewhere."""
        if self.draining:
            raise DrainingError(
                "This replica is being replaced and takes no new sessions. Connect again: another "
                "one answers."
            )

    def count_of(self, session_id: str) -> int:
        """Connections of one session that are open here."""
        return sum(seat.session_id == session_id for seat in self._seats)

    @contextmanager
    def take(self, seat: Seat, max_age_s: float | None = None) -> Iterator[None]:
        """A session is open, and asked to move on after so long, where its client can."""
        self._seats.add(seat)
        if max_age_s is not None and seat.manner is not Manner.STAYS:
            self._spawn(_move_on(seat, max_age_s))
        try:
            yield
        finally:
            self._seats.discard(seat)
            seat.gone.set()

    async def drain(self, within_s: float) -> int:
        """See everybody off; returns when all are gone or time is over, with how many are left."""
        self.draining = True
        leaving = [asyncio.create_task(see_off(one, SHUTDOWN, within_s)) for one in self._seats]
        if leaving:
            await asyncio.wait(leaving, timeout=within_s)
        return self.count

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = outliving(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _move_on(seat: Seat, age_s: float) -> None:
    await _gone_within(seat, age_s)
    await see_off(seat, AGE, FINISH_S * 2)


async def see_off(seat: Seat, reason: str, within_s: float) -> None:
    """Tell a session to go, as its client can bear it, and wait until it is gone."""
    if seat.leaving or seat.gone.is_set():
        await seat.gone.wait()
        return
    seat.leaving = True
    last_words_s = min(FINISH_S, within_s / 2)
    # The last of it is for what the client is still to read.
    within_s -= last_words_s / 5
    seat.runner.tell(fx.GoAway(reason, round(within_s * 1000)))
    match seat.manner:
        case Manner.RESUMES:
            seat.runner.tell(fx.Leave.COMMITTED)
        case Manner.RECONNECTS:
            seat.runner.tell(fx.Leave.AT_PAUSE)
    await _gone_within(seat, within_s - last_words_s)
    seat.runner.tell(fx.Leave.HEARD)
    await _gone_within(seat, last_words_s)
    seat.runner.tell(fx.Leave.AT_ONCE)
    await seat.gone.wait()


async def _gone_within(seat: Seat, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await seat.gone.wait()
    except TimeoutError:
        return
