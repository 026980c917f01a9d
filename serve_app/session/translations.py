"""Each closed segment, once per target, in order, whatever order the translations come back in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from serve_app.session.segments import Segment


@dataclass(slots=True)
class _Awaited:
    """A segment on its way to being translated."""

    segment: Segment
    missing: set[str]
    """Targets without an outcome yet."""


@dataclass(frozen=True, slots=True)
class Translation:
    """One segment in one target language; text is None where it could not be translated."""

    segment: Segment
    target: str
    text: str | None


@dataclass(slots=True)
class TranslationOrder:
    """Holds early answers back until all earlier segments of the same target are out."""

    _queues: dict[str, deque[Segment]] = field(default_factory=dict)
    _answers: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _awaited: deque[_Awaited] = field(default_factory=deque)

    @property
    def pending(self) -> int:
        """How many segments still lack a translation."""
        return len(self._awaited)

    @property
    def oldest_pending(self) -> Segment | None:
        """The oldest segment that still lacks a translation."""
        return self._awaited[0].segment if self._awaited else None

    def expect(self, segment: Segment, targets: Sequence[str]) -> None:
        """A segment was closed and is being translated into the targets."""
        if targets:
            self._awaited.append(_Awaited(segment, set(targets)))
        for target in targets:
            self._queues.setdefault(target, deque()).append(segment)

    def answer(self, segment_id: str, target: str, text: str | None) -> list[Translation]:
        """An outcome came in; what may be told now, in order."""
        self._answers[segment_id, target] = text
        released: list[Translation] = []
        queue = self._queues[target]
        while queue and (queue[0].segment_id, target) in self._answers:
            segment = queue.popleft()
            released.append(
                Translation(segment, target, self._answers.pop((segment.segment_id, target)))
            )
        self._settle(released)
        return released

    def _settle(self, released: list[Translation]) -> None:
        for translation in released:
            for awaited in self._awaited:
                if awaited.segment.segment_id == translation.segment.segment_id:
                    awaited.missing.discard(translation.target)
        while self._awaited and not self._awaited[0].missing:
            self._awaited.popleft()
