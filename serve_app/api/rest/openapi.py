"""`GET /openapi.json`: the REST doors, as the classes that check and write their bodies say."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serve_app.api.query import StreamQuery
from serve_app.api.rest.forms import AudioForm, TranscriptionForm, TranslationForm
from serve_app.api.rest.messages import (
    Alive,
    ErrorAnswer,
    Model,
    ModelList,
    Readiness,
    ServedLanguages,
    Transcription,
    TranscriptionVerbose,
    TranscriptTextDelta,
    TranscriptTextDone,
    TranslateAnswer,
    Translation,
    TranslationVerbose,
)
from serve_app.api.rest.translate import TranslateRequest
from serve_app.api.rest.upload import FILE_FIELD
from serve_app.api.viewers import ViewerQuery

Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_IN: tuple[type[BaseModel], ...] = (TranscriptionForm, TranslationForm, TranslateRequest)
_OUT: tuple[type[BaseModel], ...] = (
    Alive,
    ErrorAnswer,
    Model,
    ModelList,
    Readiness,
    ServedLanguages,
    TranscriptTextDelta,
    TranscriptTextDone,
    Transcription,
    TranscriptionVerbose,
    TranslateAnswer,
    Translation,
    TranslationVerbose,
)
_FAILURES = {
    "400": "The request is malformed or asks for what is not served; the message says more.",
    "401": "The link or the key is not good; the message says more.",
    "403": "The link or the key is good, and not for this.",
    "404": "There is no such thing; the message says more.",
    "405": "The path exists and the method does not.",
    "413": "The file or the body is too large.",
    "429": "The server takes on no more now; try again after `retry-after` seconds.",
    "500": "A stage failed.",
    "503": "A stage cannot answer now; try again after `retry-after` seconds.",
}


async def openapi(_: Request) -> Response:
    """The description."""
    return JSONResponse(description())


@cache
def description() -> Schema:
    """OpenAPI 3.1; made once."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dragoman",
            "version": version("dragoman"),
            "summary": "Speech to text and to translations, as OpenAI's clients ask for them.",
        },
        "paths": {
            "/v1/audio/transcriptions": {
                "post": _audio_door(
                    "transcribe", TranscriptionForm, Transcription, TranscriptionVerbose
                )
            },
            "/v1/audio/translations": {
                "post": _audio_door(
                    "translate_audio", TranslationForm, Translation, TranslationVerbose
                )
            },
            "/v1/translate": {
                "post": {
                    "operationId": "translate_text",
                    "summary": "Text in, text out.",
                    "requestBody": _body("application/json", _reference(TranslateRequest)),
                    "responses": {"200": _answer(TranslateAnswer), **_failures()},
                }
            },
            "/v1/languages": {
                "get": {
                    "operationId": "list_languages",
                    "summary": "Languages that may be spoken and translated into.",
                    "responses": {"200": _answer(ServedLanguages), **_failures("405", "500")},
                }
            },
            "/v1/sessions/{id}/events": {
                "get": {
                    "operationId": "follow_session",
                    "summary": "A live session, read along with its viewer link.",
                    "parameters": [_path_parameter("id"), *_query_parameters(ViewerQuery)],
                    "responses": {
                        "200": {
                            "description": "Server-sent events, as docs/protocol.md has them.",
                            "content": {"text/event-stream": {"schema": {"type": "string"}}},
                        },
                        "204": {"description": "The viewer was told all, to the end."},
                        **_failures("400", "401", "403", "404", "429", "503"),
                    },
                }
            },
            "/v1/models": {
                "get": {
                    "operationId": "list_models",
                    "summary": "Names that requests may give as `model`.",
                    "responses": {"200": _answer(ModelList), **_failures("405", "500")},
                }
            },
            "/v1/models/{model}": {
                "get": {
                    "operationId": "get_model",
                    "summary": "One of them.",
                    "parameters": [_path_parameter("model")],
                    "responses": {"200": _answer(Model), **_failures("404", "405", "500")},
                }
            },
            "/v1/stream": {
                "post": _stream_door("stream"),
                "put": _stream_door("stream_upload"),
            },
            "/health/live": {
                "get": {
                    "operationId": "live",
                    "summary": "Whether the process answers.",
                    "responses": {"200": _answer(Alive), **_failures("405", "500")},
                }
            },
            "/health/ready": {
                "get": {
                    "operationId": "ready",
                    "summary": "Whether every stage has a replica that answers.",
                    "responses": {
                        "200": _answer(Readiness),
                        "503": {**_answer(Readiness), "description": "Says which stage has none."},
                        **_failures("405", "500"),
                    },
                }
            },
            "/openapi.json": {
                "get": {
                    "operationId": "describe",
                    "summary": "This description.",
                    "responses": {
                        "200": {
                            "description": "OpenAPI 3.1.",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        },
                        **_failures("405", "500"),
                    },
                }
            },
        },
        "components": {"schemas": _schemas()},
    }


def _audio_door(
    name: str, form: type[AudioForm], plain: type[BaseModel], verbose: type[BaseModel]
) -> Schema:
    bodies = {
        "application/json": {"schema": {"anyOf": [_reference(plain), _reference(verbose)]}},
        "text/plain": {"schema": {"type": "string"}},
        "text/vtt": {"schema": {"type": "string"}},
        "text/event-stream": _events(
            {
                "anyOf": [
                    _reference(event)
                    for event in (TranscriptTextDelta, TranscriptTextDone, ErrorAnswer)
                ]
            }
        ),
    }
    return {
        "operationId": name,
        "summary": (form.__doc__ or "").strip(),
        "requestBody": _body("multipart/form-data", _reference(form)),
        "responses": {
            "200": {"description": "In the format asked for.", "content": bodies},
            **_failures(),
        },
    }


def _events(data: Schema) -> Schema:
    """Server-sent events, each of which is described by itself."""
    return {
        "schema": {
            "type": "object",
            "properties": {
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": data,
                }
            },
            "required": ["data"],
        }
    }


def _stream_door(name: str) -> Schema:
    """What OpenAPI can say of it: not that events come while the body is still being sent."""
    return {
        "operationId": name,
        "summary": "Audio in, events out at the same time; docs/protocol.md has the events.",
        "parameters": [
            {
                "name": key,
                "in": "query",
                "schema": {k: v for k, v in described.items() if k != "description"},
                "description": described.get("description", ""),
                "explode": True,
            }
            for key, described in StreamQuery.model_json_schema()["properties"].items()
        ],
        "requestBody": _body("application/octet-stream", {"type": "string", "format": "binary"}),
        "responses": {
            "200": {
                "description": "The first audio was understood; errors after that are events.",
                "content": {
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "text/event-stream": _events({"type": "object", "required": ["type", "seq"]}),
                },
            },
            **_failures(),
        },
    }


def _schemas() -> Schema:
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(c, "validation") for c in _IN]
    told: list[tuple[type[BaseModel], JsonSchemaMode]] = [(c, "serialization") for c in _OUT]
    _, schema = models_json_schema([*asked, *told], ref_template=_REFERENCE)
    schemas: Schema = schema["$defs"]
    for form in (TranscriptionForm, TranslationForm):
        described = schemas[form.__name__]
        upload = {"type": "string", "format": "binary", "description": "Audio, with a file name."}
        described["properties"] = {FILE_FIELD: upload, **described["properties"]}
        described["required"] = [FILE_FIELD, *described["required"]]
    return schemas


def _failures(*statuses: str) -> Schema:
    return {
        status: {"description": _FAILURES[status], "content": _json(ErrorAnswer)}
        for status in statuses or _FAILURES
    }


def _answer(message: type[BaseModel]) -> Schema:
    return {"description": (message.__doc__ or "").strip(), "content": _json(message)}


def _json(message: type[BaseModel]) -> Schema:
    return {"application/json": {"schema": _reference(message)}}


def _body(media_type: str, schema: Schema) -> Schema:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(query: type[BaseModel]) -> list[Schema]:
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "schema": described,
        }
        for name, described in schema["properties"].items()
    ]


def _reference(message: type[BaseModel]) -> Schema:
    return {"$ref": _REFERENCE.format(model=message.__name__)}
