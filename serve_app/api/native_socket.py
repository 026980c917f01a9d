"""`WS /v1/stream`: binary frames of audio in, native events out, resumable."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from serve_app.api import sockets
from serve_app.api.bounds import require_message
from serve_app.api.boxes import Message
from serve_app.api.guard import note_refusal, principal_of
from serve_app.api.query import (
    StreamQuery,
    parse_stream_config,
    query_values,
    session_options,
    with_viewers_targets,
)
from serve_app.api.quotas import usage_of
from serve_app.api.resume import HeldMessages, Resuming, TokenWriter
from serve_app.api.service import Service
from serve_app.api.viewers import Audience
from serve_app.decode import AudioFormat, AudioLimits, PcmLayout, decode
from serve_app.errors import DragomanError, InvalidRequestError
from serve_app.limits.audio import within
from serve_app.runner import SessionRunner
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.resume import Resumption
from serve_app.session.session import Session
from serve_app.viewers.sharing import Sharing

OPENING_TIMEOUT_S = 30.0
"""A client says within this time what it wants, or is sent away."""
AUDIO_KEYS = frozenset({"format", "rate", "channels"})
"""Fixed for a connection; the next one may send its audio in another form."""
MESSAGES = ("config", "flush", "received", "end")
VOLATILE = (events.TranscriptPartial, events.TranslationPartial)
RESUME_KEYS = frozenset({"resume_token", "segments"})
FIXED_KEYS = AUDIO_KEYS | RESUME_KEYS | {"conversation"}

_HELD: TypeAdapter[Any] = TypeAdapter(HeldMessages)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a connection begins with."""

    session_id: str
    query: StreamQuery
    own: tuple[str, ...]
    """Of its targets, those that are not there for viewers alone."""
    resumption: Resumption | None
    requests: tuple[sockets.Request, ...] = ()
    """What else the first message asks for: to take its audio, or to end."""


class NativeConversation:
    """Config updates and audio in, events with tokens out."""

    def __init__(
        self, service: Service, query: StreamQuery, tokens: TokenWriter, sharing: Sharing
    ) -> None:
        self._service = service
        self._query = query
        self._tokens = tokens
        self._sharing = sharing

    def receive(self, message: str | bytes) -> Sequence[sockets.Request]:
        """Raises InvalidRequestError for what is no message of this protocol."""
        if isinstance(message, bytes):
            return [sockets.Take(message)]
        values = parse_message(message)
        match values.pop("type"):
            case "end":
                return [sockets.End()]
            case "flush":
                return [sockets.Take(fx.Flush())]
            case "received":
                return [sockets.HasRead(_seq_of(values))]
            case _:
                return [sockets.Tell(self._update(values))]

    def tell(self, emit: fx.Emit) -> Sequence[Message]:
        """The same JSON as `POST /v1/stream`."""
        written = self._sharing.pass_on(self._tokens.write(emit, self._sharing.own))
        wire = events.to_wire(written.seq, written.event)
        text = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
        return [Message(text, volatile=isinstance(emit.event, VOLATILE))]

    def serve_viewers(self, targets: Sequence[str]) -> Sequence[sockets.Request]:
        """Viewers read in these languages, and in no others beside the owner's own."""
        query = with_viewers_targets(self._query, self._sharing.own, targets, self._service)
        return [] if query is None else [sockets.Tell(self._change(query))]

    def _update(self, values: dict[str, Any]) -> fx.Configure:
        for key in sorted(FIXED_KEYS & values.keys()):
            raise InvalidRequestError(
                f"{key!r} cannot be changed in the middle of a connection: open another one.",
                param=key,
                code="not_changeable",
            )
        now = self._query.model_dump(mode="json")
        query = parse_stream_config({**now, **values}, self._service)
        if "target" in values:
            self._sharing.own = query.target
        return self._change(query)

    def _change(self, query: StreamQuery) -> fx.Configure:
        self._query = query
        return fx.Configure(session_options(self._service, query), query.model_dump(mode="json"))


async def stream_socket(socket: WebSocket) -> None:
    """One connection of one session."""
    service: Service = socket.app.state.service
    resuming: Resuming = socket.app.state.resuming
    audience: Audience = socket.app.state.audience
    await sockets.accept(socket)
    try:
        service.floor.admit()
        with service.meters.arriving():
            opening = await _open(socket, service, resuming)
        if opening is None:
            return
        service.admit(opening.session_id if opening.resumption is not None else None)
        layout = PcmLayout(opening.query.rate, opening.query.channels)
        invitation = audience.invited(opening.query)
    except DragomanError as error:
        await _refuse(socket, service, error)
        return
    if opening.resumption is not None:
        service.meters.resumed()
    config = opening.query.model_dump(mode="json")
    session = Session(
        opening.session_id, session_options(service, opening.query), opening.resumption
    )
    tokens = TokenWriter(resuming, opening.session_id, config)

    limits = service.config.limits

    def inputs(items: AsyncIterator[sockets.Incoming]) -> AsyncIterator[sockets.Incoming]:
        audio = _audio(items, runner)
        decoded = _decoded(audio, opening.query.format, layout, limits.audio())
        return within(decoded, limits.session(), usage_of(socket))

    def serve_viewers(targets: tuple[str, ...]) -> None:
        call.act(conversation.serve_viewers(targets))

    sharing = audience.share(
        opening.session_id,
        serve_viewers,
        opening.own,
        resumption=opening.resumption,
        invitation=invitation,
        owner=principal_of(socket),
    )
    conversation = NativeConversation(service, opening.query, tokens, sharing)
    resumed = opening.resumption is not None
    with service.open(session, "ws", resumed=resumed) as runner, closing(sharing):
        call = sockets.Call(socket, conversation, runner, inputs, limits)
        await call.run(config, opening.requests)


def parse_message(text: str) -> dict[str, Any]:
    """A text message as JSON with a type; InvalidRequestError where it is none."""
    try:
        message = from_json(text)
    except ValueError:
        message = None
    if not isinstance(message, dict) or message.get("type") not in MESSAGES:
        raise InvalidRequestError(
            "A text message is a JSON object with type 'config', 'flush', 'received' or 'end'; "
            "audio goes into binary messages.",
            param="type",
            code="invalid_message",
        )
    return message


def _seq_of(values: dict[str, Any]) -> int:
    seq = values.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or set(values) != {"seq"}:
        raise InvalidRequestError(
            'Say how far you have read with the last event\'s number: {"type":"received","seq":7}.',
            param="seq",
            code="invalid_message",
        )
    return seq


async def _open(socket: WebSocket, service: Service, resuming: Resuming) -> Opening | None:
    """The first message; None where the client went away without one."""
    try:
        first = await asyncio.wait_for(sockets.receive(socket), OPENING_TIMEOUT_S)
    except TimeoutError:
        raise InvalidRequestError(
            f"Nothing came for {OPENING_TIMEOUT_S:g} s. Begin with a config message or with audio.",
            code="config_missing",
        ) from None
    if first is None:
        return None
    require_message(first, service.config.limits)
    if isinstance(first, bytes):
        opening = opening_of(socket.query_params, {}, service, resuming)
        return replace(opening, requests=(sockets.Take(first),)) if first else opening
    message = parse_message(first)
    opening = opening_of(socket.query_params, message, service, resuming)
    return replace(opening, requests=(sockets.End(),)) if message["type"] == "end" else opening


def opening_of(
    params: QueryParams,
    message: Mapping[str, Any],
    service: Service,
    resuming: Resuming,
) -> Opening:
    """A new session, or the one that a token names; raises InvalidRequestError."""
    asked = query_values(params)
    _require_same_conversation(asked, message, "config message")
    values = {**asked, **message}
    values.pop("type", None)
    token = values.pop("resume_token", None)
    segments = values.pop("segments", ())
    if token is None:
        query = parse_stream_config(values, service)
        return Opening(f"s{uuid.uuid4().hex[:20]}", query, query.target, None)
    try:
        held = _HELD.validate_python(segments)
    except ValidationError as error:
        raise _bad_segments(error) from error
    resumed = resuming.read(str(token), held)
    _require_same_conversation(asked, resumed.config, "session of the resume_token")
    # What the URL says beside the token was said when the session began.
    changed = {key: value for key, value in message.items() if key in {*AUDIO_KEYS, "partials"}}
    _require_nothing_else(message)
    query = parse_stream_config({**resumed.config, **changed}, service)
    return Opening(resumed.session_id, query, resumed.own, resumed.resumption)


def _require_same_conversation(
    asked: Mapping[str, Any], said: Mapping[str, Any], where: str
) -> None:
    """The URL's may be all that let the client in."""
    if (
        "conversation" in asked
        and said.get("conversation", asked["conversation"]) != (asked["conversation"])
    ):
        raise InvalidRequestError(
            f"The URL joins one conversation and the {where} another or none: name one of them.",
            param="conversation",
        )


def _require_nothing_else(message: Mapping[str, Any]) -> None:
    allowed = AUDIO_KEYS | RESUME_KEYS | {"type", "partials"}
    for key in message:
        if key not in allowed:
            raise InvalidRequestError(
                f"{key!r} cannot be set together with a resume_token, which says it already. To "
                "change it, send another config message after this one.",
                param=key,
                code="not_changeable",
            )


def _bad_segments(error: ValidationError) -> InvalidRequestError:
    problem = error.errors()[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    return InvalidRequestError(
        f"segments{where}: {problem['msg']}. List what the events since the last ack said.",
        param=f"segments{where}",
        code="invalid_segment",
    )


async def _decoded(
    audio: AsyncIterator[bytes], audio_format: AudioFormat, layout: PcmLayout, limits: AudioLimits
) -> AsyncIterator[bytes]:
    """No audio at all is no error here: a client may resume only to hear the last translations."""
    first = await anext(audio, None)
    if first is None:
        return

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in audio:
            yield piece

    async for piece in decode(whole(), audio_format, layout, limits):
        yield piece


async def _audio(
    items: AsyncIterator[sockets.Incoming], runner: SessionRunner
) -> AsyncIterator[bytes]:
    """The audio alone; what else comes is told when the session has taken all audio before it."""
    async for item in items:
        if not isinstance(item, bytes):
            runner.tell(item)
        elif item:
            yield item


async def _refuse(socket: WebSocket, service: Service, error: DragomanError) -> None:
    service.meters.refused(error)
    note_refusal(error)
    told = events.Error(error.code, error.message, error.retryable, error.retry_after_s)
    await sockets.send(socket, json.dumps(events.to_wire(1, told), ensure_ascii=False))
    await sockets.close(socket, sockets.close_code(told), sockets.close_reason(told))
