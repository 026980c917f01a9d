"""What is told of a session to those who only read along: values that merge, knowing no Ray.

A session's text only grows, and a segment is known by where it starts. So a board is not a list of
events but the text itself: the same report twice changes nothing, and a lost one is made good by
the next that says the same and more.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from deployments.tables import Side

MAX_TARGETS = 8
"""Languages that one session is translated into, those that viewers add included."""
SOURCE = ""
"""The lane of what was said; every other lane is a target language."""


@dataclass(frozen=True, slots=True)
class Text:
    """Committed text of one segment in one lane, all of it so far."""

    text: str
    closed: bool
    """Whether it is complete."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A segment in every lane that it is told in."""

    segment_id: str
    utterance_id: str
    start: int
    """First sample, on the session's clock; no two passages of a session share it."""
    start_ms: int
    end_ms: int
    language: str
    said_at_s: float
    """Unix time at which its first word was told: orders passages of several sessions."""
    texts: Mapping[str, Text]

    @property
    def size_bytes(self) -> int:
        """Of its texts in UTF-8."""
        return sum(len(one.text.encode()) for one in self.texts.values())


@dataclass(frozen=True, slots=True)
class Tail:
    """Text that may still change, behind what is committed in its lane."""

    about: str
    """The utterance, in the source lane; else the segment."""
    text: str


@dataclass(frozen=True, slots=True)
class Speech:
    """Whether somebody speaks, and since when."""

    speaking: bool
    at_ms: int
    utterance_id: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What holds at a moment; the next one replaces it whole."""

    targets: tuple[str, ...] = ()
    """Into which the session translates."""
    added: tuple[str, ...] = ()
    """Those of them that the speaker did not ask for: they are there for viewers alone."""
    addable: int = 0
    """How many languages viewers may add to those of the speaker."""
    speech: Speech | None = None
    tails: Mapping[str, Tail] = field(default_factory=dict)
    """By lane; volatile."""
    away: bool = False
    """The speaker's connection is lost; the session may be taken up again."""
    ended: str = ""
    """Why the session has closed, if it has."""
    owner: str = ""
    """The client whose keys may follow the session; empty where only links may."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much text of one session is kept; beyond it the oldest passages go."""

    max_passages: int = 2_000
    max_bytes: int = 512 << 10


class Passages:
    """The newest text of one session, in the order of its audio."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_start: dict[int, Passage] = {}
        self._starts: list[int] = []
        self._size_bytes = 0
        self.complete = True
        """False once something was dropped for lack of room."""

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Passage]:
        return self.since(0)

    def get(self, start: int) -> Passage | None:
        """The passage that begins at a sample."""
        return self._by_start.get(start)

    def since(self, start: int) -> Iterator[Passage]:
        """Those that begin at a sample or later; what is dropped meanwhile is passed over."""
        for at in self._starts[bisect_left(self._starts, start) :]:
            if (passage := self._by_start.get(at)) is not None:
                yield passage

    def put(self, passage: Passage) -> None:
        """Add or replace one; the oldest make room."""
        before = self._by_start.get(passage.start)
        if before is None:
            insort(self._starts, passage.start)
        self._size_bytes += passage.size_bytes - (before.size_bytes if before else 0)
        self._by_start[passage.start] = passage
        while len(self._starts) > 1 and self._is_too_much:
            self.complete = False
            self._drop(self._starts[0])

    def keep(self, wanted: frozenset[int]) -> bool:
        """Drop all that begin elsewhere; whether there were any."""
        unwanted = [start for start in self._starts if start not in wanted]
        for start in unwanted:
            self._drop(start)
        return bool(unwanted)

    @property
    def _is_too_much(self) -> bool:
        limits = self._limits
        return len(self._starts) > limits.max_passages or self._size_bytes > limits.max_bytes

    def _drop(self, start: int) -> None:
        self._starts.remove(start)
        self._size_bytes -= self._by_start.pop(start).size_bytes


class Wish(Enum):
    """What becomes of a viewer's wish for languages."""

    GRANTED = "granted"
    TOO_MANY = "too_many"
    """The owner of the session allows no more."""
    FULL = "full"
    """No session is translated into more than MAX_TARGETS."""
    UNKNOWN = "unknown"
    """There is no such session."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a speaker's replica says of a session."""

    session_id: str
    opened_at_s: float
    """Unix time of the connection that speaks: a later one has the say."""
    passages: tuple[Passage, ...]
    """Those that changed, each whole."""
    scene: Scene
    edition: int = 0
    """As the hub last said."""
    whole: bool = False
    """Whether `passages` are all that this connection knows of."""
    acked_ms: int | None = None
    """Of a connection that took the session up, until the hub knows of it: of what an earlier one
    told, the speaker holds what ends before this and what is among `passages`, and no more."""
    conversation: str = ""
    """Which conversation the session belongs to, if any."""
    side: Side = "host"
    """Whose session it is there."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's answer to a report."""

    taken: bool
    """False: say everything again, the hub knows nothing of this session or has no room for it."""
    superseded: bool = False
    """Another connection speaks for this session now."""
    edition: int = 0
    """To be said again to a hub that knows nothing."""
    wanted: tuple[str, ...] = ()
    """Languages that the session is to have for viewers beside the speaker's own, and no others."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a reader is; of one life of the hub."""

    epoch: str
    version: int


@dataclass(frozen=True, slots=True)
class News:
    """What a reader has not seen yet."""

    seen: Seen
    edition: int
    """Another one where text was withdrawn, because the speaker never got it."""
    complete: bool
    """False where the beginning is no longer kept."""
    whole: bool
    """Whether `passages` replace all that the reader has."""
    passages: tuple[Passage, ...]
    scene: Scene


class Board:
    """All that is kept of one session."""

    def __init__(self, first: Report, limits: Limits, now_s: float) -> None:
        self.passages = Passages(limits)
        self.scene = first.scene
        # Who reads in them has yet to say so to a hub that has just begun.
        self._read_at_s: dict[str, float] = dict.fromkeys(first.scene.added, now_s)
        """By language that is there for viewers: when one was last known to read in it."""
        self.version = 0
        self.conversation = first.conversation
        self.edition = first.edition if first.acked_ms is None else _edition_of(first)
        self._opened_at_s = first.opened_at_s
        self._whole_since = 0
        self._changed: dict[int, int] = {}

    def take(self, report: Report) -> bool:
        """Merge a report; False where it comes from a connection that was replaced."""
        if report.acked_ms is None and report.opened_at_s < self._opened_at_s:
            return False
        self._opened_at_s = report.opened_at_s
        self.version += 1
        if report.acked_ms is not None and self._withdraw(report.acked_ms, report.passages):
            self.edition = _edition_of(report)
            self._whole_since = self.version
        for passage in report.passages:
            if passage != self.passages.get(passage.start):
                self.passages.put(passage)
                self._changed[passage.start] = self.version
        self._forget_dropped()
        self.scene = report.scene
        return True

    def want(self, targets: tuple[str, ...], now_s: float) -> Wish:
        """Viewers read in these languages: have them, all or none, as long as somebody does."""
        own = self._own
        wanted = [target for target in targets if target not in own]
        added = {*self.scene.added, *self._read_at_s}
        if missing := set(wanted) - added:
            if len(own) + len(added) + len(missing) > MAX_TARGETS:
                return Wish.FULL
            if len(added) + len(missing) > self.scene.addable:
                return Wish.TOO_MANY
        self.keep(wanted, now_s)
        return Wish.GRANTED

    def keep(self, languages: Iterable[str], now_s: float) -> None:
        """Somebody reads in these, who needs no leave."""
        self._read_at_s |= dict.fromkeys(languages, now_s)

    def wanted(self, since_s: float) -> tuple[str, ...]:
        """Languages that were read in since then; others are forgotten."""
        self._read_at_s = {t: at_s for t, at_s in self._read_at_s.items() if at_s >= since_s}
        return tuple(target for target in self._read_at_s if target not in self._own)

    @property
    def _own(self) -> frozenset[str]:
        return frozenset(self.scene.targets) - frozenset(self.scene.added)

    def since(self, epoch: str, seen: Seen | None) -> News:
        """What a reader lacks."""
        known = seen is not None and seen.epoch == epoch and seen.version >= self._whole_since
        after = seen.version if seen is not None and known else -1
        changed = sorted(start for start, version in self._changed.items() if version > after)
        return News(
            seen=Seen(epoch, self.version),
            edition=self.edition,
            complete=self.passages.complete,
            whole=not known,
            passages=tuple(p for p in map(self.passages.get, changed) if p is not None),
            scene=self.scene,
        )

    def _withdraw(self, acked_ms: int, held: tuple[Passage, ...]) -> bool:
        """Forget what the speaker never got; whether readers may have seen any of it."""
        told = {passage.start: passage for passage in held}
        cut = any(
            not _goes_on_from(now, before)
            for start, now in told.items()
            if (before := self.passages.get(start)) is not None
        )
        kept = {p.start for p in self.passages if p.end_ms <= acked_ms or p.start in told}
        return self.passages.keep(frozenset(kept)) or cut

    def _forget_dropped(self) -> None:
        if len(self._changed) > len(self.passages):
            self._changed = {
                start: version
                for start, version in self._changed.items()
                if self.passages.get(start) is not None
            }


def _edition_of(report: Report) -> int:
    return int(report.opened_at_s * 1_000)


def _goes_on_from(now: Passage, before: Passage) -> bool:
    return all(
        lane in now.texts and now.texts[lane].text.startswith(one.text)
        for lane, one in before.texts.items()
    )
