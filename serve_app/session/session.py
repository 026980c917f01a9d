"""A live session: audio and stage answers in, requests and events out; no loop, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployments.types import (
    Hypothesis,
    VadRequest,
)
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.audio import to_ms, to_samples
from serve_app.session.bookmark import Bookmark
from serve_app.session.gates import INVENTED
from serve_app.session.interpreter import Interpreter
from serve_app.session.listener import AudioEnded, Listener, TurnEnded
from serve_app.session.memory import Hints, Memory
from serve_app.session.options import SessionOptions
from serve_app.session.policies import new_policy
from serve_app.session.resume import ResumePoint, Resumption
from serve_app.session.segmenter import (
    Boundary,
    UtteranceCut,
    UtteranceStarted,
    UtteranceStopped,
)
from serve_app.session.segments import Growth
from serve_app.session.telling import Telling
from serve_app.session.utterance import Outcome, Step, Utterance

GO_AWAY = "go_away"
"""Why a session is closed that must leave."""


class Session:
    """All state of one live stream; feed it inputs in any order the stages answer in."""

    def __init__(
        self, session_id: str, options: SessionOptions, resumption: Resumption | None = None
    ) -> None:
        """A new session, or one taken up again: then audio begins at `resumption.point.acked`."""
        self.session_id = session_id
        self._options = options
        self._resumed = resumption or Resumption(ResumePoint.beginning(options.targets))
        point = self._resumed.point
        self._listener = Listener(options, point)
        self._asr_busy = False
        self._turns: deque[int] = deque()
        self._utterances: deque[Utterance] = deque()
        self._bookmark = Bookmark(point)
        earlier = Hints(point.context, usual_language=point.usual_language)
        self._memory = Memory(options.window.context_characters, options.hotwords, earlier)
        self._telling = Telling()
        self._interpreter = Interpreter(options, self._bookmark, self._telling)
        self._tail = ""
        self._outcome = "completed"
        self._finished = False
        self._leaving = False
        self._leaves_at_pause = False
        self._speech_samples = 0

    @property
    def wants_audio(self) -> bool:
        """False while the reader must pause because the stages are behind."""
        caught_up = self._interpreter.pending < self._options.max_untranslated
        return self._listener.has_room and caught_up

    def open(self, config: Mapping[str, Any]) -> list[fx.Effect]:
        """First call: announce the session, echoing the options in force."""
        point = self._resumed.point
        self._emit(events.SessionCreated(self.session_id, config, to_ms(point.acked)))
        if point.utterance_start is not None:
            going_on = self._new_utterance(point.utterance_start, point.language)
            going_on.resume_at(point.exact, point.said)
            self._utterances.append(going_on)
        self._interpreter.take_up(self._resumed.held, point.exact)
        return self._telling.effects()

    def receive(self, item: fx.Input) -> list[fx.Effect]:
        """Take one input; returns what must be done because of it, in order.

        Raises AudioOverflowError when audio keeps coming although `wants_audio` is false.
        """
        if not self._finished:
            if self._heeds(item):
                self._take(item)
            self._proceed()
        return self._telling.effects()

    def _take(self, item: fx.Input) -> None:
        match item:
            case fx.Audio(data):
                self._listener.take(data)
            case fx.EndOfAudio():
                self._listener.ended = True
            case fx.Flush():
                self._listener.end_turn()
            case fx.Configure(options, config):
                self._configure(options, config)
            case fx.Behind(waiting_bytes, limit_bytes):
                self._emit(events.SlowDown(waiting_bytes, limit_bytes))
            case fx.GoAway() | fx.Leave():
                self._leave(item)
            case fx.AudioFailed(code, message, retryable) if not self._listener.ended:
                self._emit(events.Error(code, message, retryable))
                self._listener.ended, self._outcome = True, "error"
            case fx.VadAnswered(answer):
                for boundary in self._listener.hear(answer, self._is_sentence):
                    self._mark(boundary)
            case fx.AsrAnswered(hypothesis):
                self._take_hypothesis(hypothesis)
            case fx.MtAnswered(segment_id, target, draft):
                self._interpreter.answer(segment_id, target, draft)
            case fx.StageFailed():
                self._take_failure(item)

    def _leave(self, how: fx.GoAway | fx.Leave) -> None:
        match how:
            case fx.GoAway(reason, deadline_ms):
                self._emit(events.GoAway(reason, deadline_ms))
            case fx.Leave.COMMITTED if not self._listener.ended:
                self._leaving, self._outcome = True, GO_AWAY
            case fx.Leave.AT_PAUSE:
                self._leaves_at_pause = True
            case fx.Leave.HEARD:
                self._end_audio()
            case fx.Leave.AT_ONCE:
                self._outcome = GO_AWAY
                self._close()

    def _end_audio(self) -> None:
        if not self._listener.ended:
            self._listener.ended, self._outcome = True, GO_AWAY

    def _heeds(self, item: fx.Input) -> bool:
        """Once it leaves, nothing is committed any more: the client sends that audio again."""
        match item:
            case fx.MtAnswered() | fx.StageFailed(stage=fx.Stage.MT) | fx.Leave():
                return True
        return not self._leaving

    def _proceed(self) -> None:
        if self._finished:
            return
        if self._leaves_at_pause and not self._utterances:
            self._end_audio()
        if not self._leaving:
            self._ask_asr()
            self._ask_vad()
            self._end_turns()
        self._acknowledge()
        if self._leaving or (self._listener.all_heard and not self._utterances):
            self._finish()

    def _finish(self) -> None:
        if not self._leaving:
            self._close_held()
        if not self._interpreter.pending:
            self._close()

    # VAD

    def _ask_vad(self) -> None:
        block_frames = self._options.vad_block_frames
        while isinstance(step := self._listener.next_step(block_frames), TurnEnded):
            self._mark(step.boundary)
            self._turns.append(step.at)
            self._ask_asr()
        match step:
            case VadRequest() as request:
                self._telling.ask(fx.RunVad(request))
            case AudioEnded(boundary):
                self._mark(boundary)
                self._ask_asr()

    def _is_sentence(self) -> bool:
        """Whether the open utterance, as far as it is heard, is a whole sentence."""
        if not self._utterances:
            return False
        return self._utterances[-1].ends_sentence_at(self._listener.segmenter.speech_end)

    def _end_turns(self) -> None:
        while self._turns and not (self._utterances and self._utterances[0].start < self._turns[0]):
            self._emit(events.Flushed(to_ms(self._turns.popleft())))

    def _mark(self, boundary: Boundary | None) -> None:
        match boundary:
            case UtteranceStarted(at):
                self._utterances.append(self._new_utterance(at, self._options.source))
                if at >= self._resumed.held_until:
                    name = self._utterances[-1].utterance_id
                    self._emit(events.SpeechStarted(to_ms(at), name))
            case UtteranceStopped(at):
                at = min(at, self._listener.audio.end)
                self._end_utterance(at)
                if at >= self._resumed.held_until:
                    name = self._utterances[-1].utterance_id
                    self._emit(events.SpeechStopped(to_ms(at), name))
            case UtteranceCut(at):
                self._cut_utterance(min(at, self._listener.audio.end))

    def _end_utterance(self, at: int) -> None:
        utterance = self._utterances[-1]
        utterance.stopped_at = at
        self._speech_samples += at - max(utterance.start, self._resumed.point.acked)

    def _cut_utterance(self, at: int) -> None:
        self._end_utterance(at)
        self._utterances[-1].cut = True
        self._utterances.append(self._new_utterance(at, self._options.source))

    def _new_utterance(self, at: int, language: str | None) -> Utterance:
        return Utterance(
            start=at,
            session_id=self.session_id,
            language=language,
            policy=new_policy(self._options.policy),
            options=self._options.window,
            languages=self._options.languages,
        )

    # ASR

    def _ask_asr(self) -> None:
        if self._asr_busy or not self._utterances:
            return
        speech_until = self._listener.speech_until
        if self._resumed.held and not self._take_up(speech_until):
            return
        request = self._utterances[0].next_request(
            speech_until,
            self._listener.audio,
            self._memory.hints,
            at_once=self._listener.segmenter.asks_whether_sentence,
        )
        if request is not None:
            self._asr_busy = True
            self._telling.ask(fx.RunAsr(request))

    def _take_up(self, speech_until: int) -> bool:
        """After a resumption: pass over what the client holds; whether there is more to decode."""
        utterance = self._utterances[0]
        stopped = utterance.stopped_at
        if stopped is not None and self._resumed.covers(utterance.start, stopped):
            for one in self._resumed.begun_within(utterance.needed_from, stopped):
                self._memory.note(one.segment.text, one.segment.language, stopped)
            self._next_utterance(utterance)
            return bool(self._utterances) and self._take_up(speech_until)
        if stopped is None and speech_until <= self._resumed.held_until:
            return False
        held = self._resumed.held_from(utterance.needed_from)
        if not held:
            self._close_held()
            return True
        utterance.take_up(held)
        self._resumed = replace(self._resumed, held=())
        return True

    def _close_held(self) -> None:
        """Where VAD heard less this time, the last segment that is held has no more words."""
        held, self._resumed = self._resumed.held, replace(self._resumed, held=())
        if held and not held[-1].closed:
            self._commit(Growth(held[-1].segment, added="", words=(), closed=True))

    def _take_hypothesis(self, hypothesis: Hypothesis) -> None:
        utterance = self._utterances[0]
        begin = utterance.committed_until
        outcome = utterance.receive(hypothesis)
        if utterance.step is not Step.UPDATE and outcome.doubt in INVENTED:
            reason = f"the text looked invented ({outcome.doubt})"
            self._warn_of_loss("text_discarded", begin, reason)
        self._take_outcome(utterance, outcome)
        if outcome.doubt in INVENTED:
            self._memory.forget_text()

    def _take_outcome(self, utterance: Utterance, outcome: Outcome) -> None:
        self._asr_busy = False
        for growth in outcome.growths:
            self._commit(growth)
        self._show_tail(utterance, "".join(word.text for word in outcome.volatile))
        if not utterance.done:
            self._end_if_resting(utterance)
            return
        self._next_utterance(utterance)
        self._emit(
            events.UtteranceCompleted(
                utterance_id=utterance.utterance_id,
                start_ms=to_ms(utterance.start),
                end_ms=to_ms(utterance.stopped_at or utterance.start),
                continued=utterance.cut,
            )
        )

    def _next_utterance(self, utterance: Utterance) -> None:
        self._utterances.popleft()
        if utterance.language is not None:
            end = utterance.stopped_at or utterance.start
            self._memory.note(utterance.said, utterance.language, end)
        if utterance.cut:
            self._utterances[0].continue_after(utterance)

    def _end_if_resting(self, utterance: Utterance) -> None:
        at = utterance.resting_from
        if at is not None and utterance.stopped_at is None:
            self._listener.segmenter.split(at)
            self._cut_utterance(at)

    def _commit(self, growth: Growth) -> None:
        going_on = self._utterances[0] if self._utterances else None
        heard_from = going_on.resumable_from if going_on else growth.segment.start
        self._interpreter.commit(growth, heard_from)

    def _show_tail(self, utterance: Utterance, tail: str) -> None:
        if self._options.partials and tail != self._tail:
            self._tail = tail
            self._emit(events.TranscriptPartial(utterance.utterance_id, tail))

    # What goes wrong, and the end

    def _take_failure(self, failure: fx.StageFailed) -> None:
        match failure.stage:
            case fx.Stage.VAD:
                self._emit(events.Error("vad_unavailable", failure.message, retryable=True))
                self._outcome = "error"
                self._close()
            case fx.Stage.ASR:
                self._skip_decode(failure.message, deadly=failure.deadly)
            case fx.Stage.MT:
                self._interpreter.fail(failure.segment_id, failure.target, failure.message)

    def _skip_decode(self, reason: str, *, deadly: bool) -> None:
        """The next update makes a failed one good; any other decode that fails loses speech."""
        utterance = self._utterances[0]
        if utterance.step is Step.UPDATE and not deadly:
            self._asr_busy = False
            return
        self._warn_of_loss("transcription_failed", utterance.committed_until, reason)
        self._take_outcome(utterance, utterance.give_up())

    def _warn_of_loss(self, code: str, begin: int, reason: str) -> None:
        end = self._utterances[0].asked_until
        text = f"Speech from {to_ms(begin)} to {to_ms(end)} ms was lost: {reason}"
        self._emit(events.Warning(code, text, to_ms(end) - to_ms(begin)))

    def _configure(self, options: SessionOptions, config: Mapping[str, Any]) -> None:
        since = self._listener.segmenter.earliest_start
        if self._utterances:
            since = self._utterances[0].uncommitted_from
        since = max(since, self._resumed.closed_until)
        self._bookmark.change_targets(since, options.targets)
        self._options = options
        self._listener.segmenter.configure(options.segmenter)
        self._memory.configure(options.window.context_characters, options.hotwords)
        self._interpreter.configure(options)
        self._emit(events.SessionUpdated(config))

    def _acknowledge(self) -> None:
        listener = self._listener
        needed_from, unheard_from = listener.segmenter.earliest_start, listener.unheard_from
        going_on = self._utterances[0] if self._utterances else None
        if going_on is not None:
            needed_from = going_on.resumable_from
            unheard_from = min(unheard_from, going_on.needed_from)
        listener.audio.forget_before(unheard_from)
        has_moved = self._bookmark.move(
            min(needed_from, listener.audio.end),
            self._interpreter.oldest_pending,
            going_on,
            self._memory,
            audio_end=listener.audio_end,
            least_gain=to_samples(1 if self._interpreter.has_dealt else self._options.ack_step_ms),
        )
        if has_moved:
            self._interpreter.has_dealt = False
            self._emit(events.Ack(to_ms(self._bookmark.point.acked)))

    def _close(self) -> None:
        usage = events.Usage(
            audio_ms=to_ms(self._listener.audio.end - self._resumed.point.acked),
            speech_ms=to_ms(self._speech_samples),
            segments=self._interpreter.segment_count,
        )
        self._emit(events.SessionClosed(self._outcome, usage))
        self._telling.ask(fx.Finish())
        self._finished = True

    def _emit(self, event: events.Event) -> None:
        carries_token = isinstance(
            event, events.SessionCreated | events.SessionUpdated | events.Ack
        )
        self._telling.tell(event, self._bookmark.point if carries_token else None)
