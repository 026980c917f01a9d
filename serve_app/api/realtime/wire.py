"""What OpenAI's realtime protocols share: event ids, error events, audio in base64."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from serve_app.api.boxes import Message
from serve_app.decode.g711 import A_LAW, MU_LAW
from serve_app.decode.resample import Resampler
from serve_app.errors import DragomanError, InvalidRequestError

Json = dict[str, Any]

PCM_RATE_HZ = 24_000
G711_RATE_HZ = 8_000


class Section(BaseModel):
    """A part of a client event: unknown keys are errors, absent keys stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def identifier(prefix: str) -> str:
    """A new id such as `item_1f...`."""
    return f"{prefix}_{secrets.token_hex(10)}"


def event(kind: str, fields: Mapping[str, Any], *, volatile: bool = False) -> Message:
    """A server event."""
    wire = {"type": kind, "event_id": identifier("event"), **fields}
    return Message(json.dumps(wire, ensure_ascii=False, separators=(",", ":")), volatile)


def with_fields(message: Message, fields: Mapping[str, Any]) -> Message:
    """A server event with something added to it."""
    wire = {**json.loads(message.text), **fields}
    text = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    return Message(text, message.volatile)


def error_event(error: DragomanError, event_id: str | None = None) -> Message:
    """An `error` event about a client event; the session stays open."""
    return event("error", {"error": {**error.to_wire()["error"], "event_id": event_id}})


def parse_event(message: str | bytes) -> Json:
    """A client event of whatever type; raises InvalidRequestError."""
    try:
        wire = from_json(message)
    except ValueError:
        wire = None
    if not isinstance(wire, dict):
        raise InvalidRequestError(
            "A message is a JSON object; audio goes into it as base64.", code="invalid_json"
        )
    return wire


def require_kind(wire: Json, kinds: Sequence[str]) -> None:
    """Raises InvalidRequestError for an event of another type."""
    if wire.get("type") not in kinds:
        raise InvalidRequestError(
            f"Unknown event type {wire.get('type')!r}; known are {', '.join(kinds)}.",
            param="type",
            code="invalid_value",
        )


def invalid(error: ValidationError) -> InvalidRequestError:
    """The first problem of an event, by where it stands in it."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return InvalidRequestError(
            f"Unknown parameter: {path!r}.", param=path, code="unknown_parameter"
        )
    return InvalidRequestError(
        f"Invalid value for {path!r}: {problem['msg']}.", param=path, code="invalid_value"
    )


def audio_bytes(wire: Json) -> bytes:
    """The audio of an append event; raises InvalidRequestError."""
    try:
        return base64.b64decode(wire.get("audio") or "", validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidRequestError(
            "'audio' is not base64.", param="audio", code="invalid_value"
        ) from error


class RealtimeAudio:
    """Audio in one of OpenAI's formats, cut anywhere, to what a session takes."""

    def __init__(self, kind: str) -> None:
        """`kind` is audio/pcm, audio/pcmu or audio/pcma."""
        self._kind = kind
        self._rest = b""
        self._resampler = Resampler(PCM_RATE_HZ if kind == "audio/pcm" else G711_RATE_HZ)

    @property
    def bytes_per_ms(self) -> int:
        """Of the client's audio."""
        return 2 * PCM_RATE_HZ // 1000 if self._kind == "audio/pcm" else G711_RATE_HZ // 1000

    def feed(self, data: bytes) -> bytes:
        """16-bit mono at 16 kHz, as far as it is complete."""
        if self._kind != "audio/pcm":
            return self._resampler.feed(_G711[self._kind][np.frombuffer(data, dtype=np.uint8)])
        data = self._rest + data
        whole = len(data) - len(data) % 2
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], dtype="<i2").astype(np.float32)
        return self._resampler.feed(samples / np.float32(32768.0))

    def finish(self) -> bytes:
        """What the filter still holds; after it the audio begins anew."""
        tail = self._resampler.finish()
        self._resampler = Resampler(PCM_RATE_HZ if self._kind == "audio/pcm" else G711_RATE_HZ)
        return tail


_G711 = {"audio/pcmu": MU_LAW, "audio/pcma": A_LAW}
