"""OpenAI's realtime translation session (openai-python 3.52, `RealtimeTranslation*` types).

Output is append-only text: what is committed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import ValidationError

from deployments.languages import word_joint
from serve_app.api import sockets
from serve_app.api.boxes import Message
from serve_app.api.realtime.wire import (
    Json,
    RealtimeAudio,
    Section,
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

UPDATE, APPEND, CLOSE = "session.update", "session.input_audio_buffer.append", "session.close"
FRAME_MS = 200
"""`elapsed_ms` advances in these steps."""


class NoiseReduction(Section):
    """Accepted and not applied: the models hear the audio as it came."""

    type: Literal["near_field", "far_field"]
    strength: float | None = None


class Transcription(Section):
    """Ask for the source text as well."""

    model: str


class Input(Section):
    """What is heard."""

    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None


NOTHING_ASKED = Input()


class Output(Section):
    """What comes out."""

    language: str | None = None


class Audio(Section):
    """Both sides."""

    input: Input | None = None
    output: Output | None = None


class SessionFields(Section):
    """What `session.update` may change; the type may be repeated."""

    type: Literal["translation"] = "translation"
    audio: Audio | None = None


class NewSession(SessionFields):
    """What a session may begin with; the model cannot be changed later."""

    model: str | None = None

    @property
    def language(self) -> str | None:
        """The target."""
        return self.audio.output.language if self.audio and self.audio.output else None

    @property
    def heard(self) -> Input:
        """What is asked of the source."""
        return (self.audio and self.audio.input) or NOTHING_ASKED


class UpdateEvent(Section):
    """`session.update`."""

    type: Literal["session.update"]
    event_id: str | None = None
    session: SessionFields


Configure = Callable[[str], fx.Configure]
"""The session input that makes a language the only target; raises InvalidRequestError."""


class TranslationConversation:
    """Client events in, session inputs out; session events in, server events out."""

    def __init__(
        self,
        head: Json,
        language: str | None,
        configure: Configure,
        heard: Input = NOTHING_ASKED,
    ) -> None:
        """`head` is what the session object says of itself: id, model, expires_at."""
        self._head = head
        self._language = language
        self._configure = configure
        self._transcription = heard.transcription
        self._noise_reduction = heard.noise_reduction
        self._audio = RealtimeAudio("audio/pcm")
        self._said: dict[str, str] = {}
        self._segment_ends: dict[str, int] = {}
        self._elapsed_ms: dict[str, int] = {"source": 0, "target": 0}

    def state(self) -> Json:
        """See ResumableConversation."""
        return {
            "language": self._language,
            "transcription": self._transcription and self._transcription.model_dump(),
            "noise_reduction": self._noise_reduction and self._noise_reduction.model_dump(),
            "said": self._said,
            "segment_ends": self._segment_ends,
            "elapsed_ms": self._elapsed_ms,
        }

    def take_up(self, state: Json) -> None:
        """Go on where a conversation of that state was cut off."""
        self._language = state["language"]
        told = Input.model_validate({key: state[key] for key in Input.model_fields})
        self._transcription, self._noise_reduction = told.transcription, told.noise_reduction
        self._said, self._segment_ends = dict(state["said"]), dict(state["segment_ends"])
        self._elapsed_ms = dict(state["elapsed_ms"])

    def receive(self, message: str | bytes) -> Sequence[sockets.Request]:
        """A wrong event is answered with an error event, and the session goes on."""
        event_id: str | None = None
        try:
            wire = parse_event(message)
            event_id = wire.get("event_id")
            require_kind(wire, (UPDATE, APPEND, CLOSE))
            return self._requests(wire)
        except ValidationError as error:
            return [sockets.Answer(error_event(invalid(error), event_id))]
        except DragomanError as error:
            return [sockets.Answer(error_event(error, event_id))]

    def tell(self, emit: fx.Emit) -> Sequence[Message]:
        """Committed text, errors and the end."""
        match emit.event:
            case events.SessionCreated():
                return [event("session.created", {"session": self._session()})]
            case events.SessionUpdated():
                return [event("session.updated", {"session": self._session()})]
            case events.TranscriptCommitted() | events.TranslationCommitted() as committed:
                return self._tell_text(committed)
            case events.Warning(code, text) | events.Error(code, text):
                return [error_event(DragomanError(text, code=code))]
            case events.SessionClosed("completed"):
                return [event("session.closed", {})]
            case _:
                return []

    def _requests(self, wire: Json) -> list[sockets.Request]:
        match wire["type"]:
            case "session.update":
                return [sockets.Take(self._update(UpdateEvent.model_validate(wire).session))]
            case "session.close":
                return [sockets.Take(self._audio.finish()), sockets.End()]
            case _:
                data = audio_bytes(wire)
                if self._language is None:
                    raise InvalidRequestError(
                        "No target language is set. Send session.update with "
                        'session.audio.output.language, for example "es", before audio.',
                        param="session.audio.output.language",
                        code="missing_language",
                    )
                return [sockets.Take(self._audio.feed(data))]

    def _update(self, session: SessionFields) -> fx.Configure:
        """Only what the event mentions is changed."""
        audio = session.audio or Audio()
        language = (audio.output.language if audio.output else None) or self._language
        configured = self._configure(language or "")
        self._language = language
        if audio.input is not None and "transcription" in audio.input.model_fields_set:
            self._transcription = audio.input.transcription
        if audio.input is not None and "noise_reduction" in audio.input.model_fields_set:
            self._noise_reduction = audio.input.noise_reduction
        return configured

    def _tell_text(
        self, committed: events.TranscriptCommitted | events.TranslationCommitted
    ) -> Sequence[Message]:
        name = committed.segment_id
        if isinstance(committed, events.TranscriptCommitted):
            side, kind, language = "source", "session.input_transcript.delta", committed.language
            self._segment_ends[name] = committed.end_ms
            wanted = self._transcription is not None
        else:
            side, kind, language = "target", "session.output_transcript.delta", committed.target
            while next(iter(self._segment_ends), name) != name:
                del self._segment_ends[next(iter(self._segment_ends))]
            wanted = True
        if not wanted or not committed.text:
            return []
        delta = self._joined(side, f"{name} {language}", committed.text, language)
        # Where the target changes, what was begun before is finished beside newer segments.
        elapsed_ms = max(self._elapsed_ms[side], self._segment_ends.get(name, 0))
        self._elapsed_ms[side] = elapsed_ms
        return [self._delta(kind, delta, elapsed_ms)]

    def _joined(self, side: str, passage: str, text: str, language: str) -> str:
        """The text with what stands between two passages, where it begins one.

        A passage is a segment in one language: where the target changes, a translation that was
        begun is finished beside the new one.
        """
        before, self._said[side] = self._said.get(side), passage
        goes_on = before in (None, passage) or text[:1].isspace()
        return text if goes_on else word_joint(language) + text

    @staticmethod
    def _delta(kind: str, delta: str, end_ms: int) -> Message:
        elapsed_ms = -(-end_ms // FRAME_MS) * FRAME_MS
        return event(kind, {"delta": delta, "elapsed_ms": elapsed_ms})

    def _session(self) -> Json:
        heard = Input(transcription=self._transcription, noise_reduction=self._noise_reduction)
        return session_object(self._head, self._language, heard)


def session_object(head: Json, language: str | None, heard: Input) -> Json:
    """A translation session as clients see it."""
    return {
        **head,
        "type": "translation",
        "audio": {
            "input": {
                "transcription": heard.transcription and heard.transcription.model_dump(),
                "noise_reduction": heard.noise_reduction and heard.noise_reduction.model_dump(),
            },
            "output": {"language": language},
        },
    }
