"""Pieces that descriptions of doors are put together from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from serve_app.api.rest.messages import ErrorAnswer

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
_FAILURES = {
    "400": "The request is malformed or asks for what is not served; the message says more.",
    "401": "The API key or the link is missing or not good; `www-authenticate` is Bearer.",
    "403": "The API key lacks the scope that the message names, or the link is not for this.",
    "404": "There is no such thing; the message says more.",
    "405": "The path exists and the method does not.",
    "413": "The file or the body is too large.",
    "414": "The query of the URL is too long.",
    "429": "Too much at a time, by this client or by all; try again after `retry-after` seconds.",
    "431": "The headers are too large.",
    "500": "A stage failed.",
    "503": "A stage cannot answer now; try again after `retry-after` seconds.",
}
_AT_EVERY_DOOR = ("401", "403", "414", "429", "431")
"""A key is asked for, and a client's share looked at, before the door is reached."""


def failures(*statuses: str) -> Schema:
    """Answers of these statuses and of those in front of every door, or of all that there are."""
    return {
        status: {"description": _FAILURES[status], "content": json_content(ErrorAnswer)}
        for status in (sorted({*_AT_EVERY_DOOR, *statuses}) if statuses else _FAILURES)
    }


def answer(message: type[BaseModel]) -> Schema:
    """An answer, by the class that writes it."""
    return {"description": (message.__doc__ or "").strip(), "content": json_content(message)}


def json_content(message: type[BaseModel]) -> Schema:
    """As JSON."""
    return {"application/json": {"schema": reference(message)}}


def body(media_type: str, schema: Schema) -> Schema:
    """What a request must hold."""
    return {"required": True, "content": {media_type: {"schema": schema}}}


def path_parameter(name: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def query_parameters(query: type[BaseModel]) -> list[Schema]:
    """The keys of a query, by the class that checks it."""
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": described,
        }
        for name, described in schema["properties"].items()
    ]


def reference(message: type[BaseModel]) -> Schema:
    """Where the description has a class."""
    return {"$ref": REFERENCE.format(model=message.__name__)}


def events(data: Schema) -> Schema:
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
