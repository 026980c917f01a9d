"""Query strings to validated options; an error names the key and what it may say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from deployments.languages import LANGUAGE_NAMES
from deployments.types import StageInfo
from serve_app.api.service import Service
from serve_app.decode import AudioFormat
from serve_app.errors import InvalidRequestError
from serve_app.session.options import SessionOptions

AUTO = "auto"
MAX_TARGETS = 8


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
        _require_language(target, service.mt, "target")
    return query


def session_options(service: Service, query: StreamQuery) -> SessionOptions:
    """What a session of this server does for such a query."""
    return service.config.session.options(
        query.source_language, query.target, partials=query.partials
    )


def query_values(params: QueryParams) -> dict[str, Any]:
    """A query string's keys; raises InvalidRequestError for one given twice."""
    values: dict[str, Any] = {}
    for key, value in params.multi_items():
        if key == "target":
            if value not in (targets := values.get(key, ())):
                values[key] = (*targets, value)
        elif key in values:
            raise InvalidRequestError(f"The query key {key!r} may be given only once.", param=key)
        else:
            values[key] = value
    return values


def _validated(values: Mapping[str, Any]) -> StreamQuery:
    if isinstance(target := values.get("target"), str):
        values = {**values, "target": (target,)}
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
