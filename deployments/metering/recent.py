"""What the last few seconds of a stage's replica say about its load."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from deployments.scaling import BACKLOG, USED, WAIT

OF_LATE_S = 3.0


@dataclass(slots=True)
class _Batch:
    begun_s: float
    waits_s: Sequence[float]
    took_s: float | None = None
    """None while it runs."""


class RecentBatches:
    """Batches one after the other; all times on the event loop's clock."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._batches: deque[_Batch] = deque()

    def begun(self, now_s: float, waits_s: Sequence[float]) -> None:
        """A batch begins, of requests that waited so long."""
        self._forget(now_s)
        self._batches.append(_Batch(now_s, waits_s))

    def ran(self, took_s: float) -> None:
        """The batch that began last has ended."""
        self._batches[-1].took_s = took_s

    def load(self, now_s: float, *, backlog_s: float, oldest_s: float) -> dict[str, float]:
        """Mean wait and use of late; a request that waits counts as old as it is."""
        self._forget(now_s)
        waits_s = [wait_s for batch in self._batches for wait_s in batch.waits_s]
        if oldest_s:
            waits_s.append(oldest_s)
        used_s = sum(self._used_s(batch, now_s) for batch in self._batches)
        return {
            WAIT: sum(waits_s) / len(waits_s) if waits_s else 0.0,
            BACKLOG: backlog_s,
            USED: min(1.0, used_s / OF_LATE_S),
        }

    def _used_s(self, batch: _Batch, now_s: float) -> float:
        took_s = now_s - batch.begun_s if batch.took_s is None else batch.took_s
        return took_s * len(batch.waits_s) / self._max_size

    def _forget(self, now_s: float) -> None:
        while self._batches and now_s - self._batches[0].begun_s > OF_LATE_S:
            if self._batches[0].took_s is None:
                return
            self._batches.popleft()


class RecentAnswers:
    """Answers of an engine whose queue is out of sight; all times on the event loop's clock."""

    def __init__(self, max_together: int) -> None:
        self._max_together = max_together
        self._begun_s: dict[int, float] = {}
        self._answers: deque[tuple[float, float]] = deque()
        self._next = 0

    def begun(self, now_s: float) -> int:
        """A request goes to the engine; returns its number."""
        self._next += 1
        self._begun_s[self._next] = now_s
        return self._next

    def ended(self, now_s: float, number: int) -> float:
        """A request was answered or given up; returns how long that took."""
        took_s = now_s - self._begun_s.pop(number)
        self._answers.append((now_s, took_s))
        return took_s

    def load(self, now_s: float) -> dict[str, float]:
        """The mean time to an answer stands for the wait, which nobody sees."""
        while self._answers and now_s - self._answers[0][0] > OF_LATE_S:
            self._answers.popleft()
        took_s = [took_s for _, took_s in self._answers]
        if self._begun_s:
            took_s.append(now_s - min(self._begun_s.values()))
        return {
            WAIT: sum(took_s) / len(took_s) if took_s else 0.0,
            BACKLOG: 0.0,
            USED: min(1.0, len(self._begun_s) / self._max_together),
        }
