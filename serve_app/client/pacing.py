"""Sending at the pace of a microphone: an absolute schedule, so that delays do not add up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from deployments.types import SAMPLE_RATE_HZ

PIECE_MS = 20
"""What a microphone hands over at a time."""

BYTES_PER_MS = SAMPLE_RATE_HZ * 2 // 1000
"""Of 16-bit mono PCM."""

PIECE_BYTES = PIECE_MS * BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Schedule:
    """When each piece is due, whatever happened before: when its last sample has been spoken."""

    start_s: float
    """When the first sample was spoken."""
    interval_s: float = PIECE_MS / 1000

    def due_s(self, index: int) -> float:
        """When piece `index` is to be sent."""
        return self.start_s + (index + 1) * self.interval_s

    def lag_ms(self, at_s: float, audio_ms: float) -> float:
        """How long after its place in the audio something happened."""
        return (at_s - self.start_s) * 1000 - audio_ms


@dataclass(slots=True)
class Pacer:
    """Sends pieces when they are due; a piece that is late goes at once."""

    clock: Callable[[], float] = time.monotonic
    """Seconds; `lateness_ms` and event times must be read from the same clock."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    schedule: Schedule | None = None
    """Set when the first piece is asked for."""
    lateness_ms: list[float] = field(default_factory=list)
    """Per piece, how long after its due time it was handed on."""

    async def pace(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The same pieces, none before it is due."""
        index = 0
        async for piece in pieces:
            if self.schedule is None:
                self.schedule = Schedule(self.clock() - PIECE_MS / 1000)
            due_s = self.schedule.due_s(index)
            if (wait_s := due_s - self.clock()) > 0:
                await self.sleep(wait_s)
            self.lateness_ms.append(max(0.0, self.clock() - due_s) * 1000)
            yield piece
            index += 1
