"""`WS /v1/realtime/translations` and `WS /v1/realtime`: connections to conversations."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from pydantic import ValidationError
from starlette.websockets import WebSocket

from serve_app.api import sockets
from serve_app.api.guard import note_refusal, principal_of
from serve_app.api.query import AUTO, StreamQuery, parse_stream_config, session_options
from serve_app.api.quotas import usage_of
from serve_app.api.realtime.resumable import (
    RESUME,
    Resumable,
    ResumableConversation,
    TakenUp,
    taken_up,
)
from serve_app.api.realtime.transcription import TranscriptionConversation
from serve_app.api.realtime.transcription_config import Hearing, SessionFields, Transcription
from serve_app.api.realtime.translation import NewSession, TranslationConversation
from serve_app.api.realtime.wire import Json, error_event, invalid
from serve_app.api.rest.languages import language_code
from serve_app.api.resume import Resuming
from serve_app.api.service import Service
from serve_app.errors import DragomanError
from serve_app.limits.audio import within
from serve_app.metrics import Transport
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session

Beginning = tuple[ResumableConversation, Session]
Begin = Callable[[WebSocket, TakenUp | None], Beginning]


async def translations_socket(socket: WebSocket) -> None:
    """One translation session; `?language=` is our way to set the target with the URL."""
    await _converse(socket, "translations", _translation)


async def transcriptions_socket(socket: WebSocket) -> None:
    """One transcription session; `?partials=true` adds our event with volatile text."""
    await _converse(socket, "realtime", _transcription)


def _translation(socket: WebSocket, before: TakenUp | None) -> Beginning:
    service: Service = socket.app.state.service
    bound = NewSession.model_validate(secret_session(socket))
    language = socket.query_params.get("language") or bound.language
    language = before.state["language"] if before else language

    def configure(target: str) -> fx.Configure:
        query = translation_query(service, target)
        options = session_options(service, query)
        return fx.Configure(options, {})

    options = session_options(service, translation_query(service, language or ""))
    head = session_head(service, _model(socket, bound.model), before)
    conversation = TranslationConversation(head, language, configure, bound.heard)
    if before is not None:
        conversation.take_up(before.state)
    return conversation, _session(head, options, before)


def _transcription(socket: WebSocket, before: TakenUp | None) -> Beginning:
    service: Service = socket.app.state.service
    hearing = Hearing().updated(SessionFields.model_validate(secret_session(socket)))
    wants_partials = socket.query_params.get("partials") == "true"
    head = session_head(service, _model(socket, None), before)

    def options_of(hearing: Hearing) -> SessionOptions:
        preset = preset_of(service, hearing, partials=wants_partials)
        return replace(preset, segmenter=hearing.segmenter(preset.segmenter))

    conversation = TranscriptionConversation(
        lambda hearing: fx.Configure(options_of(hearing), {}),
        lambda hearing: transcription_object(service, head, hearing),
        hearing,
        partials=wants_partials,
    )
    if before is not None:
        conversation.take_up(before.state)
    return conversation, _session(head, options_of(conversation.hearing), before)


def _session(head: Json, options: SessionOptions, before: TakenUp | None) -> Session:
    return Session(str(head["id"]), options, before.resumption if before else None)


def transcription_object(service: Service, head: Json, hearing: Hearing) -> Json:
    """A transcription session as clients see it."""
    default = preset_of(service, hearing, partials=False).segmenter
    return {
        "id": head["id"],
        "object": "realtime.transcription_session",
        "type": "transcription",
        "audio": hearing.to_wire(str(head["model"]), default),
        "include": list(hearing.include) or None,
        "expires_at": head["expires_at"],
    }


def preset_of(service: Service, hearing: Hearing, *, partials: bool) -> SessionOptions:
    """The options that a transcription session asks for, but for when its turns end."""
    transcription = hearing.transcription or Transcription()
    named = (language_code(name, service.asr, "language") for name in hearing.languages)
    languages = tuple(dict.fromkeys(named))
    values = {
        "source": languages[0] if len(languages) == 1 else AUTO,
        "partials": partials,
        "delay": transcription.delay,
        "hotwords": transcription.hotwords,
    }
    options = session_options(service, parse_stream_config(values, service))
    return replace(options, languages=languages if len(languages) > 1 else ())


def translation_query(service: Service, target: str) -> StreamQuery:
    """What a translation session asks of a session; raises InvalidRequestError."""
    targets = (target,) if target else ()
    return parse_stream_config({"target": targets, "partials": False}, service)


async def refuse(socket: WebSocket, error: DragomanError) -> None:
    """Say why and close; a client that shall simply connect again sees no error."""
    service: Service = socket.app.state.service
    service.meters.refused(error)
    note_refusal(error)
    told = events.Error(error.code, error.message, error.retryable, error.retry_after_s)
    code = sockets.close_code(told)
    if code is not sockets.CloseCode.RESTART:
        await sockets.send(socket, error_event(error).text)
    await sockets.close(socket, code, sockets.close_reason(told))


def session_head(service: Service, model: str | None, before: TakenUp | None = None) -> Json:
    """What the session object of a session says of it."""
    return {
        "id": before.session_id if before else f"sess_{uuid.uuid4().hex[:20]}",
        "model": model or service.asr.model,
        "expires_at": int(time.time()) + service.config.limits.session_s,
    }


def secret_session(socket: WebSocket) -> Json:
    """The configuration that the caller's client secret is bound to; empty without one."""
    principal = principal_of(socket)
    return dict(principal.secret.session) if principal and principal.secret else {}


def _model(socket: WebSocket, bound: str | None) -> str | None:
    return bound or socket.query_params.get("model")


async def _converse(socket: WebSocket, transport: Transport, begin: Begin) -> None:
    """From the connection to its end; who asks for what cannot be is told, and sent away."""
    service: Service = socket.app.state.service
    limits = service.config.limits
    await sockets.accept(socket)
    try:
        before = taken_up(socket.query_params, socket.app.state.realtime_resuming, transport)
        conversation, session = begin(socket, before)
        service.admit(before.session_id if before else None)
    except ValidationError as error:
        await refuse(socket, invalid(error))
        return
    except DragomanError as error:
        await refuse(socket, error)
        return
    if before is not None:
        service.meters.resumed()
    talk: sockets.Conversation = conversation
    if RESUME in socket.query_params:
        resuming: Resuming = socket.app.state.realtime_resuming
        talk = Resumable(conversation, resuming, transport, session.session_id, before)

    def inputs(items: AsyncIterator[sockets.Incoming]) -> AsyncIterator[sockets.Incoming]:
        return within(items, limits.session(), usage_of(socket))

    with service.open(session, transport, resumed=before is not None) as runner:
        await sockets.Call(socket, talk, runner, inputs, limits).run({})
