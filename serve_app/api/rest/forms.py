"""Fields of the multipart forms, checked; an error names the field and what it may say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from serve_app.api.rest.formats import Granularity, ResponseFormat
from serve_app.errors import InvalidRequestError

MAX_PROMPT_CHARACTERS = 4_000
MAX_KEYWORDS = 100
MAX_KEYWORD_CHARACTERS = 100
MAX_LANGUAGES = 16

_NAME = re.compile(r"(?P<field>[^\[\]]+)(?:\[(?P<key>[^\[\]]*)\])?")

Keyword = Annotated[str, Field(max_length=MAX_KEYWORD_CHARACTERS)]
F = TypeVar("F", bound="AudioForm")


class Section(BaseModel):
    """A part of a form; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerVad(Section):
    """How pauses cut the audio."""

    type: Literal["server_vad"]
    prefix_padding_ms: Annotated[int, Field(ge=0, le=2_000)] | None = None
    """Audio kept on either side of speech."""
    silence_duration_ms: Annotated[int, Field(ge=100, le=5_000)] | None = None
    """Silence that ends an utterance."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Speech probability from which a frame may begin an utterance."""


class AudioForm(Section):
    """What both audio doors take besides the file."""

    model: str
    """The configured ASR model, or any of OpenAI's names for a transcription model."""
    prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] = ""
    """Text before the audio; a hint that a model may ignore."""
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Accepted and without effect: decoding is by beam search, and repeatable."""
    response_format: ResponseFormat = "json"
    stream: bool = False
    """Send `transcript.text.delta` events as sentences come to be known."""


class TranscriptionForm(AudioForm):
    """`POST /v1/audio/transcriptions`."""

    language: str | None = None
    """Spoken language, ISO 639-1; detected where it is not given."""
    languages: Annotated[tuple[str, ...], Field(max_length=MAX_LANGUAGES)] = ()
    """Languages that detection may choose from."""
    keywords: Annotated[tuple[Keyword, ...], Field(max_length=MAX_KEYWORDS)] = ()
    """Words that are likely to be said; a hint that a model may ignore."""
    include: tuple[Literal["logprobs"], ...] = ()
    timestamp_granularities: tuple[Granularity, ...] = ("segment",)
    chunking_strategy: Literal["auto"] | ServerVad | Json[ServerVad] = "auto"
    known_speaker_names: tuple[str, ...] = ()
    """Accepted and without effect: speakers are not told apart."""
    known_speaker_references: tuple[str, ...] = ()
    """Accepted and without effect: speakers are not told apart."""


class TranslationForm(AudioForm):
    """`POST /v1/audio/translations`; the languages are an extension of OpenAI's."""

    source_language: str | None = None
    """Spoken language, ISO 639-1; detected where it is not given."""
    target_language: str = "en"
    """Language to translate into."""


def parse(form: type[F], fields: Iterable[tuple[str, str]]) -> F:
    """Fields as they came, to a checked form; raises InvalidRequestError."""
    try:
        checked = form.model_validate(_gathered(form, fields))
    except ValidationError as error:
        raise _first_problem(form, error) from error
    _require_possible(checked)
    return checked


def _gathered(form: type[AudioForm], fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Repeated and bracketed names put together: `a[]=1&a[]=2`, `a=1&a=2`, `a[b]=1`."""
    values: dict[str, Any] = {}
    for name, value in fields:
        matched = _NAME.fullmatch(name)
        if matched is None:
            raise _unknown(form, name)
        field, key = matched["field"], matched["key"]
        if key and not key.isdigit():
            _put(_nested(form, values, field, name), key, value, name)
        elif _is_list(form, field):
            if value:
                values[field] = (*values.get(field, ()), value)
        elif value or field not in form.model_fields:
            # An empty field is how HTML forms and shells leave one out.
            _put(values, field, value, name)
    return values


def _nested(form: type[AudioForm], values: dict[str, Any], field: str, name: str) -> dict[str, str]:
    """The object that `a[b]` is a member of."""
    if _is_list(form, field) or not isinstance(nested := values.setdefault(field, {}), dict):
        raise _unknown(form, name)
    return nested


def _put(values: dict[str, Any], key: str, value: str, name: str) -> None:
    if key in values:
        raise InvalidRequestError(
            f"The form field {name!r} may be given only once.", param=name, code="repeated_field"
        )
    values[key] = value


def _is_list(form: type[AudioForm], field: str) -> bool:
    info = form.model_fields.get(field)
    return info is not None and get_origin(info.annotation) is tuple


def _require_possible(form: AudioForm) -> None:
    """What each field allows alone, and not with the others; OpenAI refuses the same."""
    if form.response_format == "diarized_json":
        raise _refused(
            "response_format", "Speakers are not told apart here yet: ask for verbose_json or json."
        )
    if form.stream and form.response_format not in {"json", "text"}:
        raise _refused("stream", "stream=true sends events: ask for response_format=json.")
    if isinstance(form, TranscriptionForm):
        _require_fitting_extras(form)


def _require_fitting_extras(form: TranscriptionForm) -> None:
    given = form.model_fields_set
    if "timestamp_granularities" in given and form.response_format != "verbose_json":
        raise _refused(
            "timestamp_granularities",
            "Only response_format=verbose_json holds words and segments: ask for it, or leave "
            "timestamp_granularities away.",
        )
    if form.include and form.response_format != "json":
        raise _refused("include", "Only response_format=json holds logprobs: ask for it.")


def _refused(param: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(message, param=param, code="unsupported_value")


def _first_problem(form: type[AudioForm], error: ValidationError) -> InvalidRequestError:
    problem = error.errors()[0]
    field = str(problem["loc"][0])
    match problem["type"]:
        case "extra_forbidden" if len(problem["loc"]) == 1:
            return _unknown(form, field)
        case "missing":
            return InvalidRequestError(
                f"The form field {field!r} is missing.", param=field, code="missing_parameter"
            )
    given = str(problem["input"])[:100]
    return InvalidRequestError(
        f"The form field {field!r} cannot be {given!r}: {problem['msg']}.",
        param=field,
        code="invalid_value",
    )


def _unknown(form: type[AudioForm], name: str) -> InvalidRequestError:
    known = ", ".join(["file", *form.model_fields])
    return InvalidRequestError(
        f"Unknown form field {name!r}; known are {known}.", param=name, code="unknown_parameter"
    )
