"""One stream to a running server, at the pace it was spoken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from benchmarks.measures import Heard
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import PIECE_BYTES, Pacer, Schedule
from serve_app.client.stream import translate_stream


async def listen(url: str, pcm: bytes, options: StreamOptions) -> tuple[list[Heard], list[float]]:
    """All events on the audio's own schedule, and how late each piece was sent in ms."""
    pacer = Pacer()
    heard: list[Heard] = []
    async with aclosing(translate_stream(url, pacer.pace(_pieces(pcm)), options)) as events:
        async for received in events:
            schedule = pacer.schedule or Schedule(pacer.clock())
            heard.append(Heard(received.event, schedule.lag_ms(pacer.clock(), 0.0)))
    return heard, pacer.lateness_ms


async def _pieces(pcm: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), PIECE_BYTES):
        yield pcm[at : at + PIECE_BYTES]
