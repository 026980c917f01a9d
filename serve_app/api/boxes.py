"""What lies between a socket and a session, with a bound on either side. Knows neither of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.errors import DragomanError

T = TypeVar("T")

SLOW_DOWN_BYTES = 1 << 20
"""More waiting audio than this, and the client is told: 33 s of 16 kHz PCM."""
MESSAGE_BYTES = 1_024
"""What a message counts for beside its audio, so that empty ones are bounded too."""
MERGED_BYTES = 1 << 15
"""Audio that came in smaller pieces waits, and is taken, in pieces of about this size."""


class TooFarAheadError(DragomanError):
    """The client sends audio faster than it is dealt with, and did not slow down."""

    status = 429
    type = "rate_limit_error"
    code = "too_far_ahead"
    retryable = True


class ClientTooSlowError(DragomanError):
    """The client does not read what it is told."""

    code = "client_too_slow"
    retryable = True


class Inbox(Generic[T]):
    """What the client sent and the session has not taken yet, in order: audio, and other items."""

    def __init__(self, limit_bytes: int, setting: str = "limits.waiting_audio_bytes") -> None:
        """More than the limit, which has its name in the configuration, is not held."""
        self._limit_bytes = limit_bytes
        self._setting = setting
        self._waiting: deque[bytearray | T] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._failure: BaseException | None = None
        self.waiting_bytes = 0

    def put(self, item: bytes | T) -> bool:
        """Add at the end; True where the client is to be told to slow down, once each time.

        Raises TooFarAheadError where there is no room.
        """
        if self._ended:
            return False
        before = self.waiting_bytes
        if isinstance(item, bytes):
            self._put_audio(item)
        else:
            self._waiting.append(item)
            self.waiting_bytes += MESSAGE_BYTES
        if self.waiting_bytes > self._limit_bytes:
            raise TooFarAheadError(
                f"Over {self._limit_bytes} bytes of audio wait to be heard ({self._setting}). "
                "Send audio at the pace at which it was spoken, or wait for acks; then resume from "
                "the last."
            )
        self._changed.set()
        return before <= SLOW_DOWN_BYTES < self.waiting_bytes

    def end(self) -> None:
        """The client has no more to say; what it sent is still taken."""
        self._ended = True
        self._changed.set()

    def abandon(self, failure: BaseException | None = None) -> None:
        """Nothing more is taken, what waits included; whoever takes it is told why."""
        self._waiting.clear()
        self.waiting_bytes = 0
        self._failure = failure
        self.end()

    async def items(self) -> AsyncGenerator[bytes | T, None]:
        """To the end; raises what it was abandoned with."""
        while True:
            if self._waiting:
                yield self._take()
            elif self._failure is not None:
                raise self._failure
            elif self._ended:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def _put_audio(self, audio: bytes) -> None:
        newest = self._waiting[-1] if self._waiting else None
        if isinstance(newest, bytearray) and len(newest) < MERGED_BYTES:
            newest += audio
            self.waiting_bytes += len(audio)
        elif audio:
            self._waiting.append(bytearray(audio))
            self.waiting_bytes += len(audio)

    def _take(self) -> bytes | T:
        item = self._waiting.popleft()
        if isinstance(item, bytearray):
            self.waiting_bytes -= len(item)
            return bytes(item)
        self.waiting_bytes -= MESSAGE_BYTES
        return item


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the client."""

    text: str
    volatile: bool = False
    """Whether a later message replaces it."""


class Outbox:
    """What the client has not read yet; where it is full, volatile messages go first."""

    def __init__(self, limit: int) -> None:
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._limit = limit
        self._closed = False

    def put(self, message: Message) -> None:
        """Add at the end; ClientTooSlowError where there is no room even without volatile ones."""
        if len(self._messages) >= self._limit:
            self._messages = deque(kept for kept in self._messages if not kept.volatile)
            if len(self._messages) >= self._limit:
                raise ClientTooSlowError(
                    f"{self._limit} events wait to be read (limits.unsent_events); read faster."
                )
        self._messages.append(message)
        self._changed.set()

    def close(self) -> None:
        """No more will come."""
        self._closed = True
        self._changed.set()

    async def messages(self) -> AsyncGenerator[Message, None]:
        """To the end."""
        while True:
            if self._messages:
                yield self._messages.popleft()
            elif self._closed:
                return
            else:
                self._changed.clear()
                await self._changed.wait()


class Reading:
    """How far a client has read, as far as it says so.

    Serve takes all that is sent and keeps it, so the outbox never fills: only the client knows.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._told = 0
        self._read: int | None = None
        """None of a client that does not say."""

    def tell(self, seq: int) -> None:
        """An event is about to be sent; ClientTooSlowError where too many are not read."""
        self._told = seq
        if self._read is not None and seq - self._read > self._limit:
            raise ClientTooSlowError(
                f"Over {self._limit} events have not been read (limits.unread_events); read faster."
            )

    def has_read(self, seq: int) -> None:
        """The client has read an event, and so all before it."""
        self._read = max(self._read or 0, min(seq, self._told))
