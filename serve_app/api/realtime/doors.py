"""`WS /v1/realtime/translations` and `WS /v1/realtime`: connections to conversations."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.websockets import WebSocket

from serve_app.api import sockets
from serve_app.api.query import AUTO, StreamQuery, parse_stream_config, session_options
from serve_app.api.realtime.resumable import (
    RESUME,
    Resumable,
    ResumableConversation,
    TakenUp,
    taken_up,
)
from serve_app.api.realtime.transcription import TranscriptionConversation
from serve_app.api.realtime.transcription_config import Hearing, Transcription
from serve_app.api.realtime.translation import TranslationConversation
from serve_app.api.realtime.wire import SESSION_LIFETIME_S, Json, error_event
from serve_app.api.rest.languages import language_code
from serve_app.api.resume import Resuming
from serve_app.api.service import Service
from serve_app.errors import DragomanError
from serve_app.metrics import Transport
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session


async def translations_socket(socket: WebSocket) -> None:
    """One translation session; `?language=` is our way to set the target with the URL."""
    service: Service = socket.app.state.service
    await sockets.accept(socket)
    language = socket.query_params.get("language")

    def configure(target: str) -> fx.Configure:
        query = _query(service, target)
        options = session_options(service, query)
        return fx.Configure(options, {})

    try:
        before = _taken_up(socket, "translations")
        language = before.state["language"] if before else language
        options = session_options(service, _query(service, language or ""))
    except DragomanError as error:
        await refuse(socket, error)
        return
    head = _head(socket, service, before)
    conversation = TranslationConversation(head, language, configure)
    if before is not None:
        conversation.take_up(before.state)
    session = Session(str(head["id"]), options, before.resumption if before else None)
    await _run(socket, "translations", conversation, session, before)


async def transcriptions_socket(socket: WebSocket) -> None:
    """One transcription session; `?partials=true` adds our event with volatile text."""
    service: Service = socket.app.state.service
    await sockets.accept(socket)
    wants_partials = socket.query_params.get("partials") == "true"
    try:
        before = _taken_up(socket, "realtime")
    except DragomanError as error:
        await refuse(socket, error)
        return
    head = _head(socket, service, before)

    def options_of(hearing: Hearing) -> SessionOptions:
        preset = preset_of(service, hearing, partials=wants_partials)
        return replace(preset, segmenter=hearing.segmenter(preset.segmenter))

    def describe(hearing: Hearing) -> Json:
        default = preset_of(service, hearing, partials=wants_partials).segmenter
        return {
            "id": head["id"],
            "object": "realtime.transcription_session",
            "type": "transcription",
            "audio": hearing.to_wire(str(head["model"]), default),
            "include": list(hearing.include) or None,
            "expires_at": head["expires_at"],
        }

    conversation = TranscriptionConversation(
        lambda hearing: fx.Configure(options_of(hearing), {}), describe, partials=wants_partials
    )
    if before is not None:
        conversation.take_up(before.state)
    options = options_of(conversation.hearing)
    session = Session(str(head["id"]), options, before.resumption if before else None)
    await _run(socket, "realtime", conversation, session, before)


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


def _query(service: Service, target: str) -> StreamQuery:
    targets = (target,) if target else ()
    return parse_stream_config({"target": targets, "partials": False}, service)


def _taken_up(socket: WebSocket, transport: Transport) -> TakenUp | None:
    return taken_up(socket.query_params, socket.app.state.realtime_resuming, transport)


async def refuse(socket: WebSocket, error: DragomanError) -> None:
    """Say why and close; a client that shall simply connect again sees no error."""
    service: Service = socket.app.state.service
    service.meters.refused(error)
    told = events.Error(error.code, error.message, error.retryable, error.retry_after_s)
    code = sockets.close_code(told)
    if code is not sockets.CloseCode.RESTART:
        await socket.send_text(error_event(error).text)
    await sockets.close(socket, code, sockets.close_reason(told))


def _head(socket: WebSocket, service: Service, before: TakenUp | None) -> Json:
    return {
        "id": before.session_id if before else f"sess_{uuid.uuid4().hex[:20]}",
        "model": socket.query_params.get("model") or service.asr.model,
        "expires_at": int(time.time()) + SESSION_LIFETIME_S,
    }


async def _run(
    socket: WebSocket,
    transport: Transport,
    conversation: ResumableConversation,
    session: Session,
    before: TakenUp | None,
) -> None:
    service: Service = socket.app.state.service
    try:
        service.admit(resumes=before is not None)
    except DragomanError as error:
        await refuse(socket, error)
        return
    if before is not None:
        service.meters.resumed()
    talk: sockets.Conversation = conversation
    if RESUME in socket.query_params:
        resuming: Resuming = socket.app.state.realtime_resuming
        talk = Resumable(conversation, resuming, transport, session.session_id, before)
    with service.open(session, transport) as runner:
        await sockets.Call(socket, talk, runner, _as_they_come).run({})


def _as_they_come(items: AsyncIterator[sockets.Incoming]) -> AsyncIterator[sockets.Incoming]:
    return items
