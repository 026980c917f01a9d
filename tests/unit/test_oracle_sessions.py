"""Many sessions on the same stages: no word lost, doubled, out of order or in the wrong session."""

from __future__ import annotations

import asyncio
import io
import json
import random
import wave
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import get_args

import aiohttp
import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.metering.prometheus import PrometheusMeters
from deployments.types import SAMPLE_RATE_HZ, MtRequest, StageInfo
from serve_app.api.service import Service
from serve_app.config import SessionSettings
from serve_app.metrics import SessionMeter, SessionMeters
from serve_app.runner import SessionRunner, StageTimeouts, new_circuits
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.append import MtMode
from serve_app.session.audio import to_ms
from serve_app.session.listener import MAX_PIECE_SAMPLES
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay
from serve_app.session.session import Session
from tests.support.doors import serving
from tests.support.oracle import (
    EXACT,
    Account,
    OracleStream,
    account_transcript,
    account_translation,
    speak,
)
from tests.support.oracle_stages import Live, OraclePorts, oracle_config, run_together

TARGETS = ("de", "es")
MODES = st.sampled_from(["append", "revise", "final"])
ANY = StageInfo("oracle", "1", ())


def pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    while data:
        size = rng.choice([3, 640, 6_400, 2 * MAX_PIECE_SAMPLES])
        yield data[:size]
        data = data[size:]


def live(stream: OracleStream, rng: random.Random, mode: MtMode = "final") -> Live:
    options = SessionSettings().options(
        None,
        TARGETS,
        partials=rng.random() < 0.8,
        delay=rng.choice(get_args(Delay)),
        policy=rng.choice(get_args(PolicyName)),
        mt_mode=mode,
    )
    session = Session(f"s{stream.session}", options)
    audio = [fx.Audio(piece) for piece in pieces(stream.pcm(), rng)]
    return Live(session, deque([*audio, fx.EndOfAudio()]))


@given(
    seed=st.integers(0, 2**32 - 1),
    sessions=st.integers(1, 4),
    words=st.integers(0, 25),
    mode=MODES,
)
@settings(max_examples=60, deadline=None)
def test_every_word_arrives_once_in_its_session_whatever_the_order(
    seed: int, sessions: int, words: int, mode: MtMode
) -> None:
    rng = random.Random(seed)
    streams = [speak(session, words, seed=seed) for session in range(sessions)]
    lives = [live(stream, rng, mode) for stream in streams]
    config = oracle_config(
        asr={"unsure_rate": 0.5, "seed": seed}, mt={"unsure_rate": 0.5, "seed": seed}
    )
    run_together(config, lives, rng)
    for stream, one in zip(streams, lives, strict=True):
        assert account_transcript(one.told, stream) == EXACT
        for target in TARGETS:
            assert account_translation(one.told, stream, target) == EXACT
            assert segments_in_order(one.told, target) == closed_segments(one.told)


@given(seed=st.integers(0, 2**32 - 1), mode=MODES)
@settings(max_examples=40, deadline=None)
def test_failing_stages_lose_what_they_were_asked_last_and_nothing_else(
    seed: int, mode: MtMode
) -> None:
    rng = random.Random(seed)
    streams = [speak(session, 20, seed=seed) for session in range(3)]
    lives = [live(stream, rng, mode) for stream in streams]
    config = oracle_config(
        asr={"failure_rate": 0.2, "unsure_rate": 0.3, "seed": seed},
        mt={"failure_rate": 0.2, "unsure_rate": 0.3, "seed": seed},
    )
    run_together(config, lives, rng)
    for stream, one in zip(streams, lives, strict=True):
        heard = account_transcript(one.told, stream)
        lost_finals = [
            ask for ask in one.failed if isinstance(ask, fx.RunAsr) and ask.request.final
        ]
        warned = [e for e in one.told if isinstance(e, ev.Warning)]
        assert len([e for e in warned if e.code == "transcription_failed"]) == len(lost_finals)
        assert not heard.lost or lost_finals
        assert heard == Account(lost=heard.lost)
        for target in TARGETS:
            missing = untranslated(one, target)
            read = account_translation(one.told, stream, target)
            lost = {word.index for word in heard.lost}
            lost |= {w.word.index for w in stream.words if w.text in missing}
            assert {word.index for word in read.lost} == lost
            assert read == Account(lost=read.lost)
            whole = set(closed_segments(one.told))
            assert whole.issuperset(segments_in_order(one.told, target))
        finals = [a for a in one.failed if isinstance(a, fx.RunMt) and not a.request.open]
        assert len([e for e in warned if e.code == "translation_failed"]) == len(finals)


def untranslated(one: Live, target: str) -> set[str]:
    """Words of closed segments whose translation failed, beyond what was translated before."""
    failed = [ask.request for ask in one.failed if isinstance(ask, fx.RunMt)]
    requests: list[MtRequest] = [r for r in failed if r.target_language == target and not r.open]
    return {
        word
        for request in requests
        for word in request.source.split()[len(request.committed_target.split()) :]
    }


def closed_segments(told: Sequence[ev.Event]) -> list[str]:
    return [e.segment_id for e in told if isinstance(e, ev.TranscriptCommitted) and e.closed]


def segments_in_order(told: Sequence[ev.Event], target: str) -> list[str]:
    """The segments whose translation was closed; fails where one is told of before or after."""
    closed: list[str] = []
    begun: list[str] = []
    tail = ("", "")
    for event in told:
        match event:
            case ev.TranslationCommitted(segment_id, to) if to == target:
                assert segment_id not in closed
                if segment_id not in begun:
                    assert set(begun) == set(closed)
                    begun.append(segment_id)
                if event.closed:
                    closed.append(segment_id)
            case ev.TranslationPartial(segment_id, to, text) if to == target:
                assert segment_id not in closed or text == ""
                assert tail[1] == "" or tail[0] == segment_id
                assert (segment_id, text) != tail
                tail = (segment_id, text)
    assert tail[1] == ""
    assert begun == closed
    return closed


LATE = oracle_config(
    vad={"delay_ms": 1},
    asr={"delay_ms": 4, "delay_jitter_ms": 3, "unsure_rate": 0.4},
    mt={"delay_ms": 6, "delay_jitter_ms": 6, "unsure_rate": 0.4},
)


async def run_live(
    ports: OraclePorts, streams: Sequence[OracleStream], mode: MtMode = "append"
) -> list[list[ev.Event]]:
    """The events of each stream, all at the same time on a real loop."""

    async def run(stream: OracleStream) -> list[ev.Event]:
        async def audio() -> AsyncIterator[bytes]:
            for piece in stream.pieces(4_000):
                yield piece
                await asyncio.sleep(0.001)

        options = SessionOptions(targets=TARGETS, mt_mode=mode)
        session = Session(f"s{stream.session}", options)
        meter = SessionMeter(SessionMeters(PrometheusMeters()), "http")
        runner = SessionRunner(session, ports.ports, StageTimeouts(), meter, new_circuits())
        return [emit.event async for emit in runner.events(audio(), {})]

    return await asyncio.gather(*map(run, streams))


@pytest.mark.parametrize("mode", ["append", "revise", "final"])
async def test_sessions_do_not_meet_in_the_batches_of_a_live_server(mode: MtMode) -> None:
    streams = [speak(session, 20) for session in range(8)]
    lives = await run_live(OraclePorts(LATE), streams, mode)
    for stream, told in zip(streams, lives, strict=True):
        assert account_transcript(told, stream) == EXACT
        for target in TARGETS:
            assert account_translation(told, stream, target) == EXACT
            assert segments_in_order(told, target) == closed_segments(told)


async def test_a_recogniser_that_mixes_up_its_answers_is_found_out() -> None:
    ports = OraclePorts(LATE)
    hear = ports.asr.transcribe
    ports.batch_asr(lambda batch: hear(batch)[::-1])
    streams = [speak(session, 20) for session in range(4)]
    told = await run_live(ports, streams)
    accounts = [account_transcript(*pair) for pair in zip(told, streams, strict=True)]
    assert any(account.leaked for account in accounts)
    assert any(account.lost for account in accounts)


async def test_a_detector_that_mixes_up_its_states_is_found_out() -> None:
    ports = OraclePorts(LATE)
    detect = ports.vad.detect
    ports.batch_vad(lambda batch: detect(batch)[::-1])
    told = await run_live(ports, [speak(session, 20) for session in range(4)])
    errors = [event for one in told for event in one if isinstance(event, ev.Error)]
    assert any("came with session" in error.message for error in errors)


def wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        writer.writeframes(pcm)
    return file.getvalue()


def flac(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with av.open(file, mode="w", format="flac") as media:
        track = media.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="mono")
        samples = np.frombuffer(pcm, dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        media.mux([*track.encode(frame), *track.encode(None)])
    return file.getvalue()


BODIES: dict[str, Callable[[bytes], bytes]] = {"pcm_s16le": bytes, "wav": wav, "flac": flac}


@pytest.mark.parametrize("name", BODIES)
async def test_the_door_leaves_the_samples_as_they_are(name: str) -> None:
    stream = speak(65_535, 15, language="yue")
    body = BODIES[name](stream.pcm())
    config = oracle_config()
    service = Service(config, OraclePorts(config).ports, ANY, ANY)
    query = f"format={name}&target=de"
    async with (
        serving(service) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/stream?{query}", data=body) as answer,
    ):
        told = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert account_transcript(told, stream) == EXACT
    assert account_translation(told, stream, "de") == EXACT
    languages = {e["language"] for e in told if e["type"] == "transcript.committed"}
    assert languages == {"yue"}
    assert told[-1]["usage"]["audio_ms"] == to_ms(stream.length_samples)
