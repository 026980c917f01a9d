"""Whether a stage is worth asking, as one process finds it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deployments.types import EngineError, StageUnavailableError

FAILURES = 3
"""So many calls without an answer, one after the other, open the circuit."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Until one call tries an open circuit: twice as long after each that fails."""
POLL_S = 0.1
AWAY_S = 10.0
"""Nobody knows how a stage is that nobody has tried for so long after a pause."""

T = TypeVar("T")

logger = logging.getLogger("ray.serve")


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

    @property
    def is_away(self) -> bool:
        """Whether the stage was asked lately and did not answer."""
        return self._try_at_s is not None and self._clock() < self._try_at_s + AWAY_S

    @property
    def _passable(self) -> bool:
        if self._try_at_s is None:
            return True
        return not self._trying and self._clock() >= self._try_at_s

    async def ask(
        self, call: Callable[[], Awaitable[T]], limit_s: float, patience_s: float = 0.0
    ) -> T:
        """The answer to a call that may take so long; with patience it is made again and again.

        Raises what the call raises, TimeoutError, or StageUnavailableError without a call.
        """
        until_s = self._clock() + patience_s
        while True:
            try:
                await self._turn(until_s)
                return await self._try(call, limit_s)
            except (StageUnavailableError, TimeoutError):
                if self._clock() >= until_s:
                    raise
            await asyncio.sleep(FIRST_PAUSE_S)

    async def _turn(self, until_s: float) -> None:
        while not self._passable:
            if self._clock() >= until_s:
                raise StageUnavailableError(f"{self._stage} does not answer")
            await asyncio.sleep(POLL_S)

    async def _try(self, call: Callable[[], Awaitable[T]], limit_s: float) -> T:
        alone = self._try_at_s is not None
        self._trying |= alone
        try:
            # Not wait_for, which in Python 3.11 can lose a cancellation.
            async with asyncio.timeout(limit_s):
                answer = await call()
        except (StageUnavailableError, TimeoutError) as error:
            self._note_failure(error)
            raise
        except EngineError:
            self._note_answer()
            raise
        else:
            self._note_answer()
            return answer
        finally:
            if alone:
                self._trying = False

    def _note_failure(self, error: Exception) -> None:
        self._failures += 1
        if self._failures < FAILURES:
            return
        if self._try_at_s is None:
            logger.warning("%s is away: %s", self._stage, str(error) or "no answer in time")
        self._try_at_s = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _note_answer(self) -> None:
        if self._try_at_s is not None:
            logger.info("%s is back", self._stage)
        self._failures, self._pause_s, self._try_at_s = 0, FIRST_PAUSE_S, None
