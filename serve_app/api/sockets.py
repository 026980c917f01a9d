"""One session on one WebSocket: carries messages, and knows no door's protocol.

The client's messages go through its door's conversation into the inbox, the session's events
through the conversation into the outbox. Serve itself never makes a sender wait, so both are
bounded here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from deployments.metering import process_meters
from deployments.metering.catalogue import CLOSES_TOTAL
from serve_app.api.bounds import MessageTooLargeError, require_message
from serve_app.api.boxes import (
    ClientTooSlowError,
    Inbox,
    Message,
    Outbox,
    Reading,
    TooFarAheadError,
)
from serve_app.errors import DragomanError
from serve_app.limits.audio import AudioUsedUpError, SessionExpiredError
from serve_app.limits.settings import LimitSettings
from serve_app.runner import SessionRunner
from serve_app.session import effects as fx
from serve_app.session import events

CLOSE_TIMEOUT_S = 5.0
MAX_REASON_BYTES = 123
"""Of a close frame (RFC 6455, 5.5)."""
REALTIME_SUBPROTOCOL = "realtime"
"""Browsers offer it to OpenAI's endpoint, beside their key, and want it back."""

logger = logging.getLogger("ray.serve")


class CloseCode(IntEnum):
    """How a socket ends; clients reconnect on all but the first two."""

    COMPLETED = 1000
    """All that was sent is dealt with."""
    REFUSED = 1008
    """The client asks for what cannot be: the same again fails again."""
    TOO_LARGE = 1009
    """A message holds more than the server takes."""
    FAILED = 1011
    """Something failed on the server; resume."""
    RESTART = 1012
    """The replica goes, or the connection is old; resume, another replica takes over."""
    TOO_BUSY = 1013
    """The client sends faster or reads slower than can be held: resume, at another pace. Or the
    server takes no more sessions now: the `error` before and the reason say when to come back."""


_CODES = {
    MessageTooLargeError.code: CloseCode.TOO_LARGE,
    TooFarAheadError.code: CloseCode.TOO_BUSY,
    AudioUsedUpError.code: CloseCode.TOO_BUSY,
    "overloaded": CloseCode.TOO_BUSY,
    "draining": CloseCode.RESTART,
    SessionExpiredError.code: CloseCode.RESTART,
}
"""Of errors; any other is a refusal, or a failure where the same may work again."""


@dataclass(frozen=True, slots=True)
class Take:
    """Feed the session, in the order of the audio."""

    item: bytes | fx.Input


@dataclass(frozen=True, slots=True)
class Tell:
    """Feed the session now."""

    item: fx.Input


@dataclass(frozen=True, slots=True)
class Answer:
    """Say something to the client."""

    message: Message


@dataclass(frozen=True, slots=True)
class HasRead:
    """The client says how far it has read."""

    seq: int


@dataclass(frozen=True, slots=True)
class End:
    """The client has no more to say."""


Request = Take | Tell | Answer | HasRead | End
Incoming = bytes | fx.Input


class Conversation(Protocol):
    """A door's protocol as a state machine."""

    def receive(self, message: str | bytes) -> Sequence[Request]:
        """What the client's message asks for; raises DragomanError to end the session."""
        ...

    def tell(self, emit: fx.Emit) -> Sequence[Message]:
        """How the client is told of an event."""
        ...


async def accept(socket: WebSocket) -> None:
    """Take the connection."""
    offered = socket.scope.get("subprotocols", [])
    chosen = REALTIME_SUBPROTOCOL if REALTIME_SUBPROTOCOL in offered else None
    await socket.accept(subprotocol=chosen)


async def receive(socket: WebSocket) -> str | bytes | None:
    """The client's next message; None once it is gone."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        _count_close(message.get("code", CloseCode.COMPLETED), "client")
        return None
    text: str | None = message.get("text")
    return text if text is not None else bytes(message.get("bytes") or b"")


async def send(socket: WebSocket, text: str) -> bool:
    """Tell the client; False where it is gone."""
    try:
        await socket.send_text(text)
    except (WebSocketDisconnect, RuntimeError, OSError):
        return False
    return True


async def close(socket: WebSocket, code: CloseCode, reason: str = "") -> None:
    """End the connection, where it still stands."""
    if socket.application_state is WebSocketState.DISCONNECTED:
        return
    _count_close(code, "server")
    cut = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError, OSError):
        await asyncio.wait_for(socket.close(code, cut), CLOSE_TIMEOUT_S)


def _count_close(code: int, by: str) -> None:
    process_meters().count(CLOSES_TOTAL, code=str(int(code)), by=by)


class Call:
    """A session on a socket, from the first event to the close."""

    def __init__(
        self,
        socket: WebSocket,
        conversation: Conversation,
        runner: SessionRunner,
        inputs: Callable[[AsyncIterator[Incoming]], AsyncIterator[Incoming]],
        limits: LimitSettings,
    ) -> None:
        """`inputs` turns what the conversation takes into what the session takes."""
        self._socket = socket
        self._conversation = conversation
        self._runner = runner
        self._inputs = inputs
        self._limits = limits
        self._inbox: Inbox[fx.Input] = Inbox(limits.waiting_audio_bytes)
        self._outbox = Outbox(limits.unsent_events)
        self._code, self._reason = CloseCode.COMPLETED, ""
        self._reading = Reading(limits.unread_events)

    def act(self, requests: Sequence[Request]) -> None:
        """Do what a message asks for."""
        for request in requests:
            match request:
                case Take(item):
                    self._take(item)
                case Tell(item):
                    self._runner.tell(item)
                case Answer(message):
                    self._outbox.put(message)
                case HasRead(seq):
                    self._reading.has_read(seq)
                case End():
                    self._inbox.end()

    async def run(self, config: dict[str, Any], opening: Sequence[Request] = ()) -> None:
        """To the end of the session or of the connection, whichever comes first.

        `opening`: what the first message asked for, beyond the config.
        """
        sending = asyncio.create_task(self._send())
        speaking = asyncio.create_task(self._speak(config))
        listening = asyncio.create_task(self._listen(opening))
        tasks = (sending, speaking, listening)
        try:
            await _first_end(tasks, speaking)
            for task in (listening, sending):
                self._note_failure(task)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await close(self._socket, self._code, self._reason)

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """A defect of ours is told as one: the client may resume, and the log says why."""
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None and not isinstance(error, WebSocketDisconnect):
            logger.error("a socket failed", exc_info=error)
            self._code, self._reason = CloseCode.FAILED, "internal_error"

    async def _listen(self, opening: Sequence[Request]) -> None:
        if not self._heed(lambda: opening):
            return
        while (message := await receive(self._socket)) is not None:
            if not self._heed(partial(self._read, message)):
                return

    def _read(self, message: str | bytes) -> Sequence[Request]:
        require_message(message, self._limits)
        return self._conversation.receive(message)

    def _heed(self, read: Callable[[], Sequence[Request]]) -> bool:
        """Do what the client asks for, or tell it why not; False to listen no more."""
        try:
            self.act(read())
        except ClientTooSlowError as error:
            self._code, self._reason = CloseCode.TOO_BUSY, error.message
            return False
        except DragomanError as error:
            self._inbox.abandon()
            self._runner.tell(fx.AudioFailed(error.code, error.message, error.retryable))
        return True

    async def _speak(self, config: dict[str, Any]) -> None:
        seq = 0
        try:
            async with aclosing(
                self._runner.events(self._inputs(self._inbox.items()), config)
            ) as emitted:
                async for emit in emitted:
                    seq = emit.seq
                    self._say(emit)
        except ClientTooSlowError as error:
            self._code, self._reason = CloseCode.TOO_BUSY, error.message
            raise
        except Exception:
            logger.exception("session failed")
            failed = events.Error("internal_error", "The session failed; resume it.", True)
            self._say(fx.Emit(seq + 1, failed))
            self._say(fx.Emit(seq + 2, events.SessionClosed("error")))
        finally:
            self._outbox.close()

    def _say(self, emit: fx.Emit) -> None:
        match emit.event:
            case events.Error() as error:
                self._code, self._reason = close_code(error), close_reason(error)
            case events.SessionClosed("go_away"):
                self._code, self._reason = CloseCode.RESTART, "go_away"
        self._reading.tell(emit.seq)
        for message in self._conversation.tell(emit):
            self._outbox.put(message)

    async def _send(self) -> None:
        async for message in self._outbox.messages():
            if not await send(self._socket, message.text):
                return

    def _take(self, item: Incoming) -> None:
        if self._inbox.put(item):
            waiting = self._inbox.waiting_bytes
            self._runner.tell(fx.Behind(waiting, self._limits.waiting_audio_bytes))


async def _first_end(tasks: Collection[asyncio.Task[None]], speaking: asyncio.Task[None]) -> None:
    """Until one of the tasks has ended; a session that ended well is still being told."""
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        if done != {speaking} or speaking.exception() is not None:
            return


def close_code(error: events.Error) -> CloseCode:
    """How the socket of a session that ended with an error is closed."""
    usual = CloseCode.FAILED if error.retryable else CloseCode.REFUSED
    return _CODES.get(error.code, usual)


def close_reason(error: events.Error) -> str:
    """What the close frame says of an error."""
    if error.retry_after_s is None:
        return error.code
    return f"{error.code}; retry after {error.retry_after_s} s"
