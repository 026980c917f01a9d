"""Taking a session up again on another replica: what the token says and what the client holds.

The client replays its audio from `ResumePoint.acked` and tells which segments it was told of that
were not yet acknowledged. VAD frames then fall on the same samples as before, so the utterances are
the same; held text is forced in front of what is decoded, so nothing is told twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployments.types import VAD_FRAME_SAMPLES
from serve_app.session.segments import Segment

TargetChange = tuple[int, tuple[str, ...]]
"""From which sample on segments are translated into which languages."""

Said = tuple[str, int]
"""Committed text, and the sample where its last word ends."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What a session that goes on at a sample must know of what was before it."""

    acked: int
    """First sample to replay: a whole number of VAD frames before `exact`."""
    exact: int
    """Everything before this sample is committed and translated."""
    utterance_start: int | None
    """Start of the utterance that goes on here; None where none does."""
    language: str | None
    """Of that utterance, where it is known."""
    targets: tuple[TargetChange, ...]
    """Oldest first; the first one holds at `acked`."""
    said: Said | None = None
    """The last words before `exact` in that utterance: a window that begins there may hear their
    end again."""
    usual_language: str | None = None
    """Of the utterances before."""
    context: str = ""
    """What was said in them, as far as it is context."""

    @classmethod
    def beginning(cls, targets: tuple[str, ...]) -> ResumePoint:
        """Before the first sample."""
        return cls(acked=0, exact=0, utterance_start=None, language=None, targets=((0, targets),))


@dataclass(frozen=True, slots=True)
class HeldTranslation:
    """What the client was told of a segment's translation."""

    target: str
    text: str
    closed: bool
    """Whether it is all of it."""


@dataclass(frozen=True, slots=True)
class HeldSegment:
    """A segment that the client was told of before it was cut off."""

    segment: Segment
    closed: bool
    """False where more words may still join it."""
    translations: tuple[HeldTranslation, ...] = ()

    @property
    def translated(self) -> frozenset[str]:
        """Targets whose whole translation the client has."""
        return frozenset(one.target for one in self.translations if self.closed and one.closed)

    @property
    def begun(self) -> tuple[HeldTranslation, ...]:
        """Translations of which the client has a part."""
        return tuple(one for one in self.translations if one.target not in self.translated)


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a session is taken up again."""

    point: ResumePoint
    held: tuple[HeldSegment, ...] = ()
    """In order; only the last may be open."""

    @property
    def held_until(self) -> int:
        """End of all text that the client holds."""
        return max((held.segment.end for held in self.held), default=self.point.exact)

    @property
    def closed_until(self) -> int:
        """End of the segments that are held and complete."""
        return max((one.segment.end for one in self.held if one.closed), default=self.point.exact)

    def covers(self, begin: int, end: int) -> bool:
        """Whether the client holds all text between two samples, because it holds later text."""
        return any(held.segment.start >= end > begin for held in self.held)

    def begun_within(self, begin: int, end: int) -> tuple[HeldSegment, ...]:
        """The held segments that begin between two samples."""
        return tuple(held for held in self.held if begin <= held.segment.start < end)

    def held_from(self, sample: int) -> tuple[HeldSegment, ...]:
        """The held segments that end after a sample."""
        return tuple(held for held in self.held if held.segment.end > sample)


def on_frame(sample: int) -> int:
    """The VAD frame that a sample lies in begins here."""
    return sample - sample % VAD_FRAME_SAMPLES


def targets_at(changes: tuple[TargetChange, ...], sample: int) -> tuple[str, ...]:
    """The languages that a segment which begins at a sample is translated into."""
    return next(targets for begin, targets in reversed(changes) if begin <= sample)


def changes_since(changes: tuple[TargetChange, ...], sample: int) -> tuple[TargetChange, ...]:
    """Without those that no segment from a sample on can meet any more."""
    first = max(index for index, (begin, _) in enumerate(changes) if begin <= sample)
    return changes[first:]


def utterance_name(session_id: str, start: int) -> str:
    """An utterance is known by where it starts."""
    return f"{session_id}.u{start}"


def utterance_start(name: str) -> int:
    """The counterpart of `utterance_name`; ValueError for other texts."""
    return int(name.rpartition(".u")[2])
