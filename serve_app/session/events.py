"""What a client is told about its session: the native wire events, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A committed word on the session's clock."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; `type` is its name on the wire."""

    type: ClassVar[str]


@dataclass(frozen=True, slots=True)
class SessionCreated(Event):
    """First event of every session."""

    type: ClassVar[str] = "session.created"
    session_id: str
    config: Mapping[str, Any]
    """The options in force, defaults filled in."""
    acked_ms: int = 0
    """Where the audio begins: above 0 only where a session is taken up again."""
    resume_token: str | None = None
    """Takes the session up again from `acked_ms`; null where the door cannot."""
    viewer_token: str | None = None
    """Lets whoever holds it read along; null where `viewers` is false."""


@dataclass(frozen=True, slots=True)
class SessionUpdated(Event):
    """The options were changed on the client's wish."""

    type: ClassVar[str] = "session.updated"
    config: Mapping[str, Any]
    """The options now in force."""
    resume_token: str | None = None
    """Replaces the token before it."""
    viewer_token: str | None = None
    """As in `session.created`."""


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Somebody began to speak."""

    type: ClassVar[str] = "speech.started"
    at_ms: int
    utterance_id: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """The utterance ended."""

    type: ClassVar[str] = "speech.stopped"
    at_ms: int
    utterance_id: str = ""


@dataclass(frozen=True, slots=True)
class UtteranceCompleted(Event):
    """Every word of the utterance is committed."""

    type: ClassVar[str] = "utterance.completed"
    utterance_id: str
    start_ms: int
    end_ms: int
    continued: bool
    """True where it was cut because it grew too long, and speech goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Flushed(Event):
    """All that was said before the client's `flush` is committed."""

    type: ClassVar[str] = "flushed"
    at_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptPartial(Event):
    """The volatile tail of the utterance; replaces the tail sent before, never committed text."""

    type: ClassVar[str] = "transcript.partial"
    utterance_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptCommitted(Event):
    """Text that is final. The texts of one segment, concatenated, are the segment's text."""

    type: ClassVar[str] = "transcript.committed"
    segment_id: str
    utterance_id: str
    text: str
    start_ms: int
    end_ms: int
    language: str
    closed: bool
    """True on the last event of a segment: the rest of its translation follows."""
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslationPartial(Event):
    """The volatile tail of a translation; replaces the tail sent before, never committed text."""

    type: ClassVar[str] = "translation.partial"
    segment_id: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class TranslationCommitted(Event):
    """Translated text that is final. Those of one segment, concatenated, are its translation."""

    type: ClassVar[str] = "translation.committed"
    segment_id: str
    target: str
    text: str
    closed: bool = True
    """True on the last event of a segment in this target."""


@dataclass(frozen=True, slots=True)
class Ack(Event):
    """Audio before this is fully dealt with: the client may forget it."""

    type: ClassVar[str] = "ack"
    acked_ms: int
    resume_token: str | None = None
    """Takes the session up again from here; null where the door cannot."""


@dataclass(frozen=True, slots=True)
class SlowDown(Event):
    """Audio comes faster than it is dealt with, and what may be held of it is nearly full."""

    type: ClassVar[str] = "slow_down"
    waiting_bytes: int
    """Audio that was received and not yet taken."""
    limit_bytes: int
    """Beyond this the session ends with the error `too_far_ahead`."""


@dataclass(frozen=True, slots=True)
class GoAway(Event):
    """The server must let the session go: it finishes what is committed, and ends.

    On a WebSocket the close with 1012 follows soon: take the session up again, on any replica.
    `POST /v1/stream` goes on until shortly before the deadline, and then as if the audio had ended.
    """

    type: ClassVar[str] = "go_away"
    reason: str
    """`shutdown`: the replica goes; `age`: the connection lasted for as long as one may."""
    deadline_ms: int
    """The session has ended by then, counted from now."""


@dataclass(frozen=True, slots=True)
class Warning(Event):
    """Something was skipped and the session goes on."""

    type: ClassVar[str] = "warning"
    code: str
    message: str
    lost_ms: int = 0
    """Audio without a transcript because of it."""


@dataclass(frozen=True, slots=True)
class Error(Event):
    """The session cannot go on; `session.closed` follows."""

    type: ClassVar[str] = "error"
    code: str
    message: str
    retryable: bool
    retry_after_s: int | None = None
    """When the same may work; null where that cannot be said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the session consumed."""

    audio_ms: int
    speech_ms: int
    segments: int


@dataclass(frozen=True, slots=True)
class SessionClosed(Event):
    """Last event of every session."""

    type: ClassVar[str] = "session.closed"
    reason: str
    """`completed`, `error`, or `go_away`: the server had to let it go."""
    usage: Usage = field(default_factory=lambda: Usage(0, 0, 0))


@dataclass(frozen=True, slots=True)
class ViewerJoined(Event):
    """First event of a viewer's connection; what was committed so far follows."""

    type: ClassVar[str] = "viewer.joined"
    session_id: str
    targets: tuple[str, ...]
    """Into which the session translates now."""
    resumed: bool
    """True where only what the viewer does not hold follows; false: forget what you hold. It may
    come again in the middle, where the speaker went on from an earlier word than was told."""
    complete: bool
    """False where the session began before the oldest text that is kept."""


@dataclass(frozen=True, slots=True)
class ViewerLeft(Event):
    """Last event of a viewer's connection, where the session has not closed."""

    type: ClassVar[str] = "viewer.left"
    reason: str
    """`renew`: connect again with the id of the last event, as browsers do by themselves.
    `link_expired`: ask the owner for another link. `session_lost`: nothing was told of the session
    for too long."""


@dataclass(frozen=True, slots=True)
class ConversationUpdated(Event):
    """First event of a conversation's stream, and whenever something of this changes."""

    type: ClassVar[str] = "conversation.updated"
    conversation_id: str
    you: str
    """`host` or `guest`: whose link this is."""
    languages: Mapping[str, str]
    """In which each side reads; empty for one that has not come yet."""
    present: Mapping[str, bool]
    """Who reads along now."""
    consents: Mapping[str, bool]
    """Who agrees that the conversation is written down."""
    consent_asked_by: str | None
    """Who has asked the other side to agree and waits for its answer."""


def to_wire(seq: int, event: Event) -> dict[str, Any]:
    """The event as a JSON object: its type, its number in the session, its fields."""
    return {"type": event.type, "seq": seq, **asdict(event)}
