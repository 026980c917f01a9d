"""Concurrent requests become engine batches; knows no stage, no model and no Ray.

Serve's own `@serve.batch` is not used: it cannot run in Serve's local testing mode, it holds
back requests that have already waited for the batch before, and it has no answer that fails for
one request alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployments.background import outliving
from deployments.gpu_errors import is_gpu_failure
from deployments.metering.recent import RecentBatches
from deployments.metering.stage import StageMeter
from deployments.settings import StageSettings
from deployments.types import (
    NO_TERMS,
    EngineError,
    EngineLostError,
    EngineStuckError,
    StageUnavailableError,
    Terms,
)

MAX_ONGOING_REQUESTS = 1_024
"""Requests that a replica holds at a time: those in the batch and those that wait for the next."""

_FAILURES_UNTIL_UNHEALTHY = 3

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[_Request, _Answer]):
    request: _Request
    answer: asyncio.Future[_Answer]
    asked_s: float
    """When it came, on the loop's clock."""
    since_s: float
    """When what the request is about began to wait, on the loop's clock."""
    shape: Hashable


class Batcher(Generic[_Request, _Answer]):
    """Runs an engine's batches one at a time, in a thread, so that the event loop stays free.

    The first request after a rest waits `batch_wait_s` for company; of what comes while a batch
    runs, the next one is made up of that which has waited longest and those that are decoded
    together with it. So none waits for the slow work of another kind, and none is passed over.
    """

    def __init__(
        self,
        run: Callable[[Sequence[_Request]], list[_Answer]],
        settings: StageSettings,
        known_good: _Request,
        *,
        shape: Callable[[_Request], Hashable] = lambda _: None,
        waited_s: Callable[[_Request], float] = lambda _: 0.0,
        audio_s: Callable[[_Request], float] = lambda _: 0.0,
        terms: Callable[[_Request], Terms] = lambda _: NO_TERMS,
        meter: StageMeter | None = None,
    ) -> None:
        """`known_good` is a request that a sound engine answers, `shape` is equal for requests that
        are answered together, `waited_s` says how long what a request is about had waited before it
        came, `audio_s` how much audio it has, and `terms` how it is to be dealt with."""
        self._run = run
        self._known_good = known_good
        self._shape = shape
        self._waited_s = waited_s
        self._audio_s = audio_s
        self._terms = terms
        self._meter = meter
        self._max_batch_size = settings.max_batch_size
        self._wait_s = settings.batch_wait_s
        self._hang_s = settings.hang_s
        self._running: Sequence[_Waiting[_Request, _Answer]] = ()
        self._running_since_s: float | None = None
        self._waiting: list[_Waiting[_Request, _Answer]] = []
        self._worker: asyncio.Task[None] | None = None
        self._failures = 0
        self._lost: EngineLostError | None = None
        self._recent = RecentBatches(settings.max_batch_size)

    async def ask(self, request: _Request) -> _Answer:
        """The answer to one request.

        Raises EngineError, for this request alone; after `Terms.within_s` EngineStuckError, or
        StageUnavailableError where its turn has not come; or EngineLostError where the engine's GPU
        has failed and nothing will be answered again.
        """
        loop, terms = asyncio.get_running_loop(), self._terms(request)
        waiting: _Waiting[_Request, _Answer] = _Waiting(
            request,
            loop.create_future(),
            asked_s=loop.time(),
            since_s=loop.time() - self._waited_s(request),
            shape=object() if terms.alone else self._shape(request),
        )
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = outliving(self._work())
        try:
            async with asyncio.timeout(terms.within_s):
                return await waiting.answer
        except TimeoutError:
            if waiting in self._running:
                raise EngineStuckError("the engine was asked this and does not answer") from None
            raise StageUnavailableError("the engine is still at work on something else") from None

    def check_health(self) -> None:
        """Raise RuntimeError where the engine answers nothing any more."""
        if self._lost is not None:
            raise RuntimeError(str(self._lost))
        if self._running_since_s is not None:
            taken_s = time.monotonic() - self._running_since_s
            if taken_s > self._hang_s:
                raise RuntimeError(f"the engine has not answered for {taken_s:.0f} s: it hangs")
        if self._failures >= _FAILURES_UNTIL_UNHEALTHY:
            raise RuntimeError(
                f"the engine failed {self._failures} batches in a row, and a request that is known "
                "to be good after them"
            )

    def load(self) -> dict[str, float]:
        """What the autoscaler is told; see scaling.py."""
        now_s = asyncio.get_running_loop().time()
        oldest_s = max((now_s - waiting.asked_s for waiting in self._waiting), default=0.0)
        return self._recent.load(now_s, backlog_s=self.backlog_s(), oldest_s=oldest_s)

    def backlog_s(self) -> float:
        """How long all that waits has waited, added up."""
        now_s = asyncio.get_running_loop().time()
        return sum(now_s - waiting.since_s for waiting in self._waiting)

    async def _work(self) -> None:
        try:
            if len(self._waiting) < self._max_batch_size:
                await asyncio.sleep(self._wait_s)
            while batch := self._next_batch():
                requests = [waiting.request for waiting in batch]
                begun_s = self._note_begin(batch)
                self._running, self._running_since_s = batch, time.monotonic()
                answers = await asyncio.to_thread(run_apart, self._run, requests)
                self._running, self._running_since_s = (), None
                self._note_end(begun_s, requests)
                await self._judge(answers)
                for waiting, answer in zip(batch, answers, strict=True):
                    _settle(waiting.answer, answer)
        finally:
            self._worker = None

    def _note_begin(self, batch: Sequence[_Waiting[_Request, _Answer]]) -> float:
        now_s = asyncio.get_running_loop().time()
        waits_s = [now_s - waiting.asked_s for waiting in batch]
        self._recent.begun(now_s, waits_s)
        if self._meter is not None:
            self._meter.begun(waits_s, self.backlog_s())
        return now_s

    def _note_end(self, begun_s: float, requests: Sequence[_Request]) -> None:
        took_s = asyncio.get_running_loop().time() - begun_s
        self._recent.ran(took_s)
        if self._meter is not None:
            self._meter.ran(took_s, sum(map(self._audio_s, requests)))

    async def _judge(self, answers: Sequence[_Answer | Exception]) -> None:
        """Count failing batches; a bad request, asked again and again, proves nothing, and a GPU
        that has failed is past all counting."""
        lost = next((one for one in answers if isinstance(one, EngineLostError)), None)
        if lost is not None:
            self._lost = lost
            return
        failed = all(isinstance(answer, Exception) for answer in answers)
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= _FAILURES_UNTIL_UNHEALTHY:
            [known] = await asyncio.to_thread(run_apart, self._run, [self._known_good])
            if not isinstance(known, Exception):
                self._failures = 0

    def _next_batch(self) -> list[_Waiting[_Request, _Answer]]:
        """The oldest request that somebody still waits for, and the oldest of its shape."""
        alive = [waiting for waiting in self._waiting if not waiting.answer.done()]
        alive.sort(key=lambda waiting: waiting.since_s)
        alike = [waiting for waiting in alive if waiting.shape == alive[0].shape]
        rest = [waiting for waiting in alive if waiting.shape != alive[0].shape]
        self._waiting = rest + alike[self._max_batch_size :]
        return alike[: self._max_batch_size]


def run_apart(
    run: Callable[[Sequence[_Request]], list[_Answer]], requests: Sequence[_Request]
) -> list[_Answer | Exception]:
    """Run a batch; where that fails, run its requests one by one, so that only the bad fail.

    A GPU that has failed is not asked again.
    """
    try:
        answers = run(requests)
        if len(answers) != len(requests):
            raise RuntimeError(f"{len(answers)} answers to {len(requests)} requests")
        return list(answers)
    except Exception as error:
        logger.exception("a batch of %d requests failed", len(requests))
        if is_gpu_failure(error):
            return [EngineLostError(f"the GPU failed: {error}")] * len(requests)
        if len(requests) == 1:
            return [error]
    return [answer for request in requests for answer in run_apart(run, [request])]


def _settle(future: asyncio.Future[_Answer], answer: _Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, EngineError):
        future.set_exception(answer)
    elif isinstance(answer, Exception):
        error = EngineError(f"{type(answer).__name__}: {answer}")
        error.__cause__ = answer
        future.set_exception(error)
    else:
        future.set_result(answer)
