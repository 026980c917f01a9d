"""Every JSON body that leaves through the REST doors, as OpenAI's clients read them.

The shapes are those of `openai.types.audio` 3.52; `openapi.json` is made from these classes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """A JSON object on its way out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> str:
        """Without the members that have no value."""
        return self.model_dump_json(exclude_none=True)


class Logprob(Message):
    """How sure the model is of a token; our tokens are words."""

    token: str
    logprob: float
    bytes: list[int]
    """UTF-8 of the token."""


class Language(Message):
    """A language that was heard."""

    code: str


class UsageDuration(Message):
    """What a request used, by the length of its audio."""

    type: Literal["duration"] = "duration"
    seconds: float


class InputTokenDetails(Message):
    """What input tokens stand for."""

    audio_tokens: int
    text_tokens: int


class UsageTokens(Message):
    """What a request used, in tokens: ten for a second of audio, one for a written word."""

    type: Literal["tokens"] = "tokens"
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: InputTokenDetails


class Transcription(Message):
    """`response_format=json` of a transcription."""

    text: str
    languages: list[Language]
    logprobs: list[Logprob] | None = None
    usage: UsageDuration


class Translation(Message):
    """`response_format=json` of a translation."""

    text: str


class VerboseWord(Message):
    """A word; times in seconds from the start of the file."""

    word: str
    start: float
    end: float


class VerboseSegment(Message):
    """A sentence or a part of one; times in seconds from the start of the file."""

    id: int
    seek: int
    """Start of the window that it was decoded in, in hundredths of a second."""
    start: float
    end: float
    text: str
    tokens: list[int]
    """Always empty: tokens differ from model to model."""
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class TranscriptionVerbose(Message):
    """`response_format=verbose_json` of a transcription."""

    task: Literal["transcribe"] = "transcribe"
    language: str
    """English name, in lower case."""
    duration: float
    text: str
    segments: list[VerboseSegment] | None = None
    words: list[VerboseWord] | None = None
    usage: UsageDuration


class TranslationVerbose(Message):
    """`response_format=verbose_json` of a translation."""

    task: Literal["translate"] = "translate"
    language: str
    """English name of the language translated into, in lower case."""
    duration: float
    text: str
    segments: list[VerboseSegment]


class TranscriptTextDelta(Message):
    """Streaming: the next piece of text; all of them together are the whole."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str
    logprobs: list[Logprob] | None = None


class TranscriptTextDone(Message):
    """Streaming: the last event, with the whole text."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    languages: list[Language]
    logprobs: list[Logprob] | None = None
    usage: UsageTokens


class Model(Message):
    """A name that requests may give as `model`."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    """Always 0: when a model was made is not known here."""
    owned_by: str


class ModelList(Message):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


class NamedLanguage(Message):
    """A language; the name is English."""

    code: str
    name: str


class ServedLanguages(Message):
    """Languages that may be spoken, and those that they are translated into."""

    source: list[NamedLanguage]
    target: list[NamedLanguage]


class TranslatedText(Message):
    """One text in one target language."""

    index: int
    """Of the text in the request."""
    target: str
    text: str


class TranslateAnswer(Message):
    """Answer of `POST /v1/translate`: for each text in turn, all targets in the order asked for."""

    model: str
    source: str
    translations: list[TranslatedText]


class Alive(Message):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(Message):
    """Whether sessions can be served, and of each stage `ready` or the reason why not."""

    status: Literal["ready", "not_ready"]
    stages: dict[str, str]


class ClientSecretAnswer(Message):
    """A client secret, and the session that it opens."""

    value: str
    """Shown as a key is; begins with `ek_`."""
    expires_at: int
    """Seconds since the epoch."""
    session: dict[str, Any]
    """As `session.created` will show it."""


class ErrorDetail(Message):
    """What went wrong and how to mend it."""

    message: str
    type: str
    param: Annotated[str | None, Field()]
    code: Annotated[str | None, Field()]


class ErrorAnswer(Message):
    """Body of every answer that is no success."""

    error: ErrorDetail
