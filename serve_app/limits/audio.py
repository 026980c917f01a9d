"""The audio of a live session, as far as limits let it through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from serve_app.errors import DragomanError, InvalidRequestError
from serve_app.session.audio import BYTES_PER_SAMPLE, SAMPLES_PER_MS

T = TypeVar("T")

_BYTES_PER_S = 1_000 * SAMPLES_PER_MS * BYTES_PER_SAMPLE


class IdleError(InvalidRequestError):
    """No audio came for too long."""

    status = 408
    code = "idle_timeout"


class SessionExpiredError(DragomanError):
    """The session lasted as long as one may; another connection goes on with it."""

    code = "session_expired"
    retryable = True


class AudioUsedUpError(DragomanError):
    """The client has used up its audio."""

    status = 429
    type = "rate_limit_error"
    code = "audio_s_per_day_exceeded"
    retryable = True


class Spender(Protocol):
    """Who uses the audio."""

    exhausted: bool

    def spend(self, audio_s: float) -> None:
        """So much audio was taken."""
        ...


@dataclass(slots=True)
class Free:
    """Nobody counts."""

    exhausted: bool = False

    def spend(self, audio_s: float) -> None:
        """Nothing comes of it."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts and how fast it goes."""

    session_s: float
    idle_s: float
    ahead_s: float | None
    """How much more audio than time; None for any."""


async def within(
    items: AsyncIterator[bytes | T],
    limits: SessionLimits,
    spender: Spender,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[bytes | T]:
    """The items of a session, 16 kHz PCM and others, until a limit is reached.

    Raises IdleError, SessionExpiredError, AudioUsedUpError.
    """
    began_s, heard_s, silent_s = clock(), 0.0, 0.0
    while True:
        asked_s = clock()
        left_s = limits.session_s - (asked_s - began_s)
        try:
            async with asyncio.timeout(max(0.0, min(left_s, limits.idle_s - silent_s))):
                item = await anext(items, None)
        except TimeoutError:
            raise _over(limits, clock() - began_s) from None
        if item is None:
            return
        if clock() - began_s >= limits.session_s:
            raise _over(limits, limits.session_s)
        silent_s += clock() - asked_s
        if isinstance(item, bytes) and item:
            silent_s = 0.0
            if limits.ahead_s is not None:
                await asyncio.sleep(heard_s - (clock() - began_s) - limits.ahead_s)
            heard_s += len(item) / _BYTES_PER_S
            spender.spend(len(item) / _BYTES_PER_S)
            if spender.exhausted:
                raise AudioUsedUpError(
                    "The audio of this client is used up for now (limits.client_audio_s_per_day). "
                    "Resume later."
                )
        yield item


def idle_error(idle_s: float) -> IdleError:
    """What a client is told that keeps silent without sending silence."""
    return IdleError(
        f"No audio came for {idle_s:g} s (limits.idle_s). Begin again when there is some; send "
        "silence to keep a session open."
    )


def _over(limits: SessionLimits, lasted_s: float) -> DragomanError:
    if lasted_s >= limits.session_s:
        return SessionExpiredError(
            f"The session has lasted {limits.session_s:g} s, as long as one may "
            "(limits.session_s). Resume it in another connection."
        )
    return idle_error(limits.idle_s)


async def spending(
    pieces: AsyncGenerator[bytes, None], spender: Spender
) -> AsyncGenerator[bytes, None]:
    """The pieces of a file, counted."""
    async with aclosing(pieces):
        async for piece in pieces:
            spender.spend(len(piece) / _BYTES_PER_S)
            yield piece
