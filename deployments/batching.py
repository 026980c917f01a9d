"""Concurrent requests become engine batches; knows no stage, no model and no Ray.

Serve's own `@serve.batch` is not used: it cannot run in Serve's local testing mode, it holds
back requests that have already waited for the batch before, and it has no answer that fails for
one request alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from deployments.settings import StageSettings
from deployments.types import EngineError

MAX_ONGOING_REQUESTS = 1_024
"""Requests that a replica holds at a time: those in the batch and those that wait for the next."""

# A bad request fails alone and proves nothing; failing batch after batch does.
_FAILURES_UNTIL_UNHEALTHY = 3

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_Request, _Answer]):
    request: _Request
    answer: asyncio.Future[_Answer]


class Batcher(Generic[_Request, _Answer]):
    """Runs an engine's batches one at a time, in a thread, so that the event loop stays free.

    The first request after a rest waits `batch_wait_s` for company; whatever comes while a batch
    runs makes up the next one, oldest first.
    """

    def __init__(
        self, run: Callable[[Sequence[_Request]], list[_Answer]], settings: StageSettings
    ) -> None:
        self._run = run
        self._max_batch_size = settings.max_batch_size
        self._wait_s = settings.batch_wait_s
        self._waiting: deque[_Waiting[_Request, _Answer]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._failures = 0

    async def ask(self, request: _Request) -> _Answer:
        """The answer to one request; raises EngineError, for this request alone."""
        waiting: _Waiting[_Request, _Answer] = _Waiting(
            request, asyncio.get_running_loop().create_future()
        )
        self._waiting.append(waiting)
        if self._worker is None:
            # A fresh context: the worker outlives the request that happens to start it.
            self._worker = asyncio.create_task(self._work(), context=contextvars.Context())
        return await waiting.answer

    def check_health(self) -> None:
        """Raise RuntimeError where the engine answers nothing any more."""
        if self._failures >= _FAILURES_UNTIL_UNHEALTHY:
            raise RuntimeError(f"the engine failed {self._failures} batches in a row")

    async def _work(self) -> None:
        try:
            if len(self._waiting) < self._max_batch_size:
                await asyncio.sleep(self._wait_s)
            while batch := self._next_batch():
                requests = [waiting.request for waiting in batch]
                answers = await asyncio.to_thread(run_apart, self._run, requests)
                failed = all(isinstance(answer, Exception) for answer in answers)
                self._failures = self._failures + 1 if failed else 0
                for waiting, answer in zip(batch, answers, strict=True):
                    _settle(waiting.answer, answer)
        finally:
            self._worker = None

    def _next_batch(self) -> list[_Waiting[_Request, _Answer]]:
        """The oldest requests that somebody still waits for."""
        alive = [waiting for waiting in self._waiting if not waiting.answer.done()]
        self._waiting = deque(islice(alive, self._max_batch_size, None))
        return alive[: self._max_batch_size]


def run_apart(
    run: Callable[[Sequence[_Request]], list[_Answer]], requests: Sequence[_Request]
) -> list[_Answer | Exception]:
    """Run a batch; where that fails, run its requests one by one, so that only the bad fail."""
    try:
        answers = run(requests)
        if len(answers) != len(requests):
            raise RuntimeError(f"{len(answers)} answers to {len(requests)} requests")
        return list(answers)
    except Exception as error:
        logger.exception("a batch of %d requests failed", len(requests))
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
