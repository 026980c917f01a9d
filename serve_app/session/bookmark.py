"""How far a session is dealt with, and what another replica must know to go on from there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the audio a session may be taken up."""

    exact: int
    utterance_start: int | None = None
    language: str | None = None


class Bookmark:
    """Moves forward as audio is dealt with."""

    def __init__(self, beginning: ResumePoint) -> None:
        self._point = beginning
        self._targets = beginning.targets
        self._said: deque[Said] = deque([beginning.said] if beginning.said else [])
        self._places: dict[str, _Place] = {}

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

    def note_closed(self, segment: Segment, heard_from: int) -> None:
        """A segment is complete; to hear it again, its utterance is heard from a sample on."""
        newest = " ".join(segment.text.split()[-MAX_REPEATED_WORDS:])
        self._said.append((newest, segment.end))
        self._places[segment.segment_id] = _Place(
            min(heard_from, segment.start),
            utterance_start(segment.utterance_id),
            segment.language,
        )

    def move(
        self,
        first_needed: int,
        untranslated: Segment | None,
        going_on: Utterance | None,
        memory: Memory,
        *,
        audio_end: int | None,
        least_gain: int,
    ) -> bool:
        """All before `first_needed` is committed, and translated but for what is `untranslated`.

        Moves only where it acknowledges so many samples. `audio_end` is None while more may come.
        """
        place = self._place(first_needed, untranslated, going_on)
        at_end = place.exact == audio_end and place.utterance_start is None
        acked = place.exact if at_end else on_frame(place.exact)
        if acked - self._point.acked < least_gain:
            return False
        start = place.utterance_start
        hints = memory.hints_at(place.exact if start is None else start)
        said = self._said_before(place.exact)
        self._forget_places_before(untranslated)
        self._point = ResumePoint(
            acked=acked,
            exact=place.exact,
            utterance_start=start,
            language=place.language,
            targets=self._targets,
            said=None if start is None else said,
            usual_language=hints.usual_language,
            context=hints.context,
        )
        return True

    def _place(
        self, first_needed: int, untranslated: Segment | None, going_on: Utterance | None
    ) -> _Place:
        if untranslated is not None:
            place = self._places[untranslated.segment_id]
            if place.exact <= first_needed:
                return place
        if going_on is not None and going_on.resumable_from == first_needed:
            return _Place(first_needed, going_on.start, going_on.language)
        return _Place(first_needed)

    def _forget_places_before(self, untranslated: Segment | None) -> None:
        """Segments close in the order in which they wait for their translations."""
        while self._places:
            oldest = next(iter(self._places))
            if untranslated is not None and oldest == untranslated.segment_id:
                return
            del self._places[oldest]

    def _said_before(self, sample: int) -> Said | None:
        while len(self._said) > 1 and self._said[1][1] <= sample:
            self._said.popleft()
        first = self._said[0] if self._said else None
        return first if first is not None and first[1] <= sample else None
