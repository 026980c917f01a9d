"""The unmodified `livekit-plugins-openai` speech recognition against our doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

pytest.importorskip("livekit.plugins.openai", reason="make test-livekit installs and runs it")
from livekit import rtc
from livekit.agents import stt as agents
from livekit.agents.utils import http_context
from livekit.plugins import openai
from livekit.plugins.openai import stt as plugin

from serve_app.client.score import spoken, word_error_percent
from tests.contract.test_openai_realtime import pcm24, words
from tests.support.doors import serving
from tests.support.engines import bundled_service
from tests.support.speech import first_sentences, pcm, samples

pytestmark = pytest.mark.contract

FRAME_MS = 20
BYTES_PER_MS = 48
TIMEOUT_S = 240
Kind = agents.SpeechEventType
Until = Callable[[list[agents.SpeechEvent]], bool]


@asynccontextmanager
async def recogniser(**options: Any) -> AsyncIterator[openai.STT]:  # noqa: ANN401 - the plugin's own
    async with asyncio.timeout(TIMEOUT_S), serving(bundled_service()) as url, http_context.open():
        stt = openai.STT(base_url=f"{url}/v1", api_key="none", **options)
        yield stt
        await stt.aclose()
        await stt._client.close()  # the plugin leaves that to the end of its process


def frames(audio: bytes) -> list[rtc.AudioFrame]:
    size = FRAME_MS * BYTES_PER_MS
    whole = audio[: len(audio) - len(audio) % size]
    return [
        rtc.AudioFrame(whole[at : at + size], 24_000, 1, size // 2)
        for at in range(0, len(whole), size)
    ]


async def push(stream: agents.RecognizeStream, audio: bytes, pace: float) -> None:
    for frame in frames(audio):
        stream.push_frame(frame)
        await asyncio.sleep(FRAME_MS / 1_000 / pace)
    stream.flush()


async def heard(
    stream: agents.RecognizeStream, pushing: Coroutine[Any, Any, None], enough: Until
) -> list[agents.SpeechEvent]:
    told: list[agents.SpeechEvent] = []
    task = asyncio.create_task(pushing)
    async for event in stream:
        told.append(event)
        if enough(told):
            break
    await task
    await stream.aclose()
    return told


def text_of(event: agents.SpeechEvent) -> str:
    return event.alternatives[0].text


def finals(told: list[agents.SpeechEvent]) -> str:
    return " ".join(text_of(e) for e in told if e.type is Kind.FINAL_TRANSCRIPT)


SILENCE = bytes(BYTES_PER_MS * 1_500)


async def test_several_utterances_with_their_starts_interims_finals_and_ends() -> None:
    sample, audio = first_sentences("en", 3)
    expected = words(" ".join(sentence.text for sentence in sample.entry.sentences))

    def enough(told: list[agents.SpeechEvent]) -> bool:
        return words(finals(told)) == expected and told[-1].type is Kind.RECOGNITION_USAGE

    async with recogniser(use_realtime=True, language="en") as stt:
        stream = stt.stream()
        told = await heard(stream, push(stream, pcm24(audio) + SILENCE, 1.0), enough)
    starts, ends = (
        [at for at, event in enumerate(told) if event.type is kind]
        for kind in (Kind.START_OF_SPEECH, Kind.END_OF_SPEECH)
    )
    final = [at for at, event in enumerate(told) if event.type is Kind.FINAL_TRANSCRIPT]
    assert len(starts) == len(ends) == len(final) >= 3
    assert all(start < end < said for start, end, said in zip(starts, ends, final, strict=True))
    interim = [event for event in told if event.type is Kind.INTERIM_TRANSCRIPT]
    assert interim
    by_item = {e.request_id: text_of(e) for e in told if e.type is Kind.FINAL_TRANSCRIPT}
    assert all(by_item[event.request_id].startswith(text_of(event)) for event in interim)
    assert {event.alternatives[0].language for event in told if event.alternatives} == {"en"}


async def test_the_session_is_rotated_between_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, audio = first_sentences("de", 3)
    expected = words(" ".join(sentence.text for sentence in sample.entry.sentences))
    connections: list[str] = []
    connect = aiohttp.ClientSession.ws_connect

    def counted(self: aiohttp.ClientSession, url: str, **more: Any) -> Any:  # noqa: ANN401
        connections.append(url)
        return connect(self, url, **more)

    monkeypatch.setattr(plugin, "_max_session_duration", 2.0)
    monkeypatch.setattr(aiohttp.ClientSession, "ws_connect", counted)
    async with recogniser(use_realtime=True, language="de") as stt:
        stream = stt.stream()
        pushing = push(stream, pcm24(audio) + SILENCE, 1.0)
        await heard(stream, pushing, lambda told: words(finals(told)) == expected)
    assert len(connections) >= 2
    assert all("intent=transcription" in url for url in connections)


async def test_a_model_whose_client_ends_the_turns() -> None:
    sample, audio = first_sentences("es", 1)
    expected = words(sample.entry.sentences[0].text)

    async with recogniser(model="gpt-realtime-whisper", language="es", vad=None) as stt:
        stream = stt.stream()
        assert isinstance(stream, plugin.SpeechStream)

        async def push_and_commit() -> None:
            await push(stream, pcm24(audio), 2.0)
            await asyncio.sleep(0.2)
            assert stream._ws is not None
            await stream._ws.send_json({"type": "input_audio_buffer.commit"})

        told = await heard(stream, push_and_commit(), lambda told: words(finals(told)) == expected)
    assert [e.type for e in told if e.type is not Kind.RECOGNITION_USAGE][-1] is (
        Kind.FINAL_TRANSCRIPT
    )
    interim = [text_of(event) for event in told if event.type is Kind.INTERIM_TRANSCRIPT]
    assert interim
    assert finals(told).startswith(interim[0])


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "gpt-transcribe"])
async def test_a_whole_utterance_over_rest(model: str) -> None:
    entry = samples()["en"].entry
    async with recogniser(model=model, use_realtime=False, language="en") as stt:
        event = await stt.recognize(frames(pcm24(pcm("en"))))
    assert event.type is Kind.FINAL_TRANSCRIPT
    assert word_error_percent([(spoken(entry), text_of(event))]) <= 5
    assert event.alternatives[0].language == "en"
