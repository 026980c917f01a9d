"""The unmodified `openai` package, cut off in the middle of speech by 1012, goes on by itself.

All that its caller does is what the SDK asks of it: `on_reconnecting` gives the next connection its
query, with the last resume token, and audio is sent again from `acked_ms` on.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from openai.types.websocket_reconnection import ReconnectingEvent, ReconnectingOverrides
from websockets.exceptions import ConnectionClosed

from serve_app.api.realtime.resumable import ACK
from tests.contract.test_openai_realtime import openai, pcm24, words
from tests.support.doors import serving
from tests.support.engines import bundled_service
from tests.support.speech import first_sentences

pytestmark = pytest.mark.contract

BYTES_PER_MS = 48
PIECE_MS = 100
PACE = 2.0
"""Times the speed of speech."""
TIMEOUT_S = 240
CUTS = 2
TAIL = bytes(BYTES_PER_MS * 1_500)
"""Silence after the last word, so that its turn ends."""


class Caller:
    """What an application does around the SDK: keeps the audio, and where it stands."""

    def __init__(self, audio: bytes) -> None:
        self.closed_with: list[int] = []
        self.told: list[Any] = []
        self._audio = audio
        self._at_ms = 0
        self._token = ""
        self._connected = asyncio.Event()

    def reconnecting(self, event: ReconnectingEvent) -> ReconnectingOverrides:
        if event.attempt == 1:
            self.closed_with.append(event.close_code)
        self._connected.clear()
        return {"extra_query": {"resume": self._token}}

    async def speak(self, append: Any) -> None:  # noqa: ANN401 - a method of either connection
        """Append the audio piece by piece, from where the session stands."""
        while self._at_ms * BYTES_PER_MS < len(self._audio):
            await self._connected.wait()
            begin = self._at_ms * BYTES_PER_MS
            piece = self._audio[begin : begin + PIECE_MS * BYTES_PER_MS]
            with suppress(ConnectionClosed):
                await append(audio=base64.b64encode(piece).decode())
                self._at_ms += PIECE_MS
            await asyncio.sleep(PIECE_MS / 1_000 / PACE)

    async def listen(self, talk: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - of either door
        async for event in talk:
            self._token = getattr(event, "resume_token", None) or self._token
            if event.type == "session.created":
                self._at_ms = event.acked_ms
                self._connected.set()
            if event.type != ACK:
                self.told.append(event)
            yield event

    def texts(self, kind: str) -> list[str]:
        return [event.delta for event in self.told if event.type == kind]


class Restarts:
    """A server that is stopped, which closes its sockets with 1012, and started again."""

    def __init__(self) -> None:
        self._service = bundled_service()
        self._stack = AsyncExitStack()
        self._port = 0

    async def start(self) -> str:
        url = await self._stack.enter_async_context(serving(self._service, self._port))
        self._port = int(url.rpartition(":")[2])
        return url

    async def stop(self) -> None:
        await self._stack.aclose()

    async def again(self) -> None:
        await self.stop()
        await self.start()


async def test_a_translation_that_is_cut_twice_is_complete_and_nothing_is_doubled() -> None:
    sample, audio = first_sentences("en", 4)
    caller, server = Caller(pcm24(audio)), Restarts()
    delta = "session.output_transcript.delta"
    async with asyncio.timeout(TIMEOUT_S):
        url = await server.start()
        connection = openai(url).realtime.translations.connect(
            model="any", extra_query={"resume": ""}, on_reconnecting=caller.reconnecting
        )
        async with connection as talk:
            await talk.session.update(
                session={
                    "audio": {
                        "input": {"transcription": {"model": "any"}},
                        "output": {"language": "de"},
                    }
                }
            )
            speaking = asyncio.create_task(spoken(caller, talk))
            async for event in caller.listen(talk):
                if event.type == delta and len(caller.closed_with) < CUTS:
                    await server.again()
            await speaking
        await server.stop()
    assert caller.closed_with == [1012] * CUTS
    assert caller.told[-1].type == "session.closed"
    source = "".join(caller.texts("session.input_transcript.delta"))
    assert words(source) == words(" ".join(s.text for s in sample.entry.sentences))
    assert "".join(caller.texts(delta)) == " ".join(
        s.translations["de"] for s in sample.entry.sentences
    )
    times = [event.elapsed_ms for event in caller.told if event.type == delta]
    assert times == sorted(times)
    created = [event for event in caller.told if event.type == "session.created"]
    assert len(created) == CUTS + 1
    assert len({event.session.id for event in created}) == 1


async def spoken(caller: Caller, talk: Any) -> None:  # noqa: ANN401
    await caller.speak(talk.session.input_audio_buffer.append)
    await talk.session.close()


async def test_a_transcription_that_is_cut_twice_goes_on_in_the_same_item() -> None:
    sample, audio = first_sentences("en", 4)
    expected = words(" ".join(s.text for s in sample.entry.sentences))
    caller, server = Caller(pcm24(audio) + TAIL), Restarts()
    kind = "conversation.item.input_audio_transcription"
    async with asyncio.timeout(TIMEOUT_S):
        url = await server.start()
        connection = openai(url).realtime.connect(
            extra_query={"resume": "", "intent": "transcription"},
            on_reconnecting=caller.reconnecting,
        )
        async with connection as talk:
            await talk.session.update(
                session={
                    "type": "transcription",
                    "audio": {"input": {"transcription": {"model": "any", "language": "en"}}},
                    "include": ["item.input_audio_transcription.logprobs"],
                }
            )
            speaking = asyncio.create_task(caller.speak(talk.input_audio_buffer.append))
            async for event in caller.listen(talk):
                if event.type == f"{kind}.delta" and len(caller.closed_with) < CUTS:
                    await server.again()
                if words(completed(caller.told)) == expected:
                    break
            await speaking
        await server.stop()
    assert caller.closed_with == [1012] * CUTS
    assert words(" ".join("".join(by) for by in deltas_by_item(caller).values())) == expected
    for event in caller.told:
        if event.type == f"{kind}.completed":
            assert event.transcript == "".join(deltas_by_item(caller)[event.item_id])
            assert event.transcript == "".join(one.token for one in event.logprobs)
    for once in ("speech_started", "speech_stopped", "committed"):
        items = [e.item_id for e in caller.told if e.type == f"input_audio_buffer.{once}"]
        assert len(items) == len(set(items)), once


def completed(told: list[Any]) -> str:
    return " ".join(event.transcript for event in told if event.type.endswith(".completed"))


def deltas_by_item(caller: Caller) -> dict[str, list[str]]:
    items: dict[str, list[str]] = {}
    for event in caller.told:
        if event.type.endswith("transcription.delta"):
            items.setdefault(event.item_id, []).append(event.delta)
    return items
