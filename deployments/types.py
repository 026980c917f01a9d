"""Every message between stages, and the ports they answer to; no engine, no Ray, no session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
"""Rate of all audio between stages; outside rates are converted at the door."""

VAD_FRAME_SAMPLES = 512
"""Samples that one VAD step consumes (32 ms); fixed by Silero at 16 kHz."""

VAD_CONTEXT_SAMPLES = 64
"""Samples of the previous frame that Silero sees again in front of each frame."""

Samples = NDArray[np.float32]
"""Mono PCM at 16 kHz, shape (n,), in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a request is to be dealt with, whatever it is about."""

    within_s: float | None = None
    """After this time nobody waits for the answer any more; None for as long as it takes."""
    alone: bool = False
    """True where the engine may be stuck with it: it shares no batch."""


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class VadState:
    """What Silero carries from one frame to the next; 1,280 bytes a stream."""

    lstm: NDArray[np.float32]
    """Hidden and cell state, shape (2, 1, 128)."""
    context: Samples
    """Last VAD_CONTEXT_SAMPLES samples already heard."""

    @classmethod
    def initial(cls) -> VadState:
        """State before the first sample of a stream."""
        return cls(
            lstm=np.zeros((2, 1, 128), dtype=np.float32),
            context=np.zeros(VAD_CONTEXT_SAMPLES, dtype=np.float32),
        )


@dataclass(frozen=True, slots=True)
class VadRequest:
    """Consecutive frames of one stream."""

    state: VadState
    samples: Samples
    """A whole number of VAD_FRAME_SAMPLES frames."""
    terms: Terms = NO_TERMS


@dataclass(frozen=True, slots=True)
class VadAnswer:
    """One speech probability for each frame asked about, and the state to ask with next."""

    state: VadState
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """One window of one utterance to decode."""

    samples: Samples
    language: str | None
    """ISO 639-1 code, or None to detect it."""
    prefix: str = ""
    """Committed text inside the window: forced, and not repeated in the answer."""
    context: str = ""
    """Committed text before the window; a hint that engines without prompt training ignore."""
    hotwords: str = ""
    """Names and terms that are likely to be said; such a hint as well."""
    usual_language: str | None = None
    """Where the language is to be detected: what it has been of late."""
    switch_probability: float = 0.0
    """Another language than the usual one is taken only if it is at least this probable."""
    unheard_samples: int = 0
    """How much of the end of the window no decode has heard yet: it has waited that long."""
    final: bool = False
    """True for the last decode of an utterance: beam search instead of greedy."""
    languages: tuple[str, ...] = ()
    """What detection may choose from where `language` is None; empty for all that are served."""
    terms: Terms = NO_TERMS


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written: with a leading space where text has one, and with its punctuation."""

    text: str
    start_samples: int
    """From the start of the window (in a request's answer) or of the session (in a session)."""
    end_samples: int
    probability: float
    attended_samples: int | None = None
    """Where the decoder looked first when it said the word's last token, on the same clock; None
    from an engine that does not tell. The nearer to the end of the window, the likelier it is that
    more audio would change the word."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What ASR thinks a window says, beyond the forced prefix."""

    words: tuple[Word, ...]
    language: str
    language_probability: float
    no_speech_probability: float
    average_log_probability: float
    """Mean log probability of the decoded tokens; 0.0 where none was decoded."""
    full: bool = False
    """Whether the decoder ran out of room, so that speech behind the last word may be missing."""


@dataclass(frozen=True, slots=True)
class MtRequest:
    """Source text of one segment, to be rendered in one target language."""

    source: str
    source_language: str
    target_language: str
    committed_target: str = ""
    """Translation already shown for this segment: forced, the draft starts with it."""
    history: tuple[tuple[str, str], ...] = ()
    """Earlier (source, target) segments, oldest first; a hint that engines may ignore."""
    glossary: tuple[tuple[str, str], ...] = ()
    """(source, target) terms; for models whose StageInfo says that they take them."""
    open: bool = False
    """True while the source may go on: only what is said so far is to be translated."""
    background: bool = False
    """True for whole files and texts: live speech goes first where an engine has to choose."""
    terms: Terms = NO_TERMS


@dataclass(frozen=True, slots=True)
class Draft:
    """A translation of the whole source given, beginning with the committed target."""

    text: str


@dataclass(frozen=True, slots=True)
class StageInfo:
    """What a stage serves, as far as a door must know it before it lets a session in."""

    model: str
    version: str
    languages: tuple[str, ...]
    """ISO 639-1 codes; empty where any language may be asked for."""
    takes_glossary: bool = False
    """Whether a translator can be told how to translate terms."""
    takes_prefix: bool = True
    """Whether a translator can be made to go on from a committed target."""
    takes_open: bool = False
    """Whether a translator was made for unfinished sources; any other makes up an end."""
    fixed_window_samples: int = 0
    """What every window costs as much as, however short it is; 0 where a short one costs less."""


class VadPort(Protocol):
    """Speech detection; raises EngineError."""

    async def detect(self, request: VadRequest) -> VadAnswer:
        """One probability for each frame of the request."""
        ...


class AsrPort(Protocol):
    """Speech recognition; raises EngineError."""

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        """What the window says after the forced prefix."""
        ...

    async def info(self) -> StageInfo:
        """The model behind the port."""
        ...


class MtPort(Protocol):
    """Translation; raises EngineError, UnsupportedLanguageError."""

    async def translate(self, request: MtRequest) -> Draft:
        """The whole source in the target language, beginning with the committed target."""
        ...

    async def info(self) -> StageInfo:
        """The model behind the port."""
        ...


class EngineError(Exception):
    """A stage could not answer a well-formed request."""


class EngineLostError(EngineError):
    """The engine behind a stage has died and will answer nothing any more."""


class EngineStuckError(EngineError):
    """The engine was at work on the request, and on those in its batch, and came to no end."""


class StageUnavailableError(EngineError):
    """No replica of the stage could take the request; the same request may work later."""


class DeadlyRequestError(EngineError):
    """Replicas died or were stuck each time that they were asked this: it is not asked again."""


class SourceTooLongError(EngineError):
    """The text is longer than the translator takes in one piece."""

    code = "text_too_long"


class UnsupportedLanguageError(EngineError):
    """The model does not serve this language or this direction."""

    code = "unsupported_language"
