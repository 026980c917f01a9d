"""Each segment, once per target, in order, whatever order the drafts come back in."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from deployments.types import Draft, MtRequest
from serve_app.session.append import DraftPolicy, MtMode, Source, draft_policy
from serve_app.session.segments import Growth, Segment

HISTORY_SEGMENTS = 2
"""Pairs that a request carries: topic and register, for a few dozen tokens."""
HISTORY_CHARACTERS = 300
"""A longer source or translation is no part of it."""

Pairs = tuple[tuple[str, str], ...]
"""(source, target) texts."""
Glossary = Mapping[str, Pairs]
"""Terms by target language."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A draft that is due."""

    segment_id: str
    request: MtRequest


@dataclass(frozen=True, slots=True)
class Piece:
    """What is added to the translation of a segment; all of them together are the translation."""

    segment_id: str
    target: str
    text: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Tail:
    """The volatile end of a translation; replaces the one before."""

    segment_id: str
    target: str
    text: str


class Rendition:
    """One segment in one target language: at most one draft in flight, the newest source next."""

    def __init__(self, segment: Segment, target: str, policy: DraftPolicy) -> None:
        self.segment = segment
        self.target = target
        self.committed = ""
        self.volatile = ""
        self.done = False
        self.failed = False
        """Whether the closed segment could not be translated; what was committed before stands."""
        self._policy = policy
        self._closed = False
        self._due = False
        self._in_flight = False
        self._asked = segment
        self._asked_closed = False
        self._told_characters = 0

    @property
    def is_identity(self) -> bool:
        """Whether the segment is spoken in the target language."""
        return self.target == self.segment.language

    @property
    def is_due(self) -> bool:
        """Whether a draft is to be asked for now."""
        return self._due and not self._in_flight

    @property
    def has_begun(self) -> bool:
        """Whether something of it was committed or asked for."""
        return self._in_flight or bool(self.committed)

    def grow(self, segment: Segment, *, closed: bool) -> None:
        """The segment as it is now."""
        self.segment, self._closed = segment, closed
        self._due = closed or self._policy.while_open

    def take_up(self, told: str) -> None:
        """What was told of the translation before the session was taken up again."""
        self.committed, self._told_characters = told, len(told)

    def ask(self, history: Pairs, glossary: Pairs) -> MtRequest:
        """The draft that is due."""
        self._due, self._in_flight = False, True
        self._asked, self._asked_closed = self.segment, self._closed
        return MtRequest(
            source=self.segment.text,
            source_language=self.segment.language,
            target_language=self.target,
            committed_target=self.committed,
            history=history,
            glossary=glossary,
            open=not self._closed,
        )

    def answer(self, draft: Draft) -> str:
        """Take the draft in flight; returns why a closed segment has failed, or nothing."""
        if not draft.text.startswith(self.committed):
            return self.fail("the draft did not go on from the translation so far")
        self._in_flight = False
        if self._asked_closed:
            self.committed, self.volatile, self.done = draft.text, "", True
            return ""
        source = Source(self._asked.text, self._asked.language)
        settled = self._policy.update(source, self.committed, draft.text)
        self.committed += settled.added
        self.volatile = settled.volatile
        return ""

    def fail(self, reason: str) -> str:
        """No draft came; the next one makes that good, unless it was the last."""
        self._in_flight = False
        if not self._asked_closed:
            return ""
        self.volatile, self.done, self.failed = "", True, True
        return reason

    def untold(self) -> Piece | None:
        """What was committed since the last call, or that nothing more will be."""
        text = self.committed[self._told_characters :]
        has_begun = bool(self._told_characters or text)
        if not text and not (self.done and (has_begun or not self.failed)):
            return None
        self._told_characters = len(self.committed)
        return Piece(self.segment.segment_id, self.target, text, self.done)


@dataclass(slots=True)
class Translations:
    """All segments on their way into all targets; what is told of each target is in order."""

    mode: MtMode = "final"
    glossary: Glossary = field(default_factory=dict)
    partials: bool = True
    _queues: dict[str, deque[Rendition]] = field(default_factory=dict)
    _history: dict[str, deque[tuple[str, str, str]]] = field(default_factory=dict)
    _tails: dict[str, Tail] = field(default_factory=dict)
    _waiting: dict[str, Segment] = field(default_factory=dict)
    """Closed segments that lack a translation."""

    @property
    def pending(self) -> int:
        """How many closed segments still lack a translation."""
        return len(self._waiting)

    @property
    def oldest_pending(self) -> Segment | None:
        """The oldest closed segment that still lacks a translation."""
        return next(iter(self._waiting.values()), None)

    def configure(self, mode: MtMode, glossary: Glossary, partials: bool) -> None:
        """For segments that are not begun yet; terms for all that is not asked for yet."""
        self.mode, self.glossary, self.partials = mode, glossary, partials

    def grow(self, growth: Growth, targets: Collection[str]) -> None:
        """A segment has grown or closed; what was begun in a target wanted no more is finished."""
        segment = growth.segment
        for target in targets:
            if not self._is_known(segment.segment_id, target):
                self._begin(segment, target)
        for target in [t for t in self._queues if self._is_known(segment.segment_id, t)]:
            rendition = self._find(segment.segment_id, target)
            if target not in targets and not rendition.has_begun:
                self._queues[target].remove(rendition)
                continue
            rendition.grow(segment, closed=growth.closed)
            if growth.closed:
                self._waiting[segment.segment_id] = segment

    def take_up(self, segment: Segment, target: str, told: str) -> None:
        """The client of a session that is taken up again holds the beginning of a translation."""
        self._begin(segment, target)
        self._find(segment.segment_id, target).take_up(told)

    def due(self) -> list[Ask]:
        """The drafts to ask for now."""
        asks: list[Ask] = []
        for rendition in [r for queue in self._queues.values() for r in queue if r.is_due]:
            terms = self.glossary.get(rendition.target, ())
            request = rendition.ask(self._told_before(rendition), terms)
            if rendition.is_identity:
                rendition.answer(Draft(request.source))
            else:
                asks.append(Ask(rendition.segment.segment_id, request))
        return asks

    def answer(self, segment_id: str, target: str, draft: Draft) -> str:
        """A draft came in; returns why a closed segment has failed, or nothing."""
        return self._find(segment_id, target).answer(draft)

    def fail(self, segment_id: str, target: str, reason: str) -> str:
        """A draft did not come; returns the reason where that lost a translation."""
        return self._find(segment_id, target).fail(reason)

    def pieces(self) -> list[Piece]:
        """What may be told now: of each target, nothing of a segment before the last is done."""
        return [piece for target in self._queues for piece in self._pieces_of(target)]

    def tails(self) -> list[Tail]:
        """The volatile ends that have changed since the last call; ask for the pieces first."""
        if not self.partials:
            return []
        return [tail for target in self._queues for tail in self._tails_of(target)]

    def _begin(self, segment: Segment, target: str) -> None:
        policy = draft_policy(self.mode, segment.language, target, partials=self.partials)
        queue = self._queues.setdefault(target, deque())
        queue.append(Rendition(segment, target, policy))

    def _is_known(self, segment_id: str, target: str) -> bool:
        return any(r.segment.segment_id == segment_id for r in self._queues.get(target, ()))

    def _find(self, segment_id: str, target: str) -> Rendition:
        return next(r for r in self._queues[target] if r.segment.segment_id == segment_id)

    def _told_before(self, rendition: Rendition) -> Pairs:
        spoken = rendition.segment.language
        pairs = self._history.get(rendition.target, ())
        return tuple((source, target) for language, source, target in pairs if language == spoken)

    def _pieces_of(self, target: str) -> list[Piece]:
        pieces: list[Piece] = []
        queue = self._queues[target]
        while queue:
            piece = queue[0].untold()
            if piece is not None:
                pieces.append(piece)
            if not queue[0].done:
                break
            self._settle(queue.popleft())
        return pieces

    def _settle(self, rendition: Rendition) -> None:
        segment, translation = rendition.segment, rendition.committed
        if not any(self._is_known(segment.segment_id, target) for target in self._queues):
            del self._waiting[segment.segment_id]
        longest = max(len(segment.text), len(translation))
        if not rendition.failed and not rendition.is_identity and longest <= HISTORY_CHARACTERS:
            pair = (segment.language, segment.text, translation)
            told = self._history.setdefault(rendition.target, deque(maxlen=HISTORY_SEGMENTS))
            told.append(pair)

    def _tails_of(self, target: str) -> list[Tail]:
        head = next(iter(self._queues[target]), None)
        now = Tail(head.segment.segment_id, target, head.volatile) if head else None
        before = self._tails.get(target)
        if now == before:
            return []
        changed: list[Tail] = []
        if before and before.text and (now is None or now.segment_id != before.segment_id):
            changed.append(Tail(before.segment_id, target, ""))
        if now and (now.text or (before and before.segment_id == now.segment_id)):
            changed.append(now)
        self._tails.pop(target, None)
        if now:
            self._tails[target] = now
        return changed
