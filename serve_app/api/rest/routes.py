"""The REST doors by path, which is also what `openapi.json` lists."""

from __future__ import annotations

from starlette.routing import Route

from serve_app.api.rest.audio import transcriptions, translations
from serve_app.api.rest.languages import list_languages
from serve_app.api.rest.models import get_model, list_models
from serve_app.api.rest.openapi import openapi
from serve_app.api.rest.translate import translate

REST_ROUTES = (
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/v1/audio/translations", translations, methods=["POST"]),
    Route("/v1/translate", translate, methods=["POST"]),
    Route("/v1/languages", list_languages),
    Route("/v1/models", list_models),
    Route("/v1/models/{model:path}", get_model),
    Route("/openapi.json", openapi),
)
