"""A session's events as text that the hub takes: pure, and as much of it as the hub keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployments.boards import (
    SOURCE,
    Limits,
    Passage,
    Passages,
    Receipt,
    Report,
    Scene,
    Speech,
    Tail,
    Text,
)
from serve_app.session import events
from serve_app.session.audio import to_ms
from serve_app.session.resume import HeldSegment, Resumption
from serve_app.viewers.links import Invitation


class Manuscript:
    """What one connection of a session has told so far, and what of it the hub does not know."""

    def __init__(
        self,
        session_id: str,
        opened_at_s: float,
        limits: Limits,
        resumption: Resumption | None = None,
        invitation: Invitation | None = None,
    ) -> None:
        self.scene = Scene()
        self.superseded = False
        """Whether another connection speaks for the session now."""
        self._session_id = session_id
        self._opened_at_s = opened_at_s
        self._passages = Passages(limits)
        self._invitation = invitation
        self._acked_ms = None if resumption is None else to_ms(resumption.point.exact)
        self._edition = 0
        self._is_known = False
        self._untold: set[int] = set()
        self._in_flight: set[int] = set()
        self._told_scene: Scene | None = None
        for held in resumption.held if resumption else ():
            self._passages.put(_held_passage(held, opened_at_s))

    @property
    def has_news(self) -> bool:
        """Whether the hub lacks something."""
        return not self._is_known or bool(self._untold) or self.scene != self._told_scene

    def note(self, event: events.Event, at_s: float) -> None:
        """Take an event in; `at_s`: Unix time at which it is told."""
        match event:
            case events.SessionCreated(config=config) | events.SessionUpdated(config=config):
                self.scene = replace(self.scene, targets=tuple(config.get("target", ())))
            case events.TranscriptCommitted():
                self._note_transcript(event, at_s)
            case events.TranslationCommitted():
                self._note_translation(event)
            case events.TranscriptPartial(utterance_id, text):
                self._note_tail(SOURCE, Tail(utterance_id, text))
            case events.TranslationPartial(segment_id, target, text):
                self._note_tail(target, Tail(segment_id, text))
            case events.SpeechStarted(at_ms, utterance_id):
                self.scene = replace(self.scene, speech=Speech(True, at_ms, utterance_id))
            case events.SpeechStopped(at_ms, utterance_id):
                self.scene = replace(self.scene, speech=Speech(False, at_ms, utterance_id))
            case events.SessionClosed(reason):
                self.scene = replace(self.scene, ended=reason, tails={})

    def report(self) -> Report:
        """All that the hub lacks; settle it before the next one."""
        whole = not self._is_known
        told = list(self._passages) if whole else self._changed()
        self._in_flight, self._untold = self._untold, set()
        self._told_scene = self.scene
        joined = self._invitation
        return Report(
            conversation=joined.conversation_id if joined else "",
            side=joined.side if joined else "host",
            session_id=self._session_id,
            opened_at_s=self._opened_at_s,
            passages=tuple(told),
            scene=self.scene,
            edition=self._edition,
            whole=whole,
            acked_ms=self._acked_ms,
        )

    def settle(self, receipt: Receipt | None) -> None:
        """What became of the report; None where that is not known."""
        if receipt is not None and receipt.taken:
            self._is_known, self._acked_ms = True, None
            self._edition = receipt.edition
        else:
            self._is_known = self._is_known and receipt is None
            self._untold |= self._in_flight
            self._told_scene = None
        self.superseded = receipt is not None and receipt.superseded
        self._in_flight = set()

    def _changed(self) -> list[Passage]:
        found = map(self._passages.get, sorted(self._untold))
        return [passage for passage in found if passage is not None]

    def _note_transcript(self, event: events.TranscriptCommitted, at_s: float) -> None:
        start = _start_of(event.segment_id)
        before = self._passages.get(start)
        if before is None:
            if not event.words or event.words[0].start_ms != event.start_ms:
                return  # It began before anybody was to read it.
            before = Passage(
                segment_id=event.segment_id,
                utterance_id=event.utterance_id,
                start=start,
                start_ms=event.start_ms,
                end_ms=event.end_ms,
                language=event.language,
                said_at_s=at_s,
                texts={},
            )
        self._put(replace(before, end_ms=event.end_ms), SOURCE, event.text, closed=event.closed)

    def _note_translation(self, event: events.TranslationCommitted) -> None:
        passage = self._passages.get(_start_of(event.segment_id))
        if passage is not None:
            self._put(passage, event.target, event.text, closed=event.closed)

    def _put(self, passage: Passage, lane: str, added: str, *, closed: bool) -> None:
        before = passage.texts.get(lane)
        text = Text((before.text if before else "") + added, closed)
        self._passages.put(replace(passage, texts={**passage.texts, lane: text}))
        self._untold.add(passage.start)

    def _note_tail(self, lane: str, tail: Tail) -> None:
        others = {key: one for key, one in self.scene.tails.items() if key != lane}
        tails: Mapping[str, Any] = {**others, lane: tail} if tail.text else others
        self.scene = replace(self.scene, tails=tails)


def _start_of(segment_id: str) -> int:
    return int(segment_id.rpartition(".")[2])


def _held_passage(held: HeldSegment, at_s: float) -> Passage:
    segment = held.segment
    texts = {SOURCE: Text(segment.text, held.closed)}
    texts |= {one.target: Text(one.text, one.closed) for one in held.translations}
    return Passage(
        segment_id=segment.segment_id,
        utterance_id=segment.utterance_id,
        start=segment.start,
        start_ms=to_ms(segment.start),
        end_ms=to_ms(segment.end),
        language=segment.language,
        said_at_s=at_s,
        texts=texts,
    )
