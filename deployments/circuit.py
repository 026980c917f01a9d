"""Whether a stage is worth asking, as one process finds it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from deployments.types import (
    DeadlyRequestError,
    EngineError,
    EngineStuckError,
    StageUnavailableError,
    Terms,
)

FAILURES = 3
"""So many calls without an answer, one after the other, open the circuit."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Until one call tries an open circuit: twice as long after each that fails."""
POLL_S = 0.1
ANSWER_SHARE = 0.9
"""So much of the time for a call the stage has itself: then it can still say how far it is."""
SUSPECT_PAUSE_S = 2.0
"""So much later a call that a stage may be stuck with tries an open circuit: others go first."""
AWAY_S = 10.0
"""Nobody knows how a stage is that nobody has tried for so long after a pause."""

T = TypeVar("T")

logger = logging.getLogger("ray.serve")


@dataclass(slots=True)
class Doubt:
    """Whether a stage may be stuck with what one asks of it, call after call."""

    answers: int | None = None
    """How many answers of the stage there had been when a call about it got none."""


class Circuit:
    """Of one stage: while it does not answer, calls fail at once or wait, and one at a time tries.

    So a stage that is back is not met by all that was asked of it meanwhile, and what is volatile
    makes room for what is not.
    """

    def __init__(self, stage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage = stage
        self._clock = clock
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._try_at_s: float | None = None
        """None while the circuit is closed, as it is when all is well."""
        self._trying = False
        self._answers = 0
        self._first = nullcontext()
        self._alone = asyncio.Lock()

    @property
    def is_away(self) -> bool:
        """Whether the stage was asked lately and did not answer."""
        return self._try_at_s is not None and self._clock() < self._try_at_s + AWAY_S

    async def ask(
        self,
        call: Callable[[Terms], Awaitable[T]],
        limit_s: float,
        patience_s: float = 0.0,
        doubt: Doubt | None = None,
    ) -> T:
        """The answer to a call that may take so long; with patience it is made again and again.

        A stage may be stuck with what it was asked, and says so of all that it was at work on. What
        got no answer is asked again by itself, after others, and not a third time where these got
        answers. `doubt` is what is known of that from earlier calls about the same.

        Raises what the call raises, TimeoutError, StageUnavailableError without a call, or
        DeadlyRequestError.
        """
        until_s = self._clock() + patience_s
        doubt = doubt or Doubt()
        while True:
            try:
                async with self._first if doubt.answers is None else self._alone:
                    await self._turn(until_s, doubt)
                    return await self._try(call, limit_s, doubt)
            except (StageUnavailableError, EngineStuckError, TimeoutError):
                if self._clock() >= until_s:
                    raise
            await asyncio.sleep(FIRST_PAUSE_S)

    async def _turn(self, until_s: float, doubt: Doubt) -> None:
        while not self._lets_pass(doubt):
            if self._clock() >= until_s:
                raise StageUnavailableError(f"{self._stage} does not answer")
            await asyncio.sleep(POLL_S)

    def _lets_pass(self, doubt: Doubt) -> bool:
        if self._try_at_s is None:
            return True
        pause_s = 0.0 if doubt.answers is None else SUSPECT_PAUSE_S
        return not self._trying and self._clock() >= self._try_at_s + pause_s

    async def _try(self, call: Callable[[Terms], Awaitable[T]], limit_s: float, doubt: Doubt) -> T:
        terms = Terms(ANSWER_SHARE * limit_s, alone=doubt.answers is not None)
        tries = self._try_at_s is not None
        self._trying |= tries
        try:
            # Not wait_for, which in Python 3.11 can lose a cancellation.
            async with asyncio.timeout(limit_s):
                answer = await call(terms)
        except StageUnavailableError as error:
            self._note_failure(error)
            raise
        except (EngineStuckError, TimeoutError) as error:
            self._note_failure(error, stuck=doubt.answers is not None)
            # A silent stage proves nothing where it was silent before.
            if isinstance(error, EngineStuckError) or not tries:
                self._suspect(doubt)
            raise
        except EngineError:
            self._note_answer(doubt)
            raise
        else:
            self._note_answer(doubt)
            return answer
        finally:
            if tries:
                self._trying = False

    def _suspect(self, doubt: Doubt) -> None:
        if doubt.answers is None:
            doubt.answers = self._answers
        elif self._answers > doubt.answers:
            raise DeadlyRequestError(
                f"{self._stage} did not answer this twice, and others in between"
            ) from None

    def _note_failure(self, error: Exception, *, stuck: bool = False) -> None:
        self._failures += 1
        if self._failures < FAILURES and not stuck:
            return
        if self._try_at_s is None:
            logger.warning("%s is away: %s", self._stage, str(error) or "no answer in time")
        self._try_at_s = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _note_answer(self, doubt: Doubt) -> None:
        if self._try_at_s is not None:
            logger.info("%s is back", self._stage)
        self._answers += 1
        self._failures, self._pause_s, self._try_at_s = 0, FIRST_PAUSE_S, None
        doubt.answers = None
