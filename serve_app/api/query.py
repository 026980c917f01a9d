"""Query strings to validated options; an error names the key and what it may say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from deployments.boards import MAX_TARGETS
from deployments.languages import LANGUAGE_NAMES
from deployments.types import StageInfo
from serve_app.api.glossary import parse_glossary
from serve_app.api.service import Service
from serve_app.decode import AudioFormat
from serve_app.errors import InvalidRequestError
from serve_app.session.append import MtMode
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay

AUTO = "auto"
MAX_HOTWORDS_CHARACTERS = 300
REPEATABLE = frozenset({"target", "glossary"})


class StreamQuery(BaseModel):
    """What `POST /v1/stream` may be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = AUTO
    """Spoken language, or `auto`."""
    target: Annotated[tuple[str, ...], Field(max_length=MAX_TARGETS)] = ()
    format: AudioFormat = "auto"
    rate: int = 16_000
    """Of raw PCM, in Hz."""
    channels: int = 1
    """Of raw PCM."""
    partials: bool = True
    delay: Delay | None = None
    """One knob from fastest to best; without it, the server's own setting."""
    policy: PolicyName | None = None
    """When words are committed; without it, as the delay has it."""
    hotwords: Annotated[str, Field(max_length=MAX_HOTWORDS_CHARACTERS)] = ""
    """Names and terms that are likely to be said."""
    mt_mode: MtMode | None = None
    """What of a translation is told while its segment is spoken; None for the server's choice."""
    glossary: tuple[str, ...] = ()
    """`source=target` or `de:source=target`."""
    viewers: bool = False
    """Whether others may read along: `session.created` then has a `viewer_token`."""
    viewer_targets: Annotated[int, Field(ge=0, le=MAX_TARGETS)] = 4
    """How many languages viewers may add to `target`, each once for all who read it."""
    conversation: str | None = None
    """Joins a conversation: the token of the side that speaks here."""

    @property
    def source_language(self) -> str | None:
        """None where it is to be detected."""
        return None if self.source == AUTO else self.source


def parse_stream_query(params: QueryParams, service: Service) -> StreamQuery:
    """Raises InvalidRequestError for unknown keys, values and languages."""
    return parse_stream_config(query_values(params), service)


def parse_stream_config(values: Mapping[str, Any], service: Service) -> StreamQuery:
    """The same keys from elsewhere; raises InvalidRequestError."""
    query = _validated(values)
    if query.source != AUTO:
        _require_language(query.source, service.asr, "source", f"{AUTO}, ")
    for target in query.target:
        require_target(target, service)
    parse_glossary(query.glossary, query.target, service.mt)
    mode = query.mt_mode or service.config.session.mt_mode_for(service.mt)
    if mode == "append" and not service.mt.takes_prefix:
        raise InvalidRequestError(
            f"The model {service.mt.model} cannot be made to go on from a translation that was "
            "begun, so there is no mt_mode=append here; use revise or final.",
            param="mt_mode",
            code="unsupported_parameter",
        )
    return query.model_copy(update={"mt_mode": mode})


def session_options(service: Service, query: StreamQuery) -> SessionOptions:
    """What a session of this server does for such a query."""
    settings = service.config.session
    return settings.options(
        query.source_language,
        query.target,
        partials=query.partials,
        delay=query.delay,
        policy=query.policy,
        hotwords=query.hotwords,
        mt_mode=query.mt_mode or settings.mt_mode_for(service.mt),
        glossary=parse_glossary(query.glossary, query.target, service.mt),
    )


def with_viewers_targets(
    query: StreamQuery, own: Iterable[str], viewers: Iterable[str], service: Service
) -> StreamQuery | None:
    """The query with the owner's targets and the viewers'; None where that changes nothing."""
    targets = tuple(dict.fromkeys((*own, *viewers)))[:MAX_TARGETS]
    if targets == query.target:
        return None
    terms = query.glossary
    if len(query.target) == 1:
        # A term may leave out its language only while there is one.
        only = f"{query.target[0]}:"
        terms = tuple(term if term.startswith(only) else only + term for term in terms)
    gone = tuple(f"{target}:" for target in query.target if target not in targets)
    terms = tuple(term for term in terms if not term.startswith(gone))
    values = {**query.model_dump(), "target": targets, "glossary": terms}
    return parse_stream_config(values, service)


def require_target(code: str, service: Service) -> None:
    """Raises InvalidRequestError for a language that nothing is translated into."""
    _require_language(code, service.mt, "target")


def query_values(params: QueryParams) -> dict[str, Any]:
    """A query string's keys; raises InvalidRequestError for one given twice."""
    values: dict[str, Any] = {}
    for key, value in params.multi_items():
        if key in REPEATABLE:
            if value not in (given := values.get(key, ())):
                values[key] = (*given, value)
        elif key in values:
            raise InvalidRequestError(f"The query key {key!r} may be given only once.", param=key)
        else:
            values[key] = value
    return values


def _validated(values: Mapping[str, Any]) -> StreamQuery:
    single = {key: (values[key],) for key in REPEATABLE if isinstance(values.get(key), str)}
    values = {**values, **single}
    try:
        return StreamQuery.model_validate(values)
    except ValidationError as error:
        raise _first_problem(error) from error


def _first_problem(error: ValidationError) -> InvalidRequestError:
    problem = error.errors()[0]
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(StreamQuery.model_fields)
        return InvalidRequestError(
            f"Unknown query key {key!r}; known are {known}.", param=key, code="unknown_parameter"
        )
    return InvalidRequestError(
        f"The query key {key!r} cannot be {problem['input']!r}: {problem['msg']}.",
        param=key,
        code="invalid_value",
    )


def _require_language(code: str, stage: StageInfo, param: str, also: str = "") -> None:
    served = stage.languages or tuple(LANGUAGE_NAMES)
    if code not in served:
        raise InvalidRequestError(
            f"{param}={code!r} is not served by the model {stage.model}; use one of "
            f"{also}{_listed(served)}.",
            param=param,
            code="unsupported_language",
        )


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(sorted(codes))
