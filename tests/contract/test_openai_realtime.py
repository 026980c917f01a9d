"""The unmodified `openai` package's realtime clients against a running server."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.types.websocket_reconnection import ReconnectingEvent, ReconnectingOverrides

from serve_app.session.policies.base import normalise
from tests.cluster.conftest import Server
from tests.support.doors import scripted_service, serving
from tests.support.scripted import Script, Spoken
from tests.support.speech import first_sentences

pytestmark = pytest.mark.cluster

APPEND_MS = 200
TIMEOUT_S = 60


def openai(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key="sk-none", base_url=f"{url}/v1", websocket_base_url=f"ws{url[4:]}/v1"
    )


def pcm24(pcm16: bytes) -> bytes:
    """16 kHz to 24 kHz, by straight lines between the samples."""
    samples = np.frombuffer(pcm16, dtype="<i2").astype(np.float64)
    at = np.arange(len(samples) * 3 // 2) * 2 / 3
    return np.interp(at, np.arange(len(samples)), samples).astype("<i2").tobytes()


def pieces(pcm: bytes, size: int = APPEND_MS * 48) -> list[str]:
    """In base64, as clients append them."""
    return [base64.b64encode(pcm[i : i + size]).decode() for i in range(0, len(pcm), size)]


def words(text: str) -> list[str]:
    return [normalise(word) for word in text.split()]


SILENCE = bytes(48 * 1_500)


async def test_the_translation_client_translates_and_closes(server: Server) -> None:
    sample, audio = first_sentences("en", 2)
    heard: list[Any] = []
    async with (
        asyncio.timeout(TIMEOUT_S),
        openai(server.url).realtime.translations.connect(model="gpt-realtime-translate") as talk,
    ):
        created = await talk.recv()
        assert created.type == "session.created"
        assert created.session.model == "gpt-realtime-translate"
        await talk.session.update(
            session={
                "audio": {
                    "input": {"transcription": {"model": "gpt-realtime-whisper"}},
                    "output": {"language": "de"},
                }
            }
        )
        for piece in pieces(pcm24(audio)):
            await talk.session.input_audio_buffer.append(audio=piece)
        await talk.session.close()
        async for event in talk:
            heard.append(event)
    assert heard[0].type == "session.updated"
    assert heard[0].session.audio.output.language == "de"
    assert heard[-1].type == "session.closed"
    source = "".join(e.delta for e in heard if e.type == "session.input_transcript.delta")
    target = "".join(e.delta for e in heard if e.type == "session.output_transcript.delta")
    assert words(source) == words(" ".join(s.text for s in sample.entry.sentences))
    assert target == " ".join(s.translations["de"] for s in sample.entry.sentences)
    elapsed = [e.elapsed_ms for e in heard if e.type == "session.output_transcript.delta"]
    assert elapsed == sorted(elapsed)
    assert all(ms % 200 == 0 for ms in elapsed)


@pytest.mark.parametrize("intent", [None, "transcription"])
async def test_the_transcription_client_hears_turns(server: Server, intent: str | None) -> None:
    sample, audio = first_sentences("de", 2)
    heard: list[Any] = []
    query = {"intent": intent} if intent else {}
    async with (
        asyncio.timeout(TIMEOUT_S),
        openai(server.url).realtime.connect(extra_query=query) as talk,
    ):
        assert (await talk.recv()).type == "session.created"
        await talk.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24_000},
                        "transcription": {"model": "gpt-4o-transcribe", "language": "de"},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
                    }
                },
            }
        )
        for piece in pieces(pcm24(audio) + SILENCE):
            await talk.input_audio_buffer.append(audio=piece)
        expected = words(" ".join(s.text for s in sample.entry.sentences))
        while words(transcript(heard)) != expected:
            heard.append(await talk.recv())
    assert heard[0].type == "session.updated"
    items = [e.item_id for e in heard if e.type == "input_audio_buffer.committed"]
    done = [e for e in heard if e.type.endswith("transcription.completed")]
    assert [e.item_id for e in done] == items
    for one in done:
        deltas = [e for e in heard if e.type.endswith(".delta") and e.item_id == one.item_id]
        assert "".join(e.delta for e in deltas) == one.transcript


def transcript(heard: list[Any]) -> str:
    return " ".join(e.transcript for e in heard if e.type.endswith("transcription.completed"))


async def test_the_client_ends_its_turns_itself(server: Server) -> None:
    sample, audio = first_sentences("es", 1)
    async with asyncio.timeout(TIMEOUT_S), openai(server.url).realtime.connect() as talk:
        await talk.session.update(
            session={"type": "transcription", "audio": {"input": {"turn_detection": None}}}
        )
        await talk.input_audio_buffer.commit()
        for piece in pieces(pcm24(audio)):
            await talk.input_audio_buffer.append(audio=piece)
        await talk.input_audio_buffer.commit()
        heard: list[Any] = [await talk.recv()]
        while not heard[-1].type.endswith("completed"):
            heard.append(await talk.recv())
    kinds = [event.type for event in heard]
    assert kinds[:3] == ["session.created", "error", "session.updated"] or kinds[:3] == [
        "session.created",
        "session.updated",
        "error",
    ]
    assert words(heard[-1].transcript) == words(sample.entry.sentences[0].text)


@asynccontextmanager
async def restarting(port: int) -> AsyncIterator[str]:
    script = Script([Spoken("Good", 300, 600), Spoken("morning.", 600, 1100)], length_ms=2_500)
    async with serving(scripted_service(script), port) as url:
        yield url


async def test_the_client_reconnects_by_itself_when_the_server_restarts() -> None:
    calls: list[ReconnectingEvent] = []

    def reconnecting(event: ReconnectingEvent) -> ReconnectingOverrides:
        calls.append(event)
        return {"extra_query": {"language": "es"}}

    async with asyncio.timeout(TIMEOUT_S):
        async with restarting(0) as url:
            port = int(url.rpartition(":")[2])
            connection = openai(url).realtime.translations.connect(
                model="any", extra_query={"language": "de"}, on_reconnecting=reconnecting
            )
            talk = await connection.enter()
            first: Any = await talk.recv()
        async with restarting(port):
            second: Any = await anext(aiter(talk))
            await talk.close()
    assert first.session.audio.output.language == "de"
    assert [event.close_code for event in calls][:1] == [1012]
    assert second.session.audio.output.language == "es"
