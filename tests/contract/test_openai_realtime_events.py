"""Every event of a transcription session, as the `openai` package sends and reads it, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import av
import numpy as np
import pytest

from serve_app.session.policies.base import normalise
from tests.contract.test_openai_realtime import SILENCE, openai, pcm24, pieces, words
from tests.support.doors import serving
from tests.support.engines import bundled_service
from tests.support.realtime import TRANSCRIPTION
from tests.support.speech import first_sentences

pytestmark = pytest.mark.contract

TIMEOUT_S = 200
KIND = "conversation.item.input_audio_transcription"


def g711(codec: str, pcm16: bytes) -> bytes:
    """16 kHz to 8 kHz in one byte a sample."""
    samples = np.frombuffer(pcm16, dtype="<i2")
    half = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1).astype("<i2")
    encoder: Any = av.CodecContext.create(f"pcm_{codec}", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8_000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(half.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8_000
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def checked(event: Any) -> Any:  # noqa: ANN401 - any event of the package
    """The client builds its objects without checking; check."""
    TRANSCRIPTION[event.type].model_validate(event.to_dict())
    return event


async def heard_until(talk: Any, kind: str, count: int = 1) -> list[Any]:  # noqa: ANN401
    told: list[Any] = []
    while sum(event.type == kind for event in told) < count:
        told.append(checked(await talk.recv()))
    return told


@pytest.mark.parametrize(
    ("kind", "detection"),
    [
        ("audio/pcm", {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300}),
        ("audio/pcmu", {"type": "semantic_vad", "eagerness": "high"}),
        ("audio/pcma", {"type": "server_vad", "silence_duration_ms": 350}),
    ],
)
async def test_each_turn_is_told_in_order(kind: str, detection: Any) -> None:  # noqa: ANN401
    sample, audio = first_sentences("en", 2)
    expected = words(" ".join(s.text for s in sample.entry.sentences))
    if kind == "audio/pcm":
        sent, size = pcm24(audio) + SILENCE, 9_600
    else:
        sent, size = g711("mulaw" if kind.endswith("u") else "alaw", audio + SILENCE), 1_600
    told: list[Any] = []
    async with (
        asyncio.timeout(TIMEOUT_S),
        serving(bundled_service()) as url,
        openai(url).realtime.connect(extra_query={"intent": "transcription"}) as talk,
    ):
        await talk.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": kind},  # type: ignore[typeddict-item]
                        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                        "turn_detection": detection,
                        "noise_reduction": {"type": "near_field"},
                    }
                },
                "include": ["item.input_audio_transcription.logprobs"],
            }
        )
        for piece in pieces(sent, size):
            await talk.input_audio_buffer.append(audio=piece)
        while words(transcript(told)) != expected:
            told.append(checked(await talk.recv()))
    created, updated, *rest = told
    assert (created.type, updated.type) == ("session.created", "session.updated")
    given = updated.session.audio.input
    assert (given.format.type, given.turn_detection.type) == (kind, detection["type"])
    assert given.noise_reduction.type == "near_field"
    items = [event.item_id for event in rest if event.type == f"{KIND}.completed"]
    previous = None
    for item in items:
        assert_in_order(rest, item, previous)
        previous = item
    starts = [e.audio_start_ms for e in rest if e.type == "input_audio_buffer.speech_started"]
    stops = [e.audio_end_ms for e in rest if e.type == "input_audio_buffer.speech_stopped"]
    assert all(start < stop for start, stop in zip(starts, stops, strict=True))
    assert starts == sorted(starts)


def transcript(told: list[Any]) -> str:
    return " ".join(e.transcript for e in told if e.type == f"{KIND}.completed")


def assert_in_order(told: list[Any], item: str, previous: str | None) -> None:
    """The events of one item: started, stopped, committed, added, done, deltas, completed."""
    own = [e for e in told if item in {getattr(e, "item_id", None), id_of(e)}]
    kinds = [event.type for event in own]
    marks = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert [kind for kind in kinds if kind in marks] == marks
    assert kinds[0] == marks[0]
    assert kinds[-1] == f"{KIND}.completed"
    deltas = [event for event in own if event.type == f"{KIND}.delta"]
    assert "".join(event.delta for event in deltas) == own[-1].transcript
    assert {event.content_index for event in [*deltas, own[-1]]} == {0}
    tokens = [one.token for event in deltas for one in event.logprobs]
    assert "".join(tokens) == own[-1].transcript == "".join(o.token for o in own[-1].logprobs)
    assert own[-1].languages[0].code == "en"
    assert own[-1].usage.type == "duration"
    committed = next(event for event in own if event.type == "input_audio_buffer.committed")
    assert committed.previous_item_id == previous


def id_of(event: Any) -> str | None:  # noqa: ANN401
    return getattr(getattr(event, "item", None), "id", None)


async def test_errors_name_the_event_and_the_session_goes_on() -> None:
    sample, audio = first_sentences("es", 1)
    async with (
        asyncio.timeout(TIMEOUT_S),
        serving(bundled_service()) as url,
        openai(url).realtime.connect() as talk,
    ):
        await heard_until(talk, "session.created")
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty"),
            ({"type": "response.create"}, "invalid_value"),
            ({"type": "conversation.item.delete", "item_id": "item_1"}, "invalid_value"),
            ({"type": "input_audio_buffer.append", "audio": "*"}, "invalid_value"),
            (
                {"type": "session.update", "session": {"type": "transcription", "voice": "x"}},
                "unknown_parameter",
            ),
        ]
        for number, (event, code) in enumerate(wrong):
            await talk.send({**event, "event_id": f"mine_{number}"})  # type: ignore[arg-type,misc]
            [error] = await heard_until(talk, "error")
            assert (error.error.code, error.error.event_id) == (code, f"mine_{number}")
            assert error.error.type == "invalid_request_error"
        manual: Any = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
        await talk.session.update(session=manual)
        await heard_until(talk, "session.updated")
        for piece in pieces(pcm24(audio)):
            await talk.input_audio_buffer.append(audio=piece)
        await talk.input_audio_buffer.clear()
        await heard_until(talk, "input_audio_buffer.cleared")
        for piece in pieces(pcm24(audio)):
            await talk.input_audio_buffer.append(audio=piece)
        await talk.input_audio_buffer.commit()
        told = await heard_until(talk, f"{KIND}.completed")
    said = [normalise(word) for word in told[-1].transcript.split()]
    assert said == words(sample.entry.sentences[0].text)
    assert told[0].type == "input_audio_buffer.committed"
