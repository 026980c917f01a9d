"""What one viewer has been told, and what of a session's text is still to be told: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.boards import SOURCE, Limits, News, Passage, Passages, Scene, Tail, Text
from serve_app.session import events as ev

MAX_CURSOR_CHARACTERS = 2_048


class Copy:
    """A session's text as this replica has it; follows the hub's board."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.passages = Passages(limits)
        self.scene = Scene()
        self.edition = 0
        self.complete = True

    def take(self, news: News) -> None:
        """Go on to what the hub has."""
        if news.whole:
            self.passages = Passages(self._limits)
        for passage in news.passages:
            self.passages.put(passage)
        self.scene, self.edition = news.scene, news.edition
        self.complete = news.complete and self.passages.complete


@dataclass(frozen=True, slots=True)
class Place:
    """How far a viewer is in one lane: all before a passage, and so much of it."""

    start: int = 0
    characters: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a viewer is in all its lanes; goes to the client as the id of an event and back."""

    edition: int
    places: tuple[tuple[str, Place], ...]
    ended: bool = False

    def encode(self) -> str:
        """Without spaces or line ends."""
        return _written(self._values)

    @classmethod
    def decode(cls, text: str) -> Cursor | None:
        """The counterpart; None for what is no such id, as of an older server."""
        try:
            return cls._of(json.loads(text[:MAX_CURSOR_CHARACTERS]))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    @staticmethod
    def encode_all(cursors: Mapping[str, Cursor]) -> str:
        """Those of several sessions, as one id; where they are too many, the newest of them."""
        values = {session_id: one._values for session_id, one in cursors.items()}
        while len(text := _written(values)) > MAX_CURSOR_CHARACTERS:
            del values[next(iter(values))]
        return text

    @classmethod
    def decode_all(cls, text: str) -> dict[str, Cursor]:
        """The counterpart, by session; empty for what is no such id."""
        try:
            values = json.loads(text[:MAX_CURSOR_CHARACTERS])
            return {session_id: cls._of(one) for session_id, one in values.items()}
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return {}

    @property
    def _values(self) -> list[Any]:
        places = {lane: [p.start, p.characters, int(p.closed)] for lane, p in self.places}
        return [self.edition, places, int(self.ended)]

    @classmethod
    def _of(cls, values: Any) -> Cursor:  # noqa: ANN401 # JSON of whoever sends it
        edition, places, ended = values
        return cls(
            int(edition),
            tuple(
                (lane, Place(int(start), int(characters), bool(closed)))
                for lane, (start, characters, closed) in places.items()
            ),
            bool(ended),
        )


class Reader:
    """One viewer's way through a session's text, in the lanes of its choice."""

    def __init__(
        self,
        session_id: str,
        lanes: Sequence[str],
        cursor: Cursor | None = None,
        *,
        partials: bool = True,
    ) -> None:
        """`lanes`: target languages and SOURCE, in the order in which a segment is told."""
        self._session_id = session_id
        self._partials = partials
        self._places = dict.fromkeys(lanes, Place())
        self._edition: int | None = None
        if cursor is not None and {lane for lane, _ in cursor.places} == set(lanes):
            self._edition = cursor.edition
            self._places |= dict(cursor.places)
        self._has_joined = False
        self._tails: dict[str, Tail] = {}
        self._spoke = False
        self.ended = False
        """Whether the end of the session was told."""

    @property
    def cursor(self) -> Cursor:
        """After all that was told."""
        return Cursor(self._edition or 0, tuple(self._places.items()), self.ended)

    def events(self, copy: Copy) -> Iterator[ev.Event]:
        """What the viewer has not been told yet, in order."""
        if not self._has_joined or copy.edition != self._edition:
            yield self._join(copy)
        yield from self._passages(copy.passages)
        yield from self._momentary(copy.scene)
        if copy.scene.ended and not self.ended:
            self.ended = True
            yield ev.SessionClosed(copy.scene.ended)

    def _join(self, copy: Copy) -> ev.Event:
        resumed = copy.edition == self._edition and all(
            self._is_held(copy.passages, lane, place) for lane, place in self._places.items()
        )
        if not resumed:
            self._places = dict.fromkeys(self._places, Place())
            self._tails = {}
        self._has_joined, self._edition = True, copy.edition
        return ev.ViewerJoined(
            self._session_id, copy.scene.targets, resumed=resumed, complete=copy.complete
        )

    @staticmethod
    def _is_held(passages: Passages, lane: str, place: Place) -> bool:
        """Whether what a viewer says it holds can be text of this session."""
        if place == Place():
            return True
        passage = passages.get(place.start)
        if passage is None:
            return not passages.complete and next(iter(passages)).start > place.start
        return len(passage.texts.get(lane, Text("", False)).text) >= place.characters

    def _passages(self, passages: Passages) -> Iterator[ev.Event]:
        first = min(place.start for place in self._places.values())
        for passage in passages.since(first):
            for lane, place in self._places.items():
                text = passage.texts.get(lane)
                if text is None or passage.start < place.start:
                    continue
                told = place if passage.start == place.start else Place(passage.start)
                added = text.text[told.characters :]
                if added or (text.closed and not told.closed):
                    self._places[lane] = Place(passage.start, len(text.text), text.closed)
                    yield _committed(passage, lane, added, closed=text.closed)

    def _momentary(self, scene: Scene) -> Iterator[ev.Event]:
        speech = scene.speech
        if speech is not None and speech.speaking != self._spoke:
            self._spoke = speech.speaking
            kind = ev.SpeechStarted if speech.speaking else ev.SpeechStopped
            yield kind(speech.at_ms, speech.utterance_id)
        if not self._partials:
            return
        for lane in self._places:
            now, before = scene.tails.get(lane), self._tails.get(lane)
            if now is None and before is not None:
                del self._tails[lane]
                yield _partial(lane, Tail(before.about, ""))
            elif now is not None and now != before:
                self._tails[lane] = now
                yield _partial(lane, now)


def _written(values: object) -> str:
    return json.dumps(values, separators=(",", ":"))


def _committed(passage: Passage, lane: str, added: str, *, closed: bool) -> ev.Event:
    if lane != SOURCE:
        return ev.TranslationCommitted(passage.segment_id, lane, added, closed)
    return ev.TranscriptCommitted(
        segment_id=passage.segment_id,
        utterance_id=passage.utterance_id,
        text=added,
        start_ms=passage.start_ms,
        end_ms=passage.end_ms,
        language=passage.language,
        closed=closed,
    )


def _partial(lane: str, tail: Tail) -> ev.Event:
    if lane == SOURCE:
        return ev.TranscriptPartial(tail.about, tail.text)
    return ev.TranslationPartial(tail.about, lane, tail.text)
