"""`POST /v1/realtime/client_secrets` and `POST /v1/realtime/translations/client_secrets`.

What a browser gets instead of a key (openai-python 3.52, `client_secret_create_params`): good for
minutes, for sessions of one kind, which begin with the configuration that it is bound to.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serve_app.api.bounds import json_body
from serve_app.api.guard import require
from serve_app.api.query import session_options
from serve_app.api.realtime.doors import (
    preset_of,
    session_head,
    transcription_object,
    translation_query,
)
from serve_app.api.realtime.transcription_config import Hearing, SessionFields, modern
from serve_app.api.realtime.translation import NewSession, session_object
from serve_app.api.realtime.wire import Json, Section, invalid, parse_event
from serve_app.api.rest.messages import ClientSecretAnswer
from serve_app.api.service import Service
from serve_app.auth.client_secrets import (
    DEFAULT_TTL_S,
    MAX_TTL_S,
    MIN_TTL_S,
    ClientSecret,
    Holder,
    SecretFor,
    SecretSigner,
)
from serve_app.errors import InvalidRequestError

MAX_SESSION_BYTES = 3_000
"""Of the configuration as JSON: the secret carries it and has to fit into a header line."""

M = TypeVar("M", bound=Section)


class ExpiresAfter(Section):
    """How long the secret opens sessions; those that it opened go on."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=MIN_TTL_S, le=MAX_TTL_S)] = DEFAULT_TTL_S


class TranscriptionSecret(Section):
    """A secret for transcription sessions."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: SessionFields = SessionFields()


class BoundTranslation(NewSession):
    """A translation session names its model from the start."""

    model: str


class TranslationSecret(Section):
    """A secret for translation sessions."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: BoundTranslation


async def transcription_secret(request: Request) -> Response:
    """For `/v1/realtime`."""
    service: Service = request.app.state.service
    body = await _body(request)
    if "session" in body:
        body["session"] = modern(body["session"])
    asked = _validated(TranscriptionSecret, body)
    hearing = Hearing().updated(asked.session)
    preset_of(service, hearing, partials=False)
    shown = transcription_object(service, session_head(service, None), hearing)
    return _issued(request, "transcription", asked.session, asked.expires_after, shown)


async def translation_secret(request: Request) -> Response:
    """For `/v1/realtime/translations`."""
    service: Service = request.app.state.service
    asked = _validated(TranslationSecret, await _body(request))
    session = asked.session
    session_options(service, translation_query(service, session.language or ""))
    head = session_head(service, session.model)
    shown = session_object(head, session.language, session.heard)
    return _issued(request, "translation", session, asked.expires_after, shown)


def _issued(
    request: Request,
    session_type: SecretFor,
    session: SessionFields | BoundTranslation,
    expires_after: ExpiresAfter,
    shown: Json,
) -> Response:
    principal = require(request, "stream")
    signer: SecretSigner = request.app.state.secrets
    bound = session.model_dump(mode="json", exclude_unset=True)
    if len(json.dumps(bound)) > MAX_SESSION_BYTES:
        raise InvalidRequestError(
            f"The session is longer than {MAX_SESSION_BYTES} bytes of JSON, more than a secret can "
            "carry. Leave long keywords and prompts to session.update.",
            param="session",
            code="session_too_large",
        )
    holder = Holder(principal.client, principal.key_id, ClientSecret(session_type, bound))
    issued = signer.issue(holder, expires_after.seconds)
    answer = ClientSecretAnswer(value=issued.value, expires_at=issued.expires_at, session=shown)
    # With its nulls: they say what is turned off.
    return JSONResponse(answer.model_dump(), headers={"cache-control": "no-store"})


def _validated(model: type[M], body: dict[str, Any]) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error


async def _body(request: Request) -> Json:
    """The request as a JSON object, empty where nothing was sent."""
    service: Service = request.app.state.service
    body = await json_body(request, service.config.limits)
    return parse_event(body) if body else {}


SECRET_ROUTES = (
    Route("/v1/realtime/client_secrets", transcription_secret, methods=["POST"]),
    Route("/v1/realtime/translations/client_secrets", translation_secret, methods=["POST"]),
)
