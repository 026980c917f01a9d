"""Committed text to the client and on to MT, and what MT makes of it to the client."""

from __future__ import annotations

from collections.abc import Collection

from deployments.types import Draft, Word
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.audio import to_ms
from serve_app.session.bookmark import Bookmark
from serve_app.session.options import SessionOptions
from serve_app.session.resume import HeldSegment, utterance_start
from serve_app.session.segments import Growth, Segment
from serve_app.session.telling import Telling
from serve_app.session.translations import Translations


class Interpreter:
    """Every segment of a session is told once, and translated once per target, in order."""

    def __init__(self, options: SessionOptions, bookmark: Bookmark, telling: Telling) -> None:
        self._bookmark = bookmark
        self._telling = telling
        self._translations = Translations(options.mt_mode, options.glossary, options.partials)
        self.segment_count = 0
        """Closed segments so far."""
        self.has_dealt = False
        """Whether a segment or a translation was completed since somebody last set it to False."""

    @property
    def pending(self) -> int:
        """How many closed segments still lack a translation."""
        return self._translations.pending

    @property
    def oldest_pending(self) -> Segment | None:
        """The oldest closed segment that still lacks a translation."""
        return self._translations.oldest_pending

    def configure(self, options: SessionOptions) -> None:
        """Other options from here on."""
        self._translations.configure(options.mt_mode, options.glossary, options.partials)

    def commit(self, growth: Growth, heard_from: int) -> None:
        """Text is final; to hear its segment again, its utterance is heard from a sample on."""
        segment = growth.segment
        self._telling.tell(
            events.TranscriptCommitted(
                segment_id=segment.segment_id,
                utterance_id=segment.utterance_id,
                text=growth.added,
                start_ms=to_ms(segment.start),
                end_ms=to_ms(segment.end),
                language=segment.language,
                closed=growth.closed,
                words=tuple(_timed(word) for word in growth.words),
            )
        )
        self._translate(growth, self._bookmark.targets_of(segment), heard_from)
        self._go_on()

    def take_up(self, held: Collection[HeldSegment], exact: int) -> None:
        """A session goes on at a sample: what the client holds stands, what it lacks is to come."""
        for one in held:
            for begun in one.begun:
                self._translations.take_up(one.segment, begun.target, begun.text)
            if one.closed:
                wanted = self._bookmark.targets_of(one.segment)
                lacking = [target for target in wanted if target not in one.translated]
                heard_from = max(exact, utterance_start(one.segment.utterance_id))
                self._translate(
                    Growth(one.segment, added="", words=(), closed=True), lacking, heard_from
                )
        self._go_on()

    def answer(self, segment_id: str, target: str, draft: Draft) -> None:
        """MT has answered."""
        self._go_on(self._translations.answer(segment_id, target, draft))

    def fail(self, segment_id: str, target: str, reason: str) -> None:
        """MT has no answer."""
        self._go_on(self._translations.fail(segment_id, target, reason))

    def _translate(self, growth: Growth, targets: Collection[str], heard_from: int) -> None:
        if growth.closed:
            self.segment_count += 1
            self.has_dealt = True
            self._bookmark.note_closed(growth.segment, heard_from)
        self._translations.grow(growth, targets)

    def _go_on(self, loss: str = "") -> None:
        """What may be told by now, what is to be asked next, and that a translation is lost."""
        if loss:
            self.has_dealt = True
            self._telling.tell(events.Warning("translation_failed", loss))
        for ask in self._translations.due():
            self._telling.ask(fx.RunMt(ask.segment_id, ask.request))
        for piece in self._translations.pieces():
            self.has_dealt = self.has_dealt or piece.closed
            self._telling.tell(
                events.TranslationCommitted(
                    piece.segment_id, piece.target, piece.text, piece.closed
                )
            )
        for tail in self._translations.tails():
            self._telling.tell(events.TranslationPartial(tail.segment_id, tail.target, tail.text))


def _timed(word: Word) -> events.TimedWord:
    return events.TimedWord(
        text=word.text.strip(),
        start_ms=to_ms(word.start_samples),
        end_ms=to_ms(word.end_samples),
        probability=round(word.probability, 3),
    )
