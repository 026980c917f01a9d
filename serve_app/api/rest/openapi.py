"""`GET /openapi.json`: the REST doors, as the classes that check and write their bodies say."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serve_app.api.conversations import (
    Consent,
    ConsentQuery,
    ConversationQuery,
    NewConversation,
    TranscriptQuery,
)
from serve_app.api.query import StreamQuery
from serve_app.api.realtime.client_secrets import ExpiresAfter
from serve_app.api.rest.forms import AudioForm, TranscriptionForm, TranslationForm
from serve_app.api.rest.messages import (
    Alive,
    ClientSecretAnswer,
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
from serve_app.api.rest.openapi_parts import (
    REFERENCE,
    Schema,
    answer,
    body,
    events,
    failures,
    path_parameter,
    query_parameters,
    reference,
)
from serve_app.api.rest.translate import TranslateRequest
from serve_app.api.rest.upload import FILE_FIELD
from serve_app.api.viewers import ViewerQuery
from serve_app.auth.keys import SCOPES

_IN: tuple[type[BaseModel], ...] = (
    Consent,
    TranscriptionForm,
    TranslationForm,
    TranslateRequest,
)
_OUT: tuple[type[BaseModel], ...] = (
    Alive,
    ClientSecretAnswer,
    ErrorAnswer,
    Model,
    ModelList,
    NewConversation,
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
                    "requestBody": body("application/json", reference(TranslateRequest)),
                    "responses": {"200": answer(TranslateAnswer), **failures()},
                }
            },
            "/v1/languages": {
                "get": {
                    "operationId": "list_languages",
                    "summary": "Languages that may be spoken and translated into.",
                    "responses": {"200": answer(ServedLanguages), **failures("405", "500")},
                }
            },
            "/v1/sessions/{id}/events": {
                "get": {
                    "operationId": "follow_session",
                    "summary": "A live session, read along with its link or a key that may view.",
                    "parameters": [path_parameter("id"), *query_parameters(ViewerQuery)],
                    "responses": {
                        "200": {
                            "description": "Server-sent events, as docs/protocol.md has them.",
                            "content": {"text/event-stream": {"schema": {"type": "string"}}},
                        },
                        "204": {"description": "The viewer was told all, to the end."},
                        **failures("400", "401", "403", "404", "429", "503"),
                    },
                }
            },
            "/v1/conversations": {
                "post": {
                    "operationId": "create_conversation",
                    "summary": "Links for the two sides of a new conversation.",
                    "responses": {"201": answer(NewConversation), **failures("405", "500")},
                }
            },
            "/v1/conversations/{id}/events": {
                "get": {
                    "operationId": "follow_conversation",
                    "summary": "A conversation, as one side of it reads it.",
                    "parameters": [path_parameter("id"), *query_parameters(ConversationQuery)],
                    "responses": {
                        "200": {
                            "description": "Server-sent events, as docs/protocol.md has them.",
                            "content": {"text/event-stream": {"schema": {"type": "string"}}},
                        },
                        **failures("400", "401", "403", "429"),
                    },
                }
            },
            "/v1/conversations/{id}/consent": {
                "post": {
                    "operationId": "consent_to_transcript",
                    "summary": "What one side says to a transcript.",
                    "parameters": [path_parameter("id"), *query_parameters(ConsentQuery)],
                    "requestBody": body("application/json", reference(Consent)),
                    "responses": {
                        "200": {
                            "description": "The conversation.updated event that both are told.",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        },
                        **failures("400", "401", "403", "413", "503"),
                    },
                }
            },
            "/v1/conversations/{id}/transcript": {
                "get": {
                    "operationId": "export_conversation",
                    "summary": "What was said, where both sides agree that it is written down.",
                    "parameters": [path_parameter("id"), *query_parameters(TranscriptQuery)],
                    "responses": {
                        "200": {
                            "description": "In the format asked for.",
                            "content": {
                                "text/plain": {"schema": {"type": "string"}},
                                "application/json": {"schema": {"type": "object"}},
                            },
                        },
                        **failures("400", "401", "403", "503"),
                    },
                }
            },
            "/v1/models": {
                "get": {
                    "operationId": "list_models",
                    "summary": "Names that requests may give as `model`.",
                    "responses": {"200": answer(ModelList), **failures("405", "500")},
                }
            },
            "/v1/models/{model}": {
                "get": {
                    "operationId": "get_model",
                    "summary": "One of them.",
                    "parameters": [path_parameter("model")],
                    "responses": {"200": answer(Model), **failures("404", "405", "500")},
                }
            },
            "/v1/stream": {
                "post": _stream_door("stream"),
                "put": _stream_door("stream_upload"),
            },
            "/health/live": {
                "get": {
                    "operationId": "live",
                    "security": [],
                    "summary": "Whether the process answers.",
                    "responses": {"200": answer(Alive), **failures("405", "500")},
                }
            },
            "/health/ready": {
                "get": {
                    "operationId": "ready",
                    "security": [],
                    "summary": "Whether every stage has a replica that answers.",
                    "responses": {
                        "200": answer(Readiness),
                        "503": {**answer(Readiness), "description": "Says which stage has none."},
                        **failures("405", "500"),
                    },
                }
            },
            "/openapi.json": {
                "get": {
                    "operationId": "describe",
                    "security": [],
                    "summary": "This description.",
                    "responses": {
                        "200": {
                            "description": "OpenAPI 3.1.",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        },
                        **failures("405", "500"),
                    },
                }
            },
            "/v1/realtime/client_secrets": {"post": _secret_door("transcription", "/v1/realtime")},
            "/v1/realtime/translations/client_secrets": {
                "post": _secret_door("translation", "/v1/realtime/translations", "session")
            },
        },
        "security": [{"api_key": []}],
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `dragoman keys create`; scopes: "
                    f"{', '.join(SCOPES)}. A server in development may have none.",
                }
            },
        },
    }


def _audio_door(
    name: str, form: type[AudioForm], plain: type[BaseModel], verbose: type[BaseModel]
) -> Schema:
    bodies = {
        "application/json": {"schema": {"anyOf": [reference(plain), reference(verbose)]}},
        "text/plain": {"schema": {"type": "string"}},
        "text/vtt": {"schema": {"type": "string"}},
        "text/event-stream": events(
            {
                "anyOf": [
                    reference(event)
                    for event in (TranscriptTextDelta, TranscriptTextDone, ErrorAnswer)
                ]
            }
        ),
    }
    return {
        "operationId": name,
        "summary": (form.__doc__ or "").strip(),
        "requestBody": body("multipart/form-data", reference(form)),
        "responses": {
            "200": {"description": "In the format asked for.", "content": bodies},
            **failures(),
        },
    }


def _stream_door(name: str) -> Schema:
    """What OpenAPI can say of it: not that events come while the body is still being sent."""
    return {
        "operationId": name,
        "summary": "Audio in, events out at the same time; docs/protocol.md has the events.",
        "parameters": query_parameters(StreamQuery),
        "requestBody": body("application/octet-stream", {"type": "string", "format": "binary"}),
        "responses": {
            "200": {
                "description": "The first audio was understood; errors after that are events.",
                "content": {
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "text/event-stream": events({"type": "object", "required": ["type", "seq"]}),
                },
            },
            **failures(),
        },
    }


def _secret_door(sessions: str, door: str, *required: str) -> Schema:
    asked = {
        "type": "object",
        "properties": {
            "expires_after": ExpiresAfter.model_json_schema(),
            "session": {"type": "object", "description": "What `session.update` takes."},
        },
        "required": list(required),
        "additionalProperties": False,
    }
    return {
        "operationId": f"create_{sessions}_secret",
        "summary": f"A short-lived secret for {sessions} sessions at {door}.",
        "requestBody": body("application/json", asked),
        "responses": {"200": answer(ClientSecretAnswer), **failures("400", "405", "413", "500")},
    }


def _schemas() -> Schema:
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(c, "validation") for c in _IN]
    told: list[tuple[type[BaseModel], JsonSchemaMode]] = [(c, "serialization") for c in _OUT]
    _, schema = models_json_schema([*asked, *told], ref_template=REFERENCE)
    schemas: Schema = schema["$defs"]
    for form in (TranscriptionForm, TranslationForm):
        described = schemas[form.__name__]
        upload = {"type": "string", "format": "binary", "description": "Audio, with a file name."}
        described["properties"] = {FILE_FIELD: upload, **described["properties"]}
        described["required"] = [FILE_FIELD, *described["required"]]
    return schemas
