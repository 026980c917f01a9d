"""How far a session is dealt with, and what another replica must know to go on from there."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from serve_app.session.memory import Memory
from serve_app.session.repeats import MAX_REPEATED_WORDS
from serve_app.session.resume import (
    ResumePoint,
    Said,
    changes_since,
    on_frame,
    targets_at,
    utterance_start,
)
from serve_app.session.segments import Segment
from serve_app.session.utterance import Utterance


class Bookmark:
    """Moves forward as audio is dealt with."""

    def __init__(self, beginning: ResumePoint) -> None:
        self._point = beginning
        self._targets = beginning.targets
        self._closed: deque[Said] = deque([beginning.said] if beginning.said else [])

    @property
    def point(self) -> ResumePoint:
        """Where to take the session up, as things are now."""
        return replace(self._point, targets=changes_since(self._targets, self._point.acked))

    def targets_of(self, segment: Segment) -> tuple[str, ...]:
        """What a segment is translated into."""
        return targets_at(self._targets, segment.start)

    def change_targets(self, since: int, targets: tuple[str, ...]) -> None:
        """Segments that begin at a sample or later are translated into these."""
        if targets != self._targets[-1][1]:
            self._targets = (*self._targets, (since, targets))

    def note_closed(self, segment: Segment) -> None:
        """A segment is complete."""
        newest = " ".join(segment.text.split()[-MAX_REPEATED_WORDS:])
        self._closed.append((newest, segment.end))

    def acked_at(self, exact: int, untranslated: Segment | None, *, at_end: bool) -> int:
        """First sample to replay where all before `exact` is committed."""
        if untranslated is not None and untranslated.start <= exact:
            return on_frame(untranslated.start)
        return exact if at_end else on_frame(exact)

    def gain(self, acked: int) -> int:
        """How many samples a move would acknowledge."""
        return acked - self._point.acked

    def move(
        self,
        acked: int,
        exact: int,
        untranslated: Segment | None,
        open_utterance: Utterance | None,
        memory: Memory,
    ) -> None:
        """All before `exact` is committed, and translated but for what is `untranslated`."""
        start, language = None, None
        if untranslated is not None and untranslated.start <= exact:
            exact = untranslated.start
            start, language = utterance_start(untranslated.utterance_id), untranslated.language
        elif open_utterance is not None and open_utterance.uncommitted_from == exact:
            start, language = open_utterance.start, open_utterance.language
        if start == exact:
            start, language = None, None
        said = self._said_before(exact)
        hints = memory.hints_at(exact if start is None else start)
        self._point = ResumePoint(
            acked=acked,
            exact=exact,
            utterance_start=start,
            language=language,
            targets=self._targets,
            said=None if start is None else said,
            usual_language=hints.usual_language,
            context=hints.context,
        )

    def _said_before(self, sample: int) -> Said | None:
        while len(self._closed) > 1 and self._closed[1][1] <= sample:
            self._closed.popleft()
        first = self._closed[0] if self._closed else None
        return first if first is not None and first[1] <= sample else None
