"""What is measured of live sessions, read off what goes into them and what comes out."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Literal

from deployments.metering import Meters
from deployments.metering import catalogue as m
from serve_app.admission import Load
from serve_app.audio_clock import AudioClock
from serve_app.errors import DragomanError
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.audio import BYTES_PER_SAMPLE, SAMPLES_PER_MS

Transport = Literal["http", "ws", "realtime", "translations"]
"""Doors of live sessions: POST /v1/stream, and the three WebSockets."""
Outcome = Literal["completed", "client_gone", "drained", "error"]

ResumeResult = Literal["ok", "expired", "refused"]
RESUME_FAILURES: Mapping[ResumeResult, frozenset[str]] = {
    "expired": frozenset({"expired_resume_token"}),
    "refused": frozenset({"invalid_resume_token", "invalid_segment", "foreign_segment"}),
}
"""The codes of the errors that clients are told."""

OUTCOMES: Mapping[str, Outcome] = {
    "completed": "completed",
    "error": "error",
    "go_away": "drained",
}
"""By the reason in `session.closed`; there is none where the client went away."""

BYTES_PER_MS = SAMPLES_PER_MS * BYTES_PER_SAMPLE
OF_LATE_S = 5.0
SHARE_OF_ANSWERS = 0.9
MAX_ANSWERS = 1_024
FLUSH_S = 1.0
"""Received audio is added up here before it is counted: pieces are small and many."""
MAX_SEGMENTS = 128
"""Segments whose translations are awaited; older ones are no longer measured."""


class SessionMeters:
    """Those of all sessions of a replica."""

    def __init__(self, meters: Meters, clock: Callable[[], float] = time.monotonic) -> None:
        self.meters = meters
        self.clock = clock
        self._active: dict[Transport, int] = {}
        self._arriving = 0
        self._backlog_s = 0.0
        self._answers_s: deque[tuple[float, float]] = deque(maxlen=MAX_ANSWERS)
        self._asked_s: dict[int, float] = {}
        self._asks = count()

    def opened(self, transport: Transport) -> None:
        """A session begins, or goes on here."""
        self._change_active(transport, +1)

    def closed(self, transport: Transport, outcome: Outcome, duration_s: float) -> None:
        """A session is over."""
        self._change_active(transport, -1)
        self.meters.count(m.SESSIONS_TOTAL, transport=transport, outcome=outcome)
        self.meters.observe(m.SESSION_DURATION, duration_s, transport=transport)

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """A client has come and not yet said what its session needs to begin: it takes a place."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def load(self) -> Load:
        """How the sessions fare now; an answer that is still awaited counts as old as it is."""
        now_s = self.clock()
        took_s = [took_s for at_s, took_s in self._answers_s if now_s - at_s <= OF_LATE_S]
        took_s += [now_s - asked_s for asked_s in self._asked_s.values()]
        took_s.sort()
        answer_s = took_s[int(SHARE_OF_ANSWERS * (len(took_s) - 1))] if took_s else 0.0
        here = self._arriving + sum(self._active.values())
        return Load(here, answer_s, self._backlog_s)

    def turned_away(self, reason: str) -> None:
        """A session was not let in."""
        self.meters.count(m.ADMISSION_REJECTED_TOTAL, reason=reason)

    @contextmanager
    def asking(self, stage: fx.Stage) -> Iterator[None]:
        """A session waits for an answer."""
        began_s, number = self.clock(), next(self._asks)
        if stage is fx.Stage.ASR:
            self._asked_s[number] = began_s
        try:
            yield
        finally:
            now_s = self.clock()
            if self._asked_s.pop(number, None) is not None:
                self._answers_s.append((now_s, now_s - began_s))
            name = f"answer_{stage.value}"
            self.meters.observe(m.STAGE_SECONDS, now_s - began_s, stage=name)

    def resumed(self, result: ResumeResult = "ok") -> None:
        """A client wanted to go on with a session of before."""
        self.meters.count(m.RESUMES_TOTAL, result=result)

    def refused(self, error: DragomanError) -> None:
        """A client was told that its request cannot be served."""
        self.meters.count(m.ERRORS_TOTAL, code=error.code)
        for result, codes in RESUME_FAILURES.items():
            if error.code in codes:
                self.resumed(result)

    def change_backlog(self, by_s: float) -> None:
        """So much more or less audio waits in one of the sessions."""
        self._backlog_s = max(0.0, self._backlog_s + by_s)
        self.meters.set(m.BACKLOG_AUDIO_SECONDS, self._backlog_s, stage="ingress")

    def _change_active(self, transport: Transport, by: int) -> None:
        self._active[transport] = self._active.get(transport, 0) + by
        self.meters.set(m.SESSIONS_ACTIVE, self._active[transport], transport=transport)


class SessionMeter:
    """One session: feed it every input and every effect, in order."""

    def __init__(self, all_sessions: SessionMeters, transport: Transport) -> None:
        self._all = all_sessions
        self._meters = all_sessions.meters
        self._transport = transport
        self._source = "auto"
        self._opened_s = 0.0
        self._audio = AudioClock()
        self._until_ms = self._counted_ms = self._acked_ms = self._heard_ms = 0.0
        self._asked_ms = 0.0
        self._backlog_s = 0.0
        self._lost_ms = 0.0
        self.outcome: Outcome = "client_gone"
        """How it ended, once it has."""
        self.failure: str | None = None
        """The code of the error that ended it, if one did."""
        self._texts = _Texts()

    def open(self) -> None:
        """The session begins; `close` is to follow."""
        self._opened_s = self._all.clock()
        self._all.opened(self._transport)

    def fed(self, item: fx.Input) -> None:
        """The session is about to take an input."""
        match item:
            case fx.Audio(data):
                self._until_ms += len(data) / BYTES_PER_MS
                self._audio.arrived(self._until_ms, self._all.clock())
                if self._until_ms - self._counted_ms > FLUSH_S * 1000:
                    self._count_received()
            case fx.VadAnswered():
                self._heard_ms = min(self._heard_ms + self._asked_ms, self._until_ms)
                self._note_backlog((self._until_ms - self._heard_ms) / 1000)

    def asking(self, stage: fx.Stage) -> AbstractContextManager[None]:
        """The session waits for an answer."""
        return self._all.asking(stage)

    def caused(self, effects: Iterable[fx.Effect]) -> None:
        """What the session wanted done."""
        for effect in effects:
            match effect:
                case fx.Emit(event=event):
                    self._told(event)
                case fx.RunVad(request):
                    self._asked_ms = len(request.samples) / SAMPLES_PER_MS

    def close(self) -> None:
        """Nothing more will come."""
        self._count_received()
        self._note_backlog(0.0)
        unfinished_ms = self._until_ms - self._acked_ms
        if self.outcome == "completed":
            self._count_transcribed(unfinished_ms)
        else:
            self._drop(unfinished_ms, "unfinished")
        self._all.closed(self._transport, self.outcome, self._all.clock() - self._opened_s)

    def _begin(self, at_ms: int) -> None:
        self._audio = AudioClock(at_ms)
        self._until_ms = self._counted_ms = self._acked_ms = self._heard_ms = float(at_ms)

    def _told(self, event: events.Event) -> None:
        now_s = self._all.clock()
        match event:
            case events.SessionCreated(config=config, acked_ms=acked_ms):
                self._source = config.get("source", self._source)
                self._begin(acked_ms)
            case events.SpeechStarted(at_ms, utterance_id):
                self._texts.begin(utterance_id, at_ms)
            case events.TranscriptPartial(utterance_id, text):
                self._first_text(utterance_id, text, now_s)
                self._meters.count(m.REVISIONS_TOTAL, self._texts.show(text))
            case events.TranscriptCommitted():
                self._first_text(event.utterance_id, event.text, now_s)
                self._committed(event, now_s)
            case events.TranslationCommitted(segment_id, target, _, True):
                self._translated(segment_id, target, now_s)
            case events.UtteranceCompleted(_, start_ms, end_ms, _):
                self._add_audio("voiced", end_ms - start_ms)
                self._meters.observe(m.ENDPOINT_DELAY_SECONDS, self._audio.lag_s(end_ms, now_s))
            case events.Ack(acked_ms):
                self._count_transcribed(acked_ms - self._acked_ms)
                self._acked_ms = acked_ms
            case events.Warning(code, lost_ms=lost_ms):
                self._meters.count(m.ERRORS_TOTAL, code=code)
                self._lost_ms += lost_ms
                self._drop(lost_ms, code)
            case events.Error(code):
                self._meters.count(m.ERRORS_TOTAL, code=code)
                self.failure = code
            case events.SessionClosed(reason):
                self.outcome = OUTCOMES[reason]

    def _first_text(self, utterance_id: str, text: str, now_s: float) -> None:
        onset_ms = self._texts.first(utterance_id, text)
        if onset_ms is not None:
            wait_s = self._audio.lag_s(onset_ms, now_s)
            self._meters.observe(m.FIRST_PARTIAL_SECONDS, wait_s, src=self._source)

    def _committed(self, event: events.TranscriptCommitted, now_s: float) -> None:
        language = event.language
        for word in event.words:
            lag_s = self._audio.lag_s(word.end_ms, now_s)
            self._meters.observe(m.COMMIT_LAG_SECONDS, lag_s, src=language)
        self._meters.count(m.COMMITTED_WORDS_TOTAL, len(event.words), src=language)
        self._texts.commit(event, now_s)

    def _translated(self, segment_id: str, target: str, now_s: float) -> None:
        segment = self._texts.segments.get(segment_id)
        if segment is None:
            return
        language, end_ms, committed_s = segment
        pair = f"{language}-{target}"
        lag_s = self._audio.lag_s(end_ms, now_s)
        self._meters.observe(m.TRANSLATION_LAG_SECONDS, lag_s, pair=pair)
        self._meters.observe(m.TRANSLATION_DELAY_SECONDS, now_s - committed_s, pair=pair)

    def _count_received(self) -> None:
        self._add_audio("received", self._until_ms - self._counted_ms)
        self._counted_ms = self._until_ms

    def _count_transcribed(self, passed_ms: float) -> None:
        """Of the audio that is dealt with, what was lost is not transcribed."""
        lost_ms = min(self._lost_ms, passed_ms)
        self._lost_ms -= lost_ms
        self._add_audio("transcribed", passed_ms - lost_ms)

    def _drop(self, length_ms: float, reason: str) -> None:
        self._meters.count(m.AUDIO_DROPPED_SECONDS_TOTAL, length_ms / 1000, reason=reason)

    def _add_audio(self, stage: str, length_ms: float) -> None:
        self._meters.count(m.AUDIO_SECONDS_TOTAL, length_ms / 1000, stage=stage)

    def _note_backlog(self, backlog_s: float) -> None:
        self._all.change_backlog(backlog_s - self._backlog_s)
        self._backlog_s = backlog_s


class _Texts:
    """What was told of the newest utterances and segments."""

    def __init__(self) -> None:
        self.segments: OrderedDict[str, tuple[str, int, float]] = OrderedDict()
        """Language, end in the audio, and when the end was committed."""
        self._onsets_ms: dict[str, int] = {}
        self._volatile: Sequence[str] = ()
        self._since: list[str] = []

    def begin(self, utterance_id: str, at_ms: int) -> None:
        self._onsets_ms[utterance_id] = at_ms

    def first(self, utterance_id: str, text: str) -> int | None:
        """The onset of an utterance, where this is the first text of it."""
        return self._onsets_ms.pop(utterance_id, None) if text.strip() else None

    def commit(self, event: events.TranscriptCommitted, now_s: float) -> None:
        self._since += event.text.split()
        self.segments[event.segment_id] = (event.language, event.end_ms, now_s)
        if len(self.segments) > MAX_SEGMENTS:
            self.segments.popitem(last=False)

    def show(self, text: str) -> int:
        """How many of the volatile words shown before are taken back by these."""
        now = [*self._since, *text.split()]
        same = next(
            (at for at, word in enumerate(self._volatile) if now[at : at + 1] != [word]),
            len(self._volatile),
        )
        taken_back = len(self._volatile) - same
        self._volatile, self._since = text.split(), []
        return taken_back
