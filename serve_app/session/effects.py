"""What goes into a session and what it asks for: every input and every effect, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from deployments.types import AsrRequest, Draft, Hypothesis, MtRequest, VadAnswer, VadRequest
from serve_app.session.events import Event
from serve_app.session.options import SessionOptions
from serve_app.session.resume import ResumePoint


@dataclass(frozen=True, slots=True)
class Audio:
    """16-bit little-endian mono PCM at 16 kHz, cut anywhere."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfAudio:
    """The client has no more to say."""


@dataclass(frozen=True, slots=True)
class Flush:
    """The turn ends here: what was said so far is committed without waiting for a pause."""


@dataclass(frozen=True, slots=True)
class Configure:
    """Other options from here on; `config` is how the client is told of them.

    New targets hold for the segments that are not closed yet, other options for later utterances.
    """

    options: SessionOptions
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AudioFailed:
    """The audio cannot be read any further; what came before is still dealt with."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Behind:
    """So many bytes of audio wait outside, because the session does not want them yet."""

    waiting_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The client is to be told that the session must leave."""

    reason: str
    deadline_ms: int
    """From now, in wall time."""


class Leave(Enum):
    """How the session is to leave; none takes more audio in."""

    COMMITTED = "committed"
    """When what is committed is translated: the client takes the session up again elsewhere."""
    AT_PAUSE = "at_pause"
    """When nobody speaks, with all that was said before dealt with."""
    HEARD = "heard"
    """When all audio that is here is dealt with."""
    AT_ONCE = "at_once"
    """With whatever is left undone."""


@dataclass(frozen=True, slots=True)
class VadAnswered:
    """Outcome of the RunVad in flight."""

    answer: VadAnswer


@dataclass(frozen=True, slots=True)
class AsrAnswered:
    """Outcome of the RunAsr in flight."""

    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True)
class MtAnswered:
    """Outcome of a RunMt."""

    segment_id: str
    target: str
    draft: Draft


class Stage(Enum):
    """The stages that a session asks."""

    VAD = "vad"
    ASR = "asr"
    MT = "mt"


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage gave no answer, retries included."""

    stage: Stage
    message: str
    segment_id: str = ""
    """Of the failed RunMt."""
    target: str = ""
    deadly: bool = False
    """Whether replicas died of the request, or were stuck: it must not be asked again."""


Input = (
    Audio
    | EndOfAudio
    | Flush
    | Configure
    | AudioFailed
    | Behind
    | GoAway
    | Leave
    | VadAnswered
    | AsrAnswered
    | MtAnswered
    | StageFailed
)


@dataclass(frozen=True, slots=True)
class RunVad:
    """Ask VAD; at most one in flight."""

    request: VadRequest


@dataclass(frozen=True, slots=True)
class RunAsr:
    """Ask ASR; at most one in flight."""

    request: AsrRequest


@dataclass(frozen=True, slots=True)
class RunMt:
    """Ask MT; any number in flight."""

    segment_id: str
    request: MtRequest


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the client."""

    seq: int
    event: Event
    resume: ResumePoint | None = None
    """On events that carry a resume token: what the door is to sign."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more will come of this session."""


Effect = RunVad | RunAsr | RunMt | Emit | Finish
