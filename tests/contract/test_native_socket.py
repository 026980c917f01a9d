"""The native WebSocket under Ray Serve, with the bundled models, cut and taken up again."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from serve_app.client.pacing import BYTES_PER_MS
from serve_app.client.resume import Memory
from serve_app.client.score import word_error_percent
from serve_app.session import events as ev
from serve_app.session.events import Event
from tests.cluster.conftest import Server
from tests.support.sockets import Talk, talk
from tests.support.speech import first_sentences

pytestmark = pytest.mark.cluster

PIECE_BYTES = 100 * BYTES_PER_MS
CUT_S = 2.0
PACE = 2.0
"""Times the speed of speech."""
MAX_WER_PERCENT = 8.0


async def speak(one: Talk, audio: bytes) -> None:
    for at in range(0, len(audio), PIECE_BYTES):
        await one.socket.send_bytes(audio[at : at + PIECE_BYTES])
        await asyncio.sleep(0.1 / PACE)
    await one.end()


async def listen(one: Talk, memory: Memory, told: list[Event]) -> None:
    while await one.next() is not None:
        memory.note(one.events[-1])
        told.append(one.events[-1])


async def test_a_client_that_is_cut_every_other_second_hears_all_of_it_once(
    server: Server,
) -> None:
    sample, audio = first_sentences("en", 4)
    memory, told = Memory(), []
    connections = 0
    while not told or not isinstance(told[-1], ev.SessionClosed):
        connections += 1
        async with talk(server.url) as one:
            if memory.resume_token is None:
                await one.config(format="pcm_s16le", target=["de"], source="en")
            else:
                await one.socket.send_json(memory.message())
            speaking = asyncio.create_task(speak(one, audio[memory.acked_ms * BYTES_PER_MS :]))
            with suppress(TimeoutError):
                # The last connections may take their time, so that the test ends on any machine.
                limit_s = CUT_S if connections <= 4 else 60
                await asyncio.wait_for(listen(one, memory, told), limit_s)
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
    assert connections > 2
    committed = [event for event in told if isinstance(event, ev.TranscriptCommitted)]
    names = list(dict.fromkeys(event.segment_id for event in committed))
    texts = ["".join(e.text for e in committed if e.segment_id == name) for name in names]
    said = [sentence.text for sentence in sample.entry.sentences]
    # Where updates come late the model may mishear a word; nothing lost or doubled is exact with
    # the oracles (tests/cluster/test_reconnect.py).
    assert word_error_percent([(" ".join(said), " ".join(texts))]) <= MAX_WER_PERCENT, texts
    translations = [event for event in told if isinstance(event, ev.TranslationCommitted)]
    translated = [event.segment_id for event in translations if event.closed]
    assert sorted(translated) == sorted(names)
    assert len({event.session_id for event in told if isinstance(event, ev.SessionCreated)}) == 1
