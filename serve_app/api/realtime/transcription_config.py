"""Configuration of OpenAI's realtime transcription sessions, also in the beta's spelling."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from serve_app.api.query import MAX_HOTWORDS_CHARACTERS
from serve_app.api.realtime.wire import PCM_RATE_HZ, Json, Section
from serve_app.session.presets import Delay
from serve_app.session.segmenter import SegmenterOptions

MAX_LANGUAGES = 16
HYSTERESIS = 0.15
"""Silero's own distance between the threshold and where speech counts as over."""
CLIENT_ENDED_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""OpenAI serves them without turn detection: their clients send none and commit turns themselves,
and are told text while a turn is being spoken."""
SEMANTIC_SILENCE_MS = {"low": 1_200, "medium": 800, "auto": 800, "high": 480}
"""`semantic_vad` is served as server VAD with this silence: no model here judges what was meant."""

_BETA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_BETA_KEYS = {
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "turn_detection": "turn_detection",
}


Include = Literal["item.input_audio_transcription.logprobs"]


class Pcm(Section):
    """16-bit little-endian mono."""

    type: Literal["audio/pcm"]
    rate: Literal[24_000] = 24_000


class G711(Section):
    """8 kHz, one byte a sample."""

    type: Literal["audio/pcmu", "audio/pcma"]


class Transcription(Section):
    """`keywords` go to the recogniser as hotwords; `prompt` is accepted and not applied."""

    model: str | None = None
    language: str | None = None
    languages: Annotated[list[str], Field(max_length=MAX_LANGUAGES)] | None = None
    keywords: list[str] | None = None
    prompt: str | None = None
    delay: Delay | None = None

    @property
    def hotwords(self) -> str:
        """The keywords as a session takes them."""
        return ", ".join(self.keywords or ())

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if len(self.hotwords) > MAX_HOTWORDS_CHARACTERS:
            raise ValueError(f"keywords may have {MAX_HOTWORDS_CHARACTERS} characters together")
        return self


class NoiseReduction(Section):
    """Accepted and not applied: the models hear the audio as it came."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class ServerVad(Section):
    """Turns end in silence."""

    type: Literal["server_vad"]
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    prefix_padding_ms: Annotated[int, Field(ge=0, le=2_000)] | None = None
    silence_duration_ms: Annotated[int, Field(ge=100, le=10_000)] | None = None
    idle_timeout_ms: int | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class SemanticVad(Section):
    """Turns end in longer or shorter silence."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class Input(Section):
    """What is heard, and how."""

    format: Annotated[Pcm | G711, Field(discriminator="type")] | None = None
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = None


class Audio(Section):
    """Only input here."""

    input: Input | None = None


class SessionFields(Section):
    """What `session.update` may change."""

    type: Literal["transcription"] = "transcription"
    audio: Audio | None = None
    include: list[Include] | None = None


class UpdateEvent(Section):
    """`session.update`."""

    type: Literal["session.update"]
    event_id: str | None = None
    session: SessionFields


@dataclass(frozen=True, slots=True)
class Hearing:
    """A session's configuration in force."""

    format: str = "audio/pcm"
    transcription: Transcription | None = field(default_factory=Transcription)
    turn_detection: ServerVad | SemanticVad | None = field(
        default_factory=lambda: ServerVad(type="server_vad")
    )
    detection_chosen: bool = False
    """Whether the client has said how turns end."""
    noise_reduction: NoiseReduction | None = None
    include: tuple[Include, ...] = ()

    @property
    def is_client_ended(self) -> bool:
        """Whether the model that was named knows only turns that the client ends."""
        model = self.transcription.model if self.transcription else None
        return bool(model) and str(model).startswith(CLIENT_ENDED_MODELS)

    @property
    def languages(self) -> tuple[str, ...]:
        """What may be spoken, as the client names it; empty where that is to be detected."""
        if self.transcription is None:
            return ()
        one = self.transcription.language
        return (one,) if one else tuple(self.transcription.languages or ())

    def updated(self, session: SessionFields) -> Hearing:
        """Only what the event mentions is changed; null turns detection or transcription off."""
        given = session.audio.input if session.audio and session.audio.input else Input()
        hearing = self
        if given.format is not None:
            hearing = replace(hearing, format=given.format.type)
        if "transcription" in given.model_fields_set:
            hearing = replace(hearing, transcription=given.transcription)
        if "turn_detection" in given.model_fields_set:
            hearing = replace(hearing, turn_detection=given.turn_detection, detection_chosen=True)
        elif hearing.is_client_ended and not hearing.detection_chosen:
            hearing = replace(hearing, turn_detection=None)
        if "noise_reduction" in given.model_fields_set:
            hearing = replace(hearing, noise_reduction=given.noise_reduction)
        if "include" in session.model_fields_set:
            hearing = replace(hearing, include=tuple(session.include or ()))
        return hearing

    def state(self) -> Json:
        """As `session.update` would say it."""
        return {
            "format": {"type": self.format},
            "transcription": self.transcription and self.transcription.model_dump(),
            "turn_detection": self.turn_detection and self.turn_detection.model_dump(),
            "noise_reduction": self.noise_reduction and self.noise_reduction.model_dump(),
            "include": list(self.include),
        }

    @classmethod
    def of_state(cls, state: Json) -> Hearing:
        """The counterpart of `state`."""
        keys = ("format", "transcription", "turn_detection", "noise_reduction")
        fields = {
            "audio": {"input": {key: state[key] for key in keys}},
            "include": state["include"],
        }
        return cls().updated(SessionFields.model_validate(fields))

    def segmenter(self, default: SegmenterOptions) -> SegmenterOptions:
        """When a turn begins and ends; without turn detection pauses still cut what is decoded."""
        match self.turn_detection:
            case ServerVad() as vad:
                threshold = vad.threshold or default.start_probability
                return replace(
                    default,
                    start_probability=threshold,
                    stop_probability=max(threshold - HYSTERESIS, threshold / 2),
                    min_silence_ms=vad.silence_duration_ms or default.min_silence_ms,
                    sentence_silence_ms=None
                    if vad.silence_duration_ms
                    else default.sentence_silence_ms,
                    pad_ms=default.pad_ms
                    if vad.prefix_padding_ms is None
                    else vad.prefix_padding_ms,
                )
            case SemanticVad(eagerness=eagerness):
                silence_ms = SEMANTIC_SILENCE_MS[eagerness or "auto"]
                return replace(default, min_silence_ms=silence_ms, sentence_silence_ms=None)
            case None:
                return default

    def to_wire(self, model: str, default: SegmenterOptions) -> Json:
        """The `audio` of a session object, defaults filled in."""
        kind: dict[str, Any] = {"type": self.format}
        if self.format == "audio/pcm":
            kind["rate"] = PCM_RATE_HZ
        detection: dict[str, Any] | None = None
        if isinstance(self.turn_detection, ServerVad):
            in_force = self.segmenter(default)
            detection = {
                "type": "server_vad",
                "threshold": in_force.start_probability,
                "prefix_padding_ms": in_force.pad_ms,
                "silence_duration_ms": in_force.min_silence_ms,
            }
        elif self.turn_detection is not None:
            detection = {"type": "semantic_vad", "eagerness": self.turn_detection.eagerness}
        transcription: dict[str, Any] | None = None
        if self.transcription is not None:
            told = {"language", "languages", "keywords", "prompt", "delay"}
            given = self.transcription.model_dump(include=told, exclude_none=True)
            transcription = {"model": self.transcription.model or model, **given}
        return {
            "input": {
                "format": kind,
                "transcription": transcription,
                "turn_detection": detection,
                "noise_reduction": self.noise_reduction and self.noise_reduction.model_dump(),
            }
        }


def modern(session: object) -> object:
    """A session object in today's spelling, where it is in the beta's."""
    if not isinstance(session, dict):
        return session
    flat = {key: value for key, value in session.items() if key.startswith("input_audio_")}
    if not flat and "turn_detection" not in session:
        return session
    kept = {k: v for k, v in session.items() if k not in flat and k != "turn_detection"}
    given: dict[str, Any] = {new: session[old] for old, new in _BETA_KEYS.items() if old in session}
    if "input_audio_format" in flat:
        name = flat["input_audio_format"]
        known = _BETA_FORMATS.get(name) if isinstance(name, str) else None
        given["format"] = {"type": known or name}
    return {**kept, "audio": {"input": given}}
