"""OpenAI's realtime transcription session (openai-python 3.52, GA `Realtime*` types).

Deltas are committed text, append-only, told while the turn is still being spoken; `completed` says
the whole of it again. Where turns are detected, an item is an utterance; otherwise it is what came
between two `input_audio_buffer.commit`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict

from pydantic import ValidationError

from serve_app.api import sockets
from serve_app.api.boxes import Message
from serve_app.api.realtime.transcription_config import Hearing, UpdateEvent, modern
from serve_app.api.realtime.turns import Delta, Item, logprobs_of
from serve_app.api.realtime.wire import (
    Json,
    RealtimeAudio,
    audio_bytes,
    error_event,
    event,
    invalid,
    parse_event,
    require_kind,
)
from serve_app.errors import DragomanError, InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events

UPDATE, BETA_UPDATE = "session.update", "transcription_session.update"
APPEND, COMMIT, CLEAR = (f"input_audio_buffer.{verb}" for verb in ("append", "commit", "clear"))
KINDS = (UPDATE, BETA_UPDATE, APPEND, COMMIT, CLEAR)
TRANSCRIPTION = "conversation.item.input_audio_transcription"
PARTIAL = "ext.transcription.partial"
"""Ours, on request only: OpenAI's protocol has no text that may still change."""
MIN_COMMIT_MS = 100
MAX_REMEMBERED = 8
"""Completed utterances that a session that is taken up again may hear once more."""


Configure = Callable[[Hearing], fx.Configure]
"""The session input for a configuration; raises InvalidRequestError."""
SessionObject = Callable[[Hearing], Json]


class TranscriptionConversation:
    """Client events in, session inputs out; session events in, server events out."""

    def __init__(
        self,
        configure: Configure,
        describe: SessionObject,
        hearing: Hearing | None = None,
        *,
        partials: bool = False,
    ) -> None:
        """`hearing` is the configuration to begin with, where it is not the default."""
        self._hearing = hearing or Hearing()
        self._configure = configure
        self._describe = describe
        self._partials = partials
        self._audio = RealtimeAudio(self._hearing.format)
        self._previous_item: str | None = None
        self._loss: events.Warning | None = None
        # Detected turns, by utterance.
        self._spoken: dict[str, Item] = {}
        self._latest: Item | None = None
        self._completed_utterances: deque[str] = deque(maxlen=MAX_REMEMBERED)
        # Manual turns: the one that is being appended, and those that wait to be completed.
        self._appended_bytes = 0
        self._growing = Item()
        self._untold: list[Delta] = []
        self._turns: deque[Item | None] = deque()

    def state(self) -> Json:
        """See ResumableConversation. A turn that the client ended is to be ended by it again."""
        waiting = next((turn for turn in self._turns if turn is not None), None)
        return {
            "hearing": self._hearing.state(),
            "previous": self._previous_item,
            "spoken": {name: asdict(item) for name, item in self._spoken.items()},
            "latest": asdict(self._latest) if self._latest else None,
            "completed": list(self._completed_utterances),
            "growing": asdict(waiting or self._growing),
            "untold": [] if waiting else [asdict(delta) for delta in self._untold],
        }

    def take_up(self, state: Json) -> None:
        """Go on where a conversation of that state was cut off."""
        self._hearing = Hearing.of_state(state["hearing"])
        self._audio = RealtimeAudio(self._hearing.format)
        self._previous_item = state["previous"]
        items = {item["item_id"]: Item(**item) for item in state["spoken"].values()}
        self._spoken = {name: items[item["item_id"]] for name, item in state["spoken"].items()}
        latest = state["latest"]
        self._latest = latest and items.get(latest["item_id"], Item(**latest))
        self._completed_utterances.extend(state["completed"])
        self._growing = Item(**state["growing"])
        self._untold = [Delta(one["text"], tuple(one["logprobs"])) for one in state["untold"]]

    def receive(self, message: str | bytes) -> Sequence[sockets.Request]:
        """A wrong event is answered with an error event, and the session goes on."""
        event_id: str | None = None
        try:
            wire = parse_event(message)
            event_id = wire.get("event_id")
            require_kind(wire, KINDS)
            match wire["type"]:
                case "session.update" | "transcription_session.update":
                    return [sockets.Take(self._update(wire))]
                case "input_audio_buffer.append":
                    data = audio_bytes(wire)
                    self._appended_bytes += len(data)
                    return [sockets.Take(self._audio.feed(data))]
                case "input_audio_buffer.commit":
                    return self._commit()
                case _:
                    return self._clear()
        except ValidationError as error:
            return [sockets.Answer(error_event(invalid(error), event_id))]
        except DragomanError as error:
            return [sockets.Answer(error_event(error, event_id))]

    def tell(self, emit: fx.Emit) -> Sequence[Message]:
        """Turns, deltas, completions and errors; translations have no place here."""
        told: list[Message] = []
        match emit.event:
            case events.SessionCreated() | events.SessionUpdated():
                told = [event(emit.event.type, {"session": self._describe(self._hearing)})]
            case events.Warning() as warning:
                self._loss = warning
            case events.Error(code, text):
                told = [error_event(DragomanError(text, code=code))]
            case events.Flushed():
                told = self._turn_done()
            case events.TranscriptCommitted() if self._hearing.transcription is None:
                pass
            case other if self._was_told(other):
                pass
            case other if self._manual:
                told = self._tell_manual(other)
            case other:
                told = self._tell_detected(other)
        return told

    @property
    def hearing(self) -> Hearing:
        """The configuration in force."""
        return self._hearing

    @property
    def _manual(self) -> bool:
        return self._hearing.turn_detection is None

    def _update(self, wire: Json) -> fx.Configure:
        current = {**wire, "type": UPDATE, "session": modern(wire.get("session"))}
        updated = self._hearing.updated(UpdateEvent.model_validate(current).session)
        configured = self._configure(updated)
        if updated.format != self._hearing.format:
            self._audio = RealtimeAudio(updated.format)
        self._hearing = updated
        return configured

    # Turns that the client ends

    def _commit(self) -> list[sockets.Request]:
        least = MIN_COMMIT_MS * self._audio.bytes_per_ms
        nothing = self._appended_bytes < least if self._manual else self._open_item is None
        if nothing:
            raise InvalidRequestError(
                f"The input audio buffer holds less than {MIN_COMMIT_MS} ms of audio to commit. "
                "Append audio first.",
                code="input_audio_buffer_commit_empty",
            )
        told: list[Message] = []
        if self._manual:
            told = self._end_turn()
        else:
            self._turns.append(None)
        return [*self._flush(), *map(sockets.Answer, told)]

    def _end_turn(self) -> list[Message]:
        item, self._growing = self._growing, Item()
        item.end_ms = self._appended_bytes // self._audio.bytes_per_ms
        self._appended_bytes = 0
        deltas = [self._told(item, delta) for delta in self._untold]
        self._untold = []
        self._turns.append(item)
        return [*self._committed(item), *deltas]

    def _clear(self) -> list[sockets.Request]:
        cleared = sockets.Answer(event("input_audio_buffer.cleared", {}))
        if not self._manual:
            if self._open_item is not None:
                self._open_item.discarded = True
            self._turns.append(None)
            return [*self._flush(), cleared]
        self._growing.discarded = True
        self._turns.append(self._growing)
        self._growing, self._untold, self._appended_bytes = Item(), [], 0
        return [*self._flush(), cleared]

    def _flush(self) -> list[sockets.Request]:
        return [sockets.Take(self._audio.finish()), sockets.Take(fx.Flush())]

    def _tell_manual(self, other: events.Event) -> list[Message]:
        match other:
            case events.TranscriptCommitted() as committed if committed.text:
                # What is told before a turn is completed belongs to the oldest one.
                waiting = next((turn for turn in self._turns if turn is not None), None)
                item = waiting or self._growing
                delta = self._added(item, committed)
                if waiting is not None or self._hearing.is_client_ended:
                    return [self._told(item, delta)] if not item.discarded else []
                self._untold.append(delta)
            case events.TranscriptPartial(text=text) if self._partials:
                return [event(PARTIAL, {"item_id": None, "text": text}, volatile=True)]
        return []

    def _turn_done(self) -> list[Message]:
        item = self._turns.popleft()
        return [] if item is None else self._completed(item)

    # Turns that are detected

    @property
    def _open_item(self) -> Item | None:
        """The turn that is being spoken."""
        latest = self._latest
        return latest if latest is not None and not latest.end_ms else None

    def _tell_detected(self, other: events.Event) -> list[Message]:
        match other:
            case events.SpeechStarted(at_ms, utterance_id):
                self._latest = self._spoken[utterance_id] = Item(start_ms=at_ms)
                fields = {"audio_start_ms": at_ms, "item_id": self._latest.item_id}
                return [event("input_audio_buffer.speech_started", fields)]
            case events.SpeechStopped(at_ms, utterance_id):
                item = self._item_of(utterance_id)
                item.end_ms = at_ms
                fields = {"audio_end_ms": at_ms, "item_id": item.item_id}
                stopped = event("input_audio_buffer.speech_stopped", fields)
                return [stopped] if item.discarded else [stopped, *self._committed(item)]
            case events.TranscriptCommitted() as committed if committed.text:
                item = self._item_of(committed.utterance_id)
                delta = self._added(item, committed)
                return [] if item.discarded else [self._told(item, delta)]
            case events.TranscriptPartial(utterance_id, text) if self._partials:
                item_id = self._item_of(utterance_id).item_id
                return [event(PARTIAL, {"item_id": item_id, "text": text}, volatile=True)]
            case events.UtteranceCompleted(utterance_id, continued=continued):
                item = self._item_of(utterance_id)
                del self._spoken[utterance_id]
                self._completed_utterances.append(utterance_id)
                return [] if continued else self._completed(item)
        return []

    def _was_told(self, other: events.Event) -> bool:
        """Whether a session that was taken up again has come to what was told before the cut."""
        match other:
            case events.SpeechStarted(utterance_id=name):
                return name in self._spoken or name in self._completed_utterances
            case events.SpeechStopped(utterance_id=name):
                stopped = name in self._spoken and self._spoken[name].end_ms > 0
                return stopped or name in self._completed_utterances
            case events.UtteranceCompleted(utterance_id=name):
                return name in self._completed_utterances
        return False

    def _item_of(self, utterance_id: str) -> Item:
        """Speech that goes on after a cut has no start of its own: it is the same turn."""
        if utterance_id not in self._spoken:
            self._spoken[utterance_id] = self._latest = self._latest or Item()
        return self._spoken[utterance_id]

    # Events about an item

    def _committed(self, item: Item) -> list[Message]:
        place = {"previous_item_id": self._previous_item}
        self._previous_item = item.item_id
        shown = {
            "id": item.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        return [
            event("input_audio_buffer.committed", {"item_id": item.item_id, **place}),
            event("conversation.item.added", {"item": shown, **place}),
            event("conversation.item.done", {"item": shown, **place}),
        ]

    def _added(self, item: Item, committed: events.TranscriptCommitted) -> Delta:
        text = item.add(committed)
        logprobs = tuple(logprobs_of(text, committed.words)) if self._hearing.include else ()
        item.logprobs.extend(logprobs)
        return Delta(text, logprobs)

    def _told(self, item: Item, delta: Delta) -> Message:
        fields = {"item_id": item.item_id, "content_index": 0, "delta": delta.text}
        return event(f"{TRANSCRIPTION}.delta", {**fields, **self._with(delta.logprobs)})

    def _with(self, logprobs: Sequence[Json]) -> Json:
        return {"logprobs": list(logprobs)} if self._hearing.include else {}

    def _completed(self, item: Item) -> list[Message]:
        loss, self._loss = self._loss, None
        if item.discarded or self._hearing.transcription is None:
            return []
        about = {"item_id": item.item_id, "content_index": 0}
        if loss is not None:
            error = DragomanError(loss.message, code=loss.code).to_wire()["error"]
            return [event(f"{TRANSCRIPTION}.failed", {**about, "error": error})]
        seconds = (item.end_ms - item.start_ms) / 1000
        languages = [{"code": code} for code in item.languages]
        fields = {
            **about,
            "transcript": item.text,
            "languages": languages,
            "usage": {"type": "duration", "seconds": seconds},
            **self._with(item.logprobs),
        }
        return [event(f"{TRANSCRIPTION}.completed", fields)]
