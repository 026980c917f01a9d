"""`GET /v1/models`, and which names requests may give as `model`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from serve_app.api.rest.messages import Message, Model, ModelList
from serve_app.api.service import Service
from serve_app.errors import NotFoundError

OPENAI_TRANSCRIBERS = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
)
"""Names that OpenAI's clients ask for; the configured ASR model answers to all of them."""


async def list_models(request: Request) -> Response:
    """All names."""
    return _answer(ModelList(data=served(request.app.state.service)))


async def get_model(request: Request) -> Response:
    """One of them; NotFoundError for another."""
    service: Service = request.app.state.service
    name = request.path_params["model"]
    for model in served(service):
        if model.id == name:
            return _answer(model)
    raise _unknown(name, [model.id for model in served(service)])


def served(service: Service) -> list[Model]:
    """The models behind the stages, and the names that stand for the first."""
    names = dict.fromkeys([*transcribers(service), service.mt.model])
    return [Model(id=name, owned_by="dragoman") for name in names]


def transcribers(service: Service) -> tuple[str, ...]:
    """Names of the ASR model, its own first."""
    return (service.asr.model, *OPENAI_TRANSCRIBERS)


def require_transcriber(service: Service, name: str) -> None:
    """Raise NotFoundError for a model that recognises no speech here."""
    if name not in transcribers(service):
        raise _unknown(name, transcribers(service))


def require_translator(service: Service, name: str) -> None:
    """Raise NotFoundError for a model that translates no text here."""
    if name != service.mt.model:
        raise _unknown(name, [service.mt.model])


def _answer(message: Message) -> Response:
    return Response(message.to_json(), media_type="application/json")


def _unknown(name: str, known: Iterable[str]) -> NotFoundError:
    return NotFoundError(
        f"The model {name[:200]!r} does not exist here; available are {', '.join(known)}.",
        param="model",
        code="model_not_found",
    )
