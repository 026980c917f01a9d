"""A stream whose client is cut off now and then, and what it was told in the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from serve_app.client import AsyncClient, AsyncSession, Reconnected, RetryPolicy
from serve_app.client.api import conversation
from serve_app.client.pacing import BYTES_PER_MS
from serve_app.session import events as ev
from serve_app.session.events import Event
from tests.support.relay import Relay, relays

PIECE_MS = 100
CUT_EVERY_S = 3.0
"""Of audio, on average."""


@dataclass
class Told:
    """The events of one stream."""

    events: list[Event] = field(default_factory=list)

    @property
    def reconnects(self) -> list[Reconnected]:
        return [event for event in self.events if isinstance(event, Reconnected)]

    @property
    def segments(self) -> dict[str, dict[str, object]]:
        """All that is final, by where the segment starts: sessions differ in their names only."""
        told: dict[str, dict[str, object]] = {}
        for event in self.events:
            match event:
                case ev.TranscriptCommitted():
                    one = told.setdefault(_start(event), {"text": "", "words": ()})
                    one["text"] = f"{one['text']}{event.text}"
                    one["words"] = (*one["words"], *event.words)
                    one |= {"start": event.start_ms, "end": event.end_ms}
                    one |= {"language": event.language, "closed": event.closed}
                case ev.TranslationCommitted(target=target, text=text):
                    one = told[_start(event)]
                    one[target] = f"{one.get(target, '')}{text}"
        return told

    @property
    def text(self) -> str:
        return " ".join(str(segment["text"]).strip() for segment in self.segments.values())

    def closed_translations(self, target: str) -> list[str]:
        """Once for each time that a translation was closed."""
        return [
            _start(event)
            for event in self.events
            if isinstance(event, ev.TranslationCommitted)
            and event.target == target
            and event.closed
        ]


async def uncut(url: str, pcm: bytes, targets: tuple[str, ...], pace: float) -> Told:
    """A stream at `pace` times the speed of speech."""
    async with AsyncClient(url).stream(targets=targets, partials=False) as session:
        return await _run(session, pcm, pace)


async def cut(
    urls: Sequence[str], pcm: bytes, targets: tuple[str, ...], pace: float, seed: int
) -> Told:
    """The same, cut off every `CUT_EVERY_S` of its audio, each time to go on at the next server."""
    async with relays(urls) as ways:
        client = AsyncClient([way.url for way in ways], retry=RetryPolicy(first_s=0.25 / pace))
        async with client.stream(targets=targets, partials=False) as session:
            cutting = asyncio.create_task(_cut_now_and_then(ways, pace, random.Random(seed)))
            try:
                return await _run(session, pcm, pace)
            finally:
                cutting.cancel()
                await asyncio.gather(cutting, return_exceptions=True)


async def _run(session: AsyncSession, pcm: bytes, pace: float) -> Told:
    sending = session.send_all(_paced(pcm, pace))
    return Told([received.event async for received in conversation(session, sending)])


async def _paced(pcm: bytes, pace: float) -> AsyncIterator[bytes]:
    began_s = time.monotonic()
    for index, piece in enumerate(_pieces(pcm)):
        due_s = began_s + (index + 1) * PIECE_MS / 1000 / pace
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        yield piece


def _pieces(pcm: bytes) -> Iterable[bytes]:
    size_bytes = PIECE_MS * BYTES_PER_MS
    return (pcm[at : at + size_bytes] for at in range(0, len(pcm), size_bytes))


async def _cut_now_and_then(ways: Sequence[Relay], pace: float, rng: random.Random) -> None:
    while True:
        await asyncio.sleep(CUT_EVERY_S / pace * rng.uniform(0.5, 1.5))
        for way in ways:
            way.cut()


def _start(event: ev.TranscriptCommitted | ev.TranslationCommitted) -> str:
    return event.segment_id.rpartition(".")[2]
