"""What is measured of sessions agrees with what was sent and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from deployments.metering.prometheus import PrometheusMeters
from deployments.types import VadAnswer, VadState
from serve_app.metrics import SessionMeter, SessionMeters, Transport
from serve_app.runner import SessionRunner, StageTimeouts, new_circuits
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.oracle import OracleStream, speak
from tests.support.oracle_stages import OraclePorts, oracle_config

VAD_ANSWER = fx.VadAnswered(VadAnswer(VadState.initial(), ()))
CREATED = ev.SessionCreated("s", {"source": "auto"})


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def meters() -> PrometheusMeters:
    return PrometheusMeters()


def opened(meters: PrometheusMeters, clock: Clock) -> SessionMeter:
    meter = SessionMeter(SessionMeters(meters, clock), "ws")
    meter.open()
    meter.caused([fx.Emit(1, CREATED)])
    return meter


def send(meter: SessionMeter, clock: Clock, seconds: float) -> None:
    """A live microphone."""
    for _ in range(round(seconds * 50)):
        clock.now_s += 0.02
        meter.fed(fx.Audio(bytes(640)))


def tell(meter: SessionMeter, *events: ev.Event) -> None:
    meter.caused([fx.Emit(0, event) for event in events])


def committed(text: str, end_ms: int) -> ev.TranscriptCommitted:
    words = tuple(ev.TimedWord(word, 0, end_ms, 0.9) for word in text.split())
    return ev.TranscriptCommitted("g", "u", text, 0, end_ms, "en", True, words)


def mean(meters: PrometheusMeters, name: str, **labels: str) -> float:
    return meters.value(f"{name}_sum", **labels) / meters.value(f"{name}_count", **labels)


async def run(
    stream: OracleStream, sessions: SessionMeters, transport: Transport, ports: OraclePorts
) -> list[ev.Event]:
    async def audio() -> AsyncIterator[bytes]:
        for piece in stream.pieces(1_600):
            yield piece
            await asyncio.sleep(0)

    session = Session(f"s{stream.session}", SessionOptions(targets=("de", "es")))
    meter = SessionMeter(sessions, transport)
    runner = SessionRunner(session, ports.ports, StageTimeouts(), meter, new_circuits())
    return [emit.event async for emit in runner.events(audio(), {"source": "auto"})]


async def test_the_sums_of_four_sessions_are_those_of_their_clients(
    meters: PrometheusMeters,
) -> None:
    sessions, ports = SessionMeters(meters), OraclePorts(oracle_config())
    streams = [speak(number, 40) for number in range(4)]
    transports: list[Transport] = ["ws", "ws", "http", "realtime"]
    told = await asyncio.gather(
        *(
            run(stream, sessions, door, ports)
            for stream, door in zip(streams, transports, strict=True)
        )
    )
    sent_s = sum(stream.length_samples for stream in streams) / 16_000
    received_s = meters.value("dragoman_audio_seconds_total", stage="received")
    assert received_s == pytest.approx(sent_s, abs=0.01)
    transcribed_s = meters.value("dragoman_audio_seconds_total", stage="transcribed")
    assert transcribed_s == pytest.approx(received_s, abs=0.01)
    events = [event for session in told for event in session]
    words = sum(len(e.words) for e in events if isinstance(e, ev.TranscriptCommitted))
    assert meters.value("dragoman_committed_words_total", src="en") == words == 160
    assert meters.value("dragoman_commit_lag_seconds_count", src="en") == words
    for target in ("de", "es"):
        translated = [
            e
            for e in events
            if isinstance(e, ev.TranslationCommitted) and e.closed and e.target == target
        ]
        count = meters.value("dragoman_translation_lag_seconds_count", pair=f"en-{target}")
        assert count == len(translated)
    assert meters.value("dragoman_sessions_total", transport="ws", outcome="completed") == 2
    assert meters.value("dragoman_sessions_active", transport="ws") == 0
    assert meters.value("dragoman_backlog_audio_seconds", stage="ingress") == pytest.approx(0)


def test_lags_are_counted_from_the_audio(meters: PrometheusMeters) -> None:
    clock = Clock()
    meter = opened(meters, clock)
    send(meter, clock, 3)
    tell(meter, ev.SpeechStarted(1_000, "u"))
    clock.now_s += 0.5
    tell(meter, ev.TranscriptPartial("u", "hello"))
    tell(meter, committed("hello you", 2_000))
    clock.now_s += 0.25
    tell(meter, ev.TranslationCommitted("g", "de", "hallo du", True))
    tell(meter, ev.UtteranceCompleted("u", 1_000, 2_500, continued=False))
    close_to = pytest.approx
    assert mean(meters, "dragoman_first_partial_seconds", src="auto") == close_to(2.5, abs=0.15)
    assert mean(meters, "dragoman_commit_lag_seconds", src="en") == close_to(1.5, abs=0.15)
    lag_s = mean(meters, "dragoman_translation_lag_seconds", pair="en-de")
    assert lag_s == close_to(1.75, abs=0.15)
    assert mean(meters, "dragoman_translation_delay_seconds", pair="en-de") == close_to(0.25)
    assert mean(meters, "dragoman_endpoint_delay_seconds") == close_to(1.25, abs=0.15)
    assert meters.value("dragoman_audio_seconds_total", stage="voiced") == 1.5


def test_words_that_were_shown_and_taken_back_are_counted(meters: PrometheusMeters) -> None:
    meter = opened(meters, Clock())
    tell(meter, ev.TranscriptPartial("u", "I scream for"))
    tell(meter, ev.TranscriptPartial("u", "ice cream for all"))
    tell(meter, committed("ice cream", 900), ev.TranscriptPartial("u", "for all"))
    assert meters.value("dragoman_revisions_total") == 3


def test_audio_that_was_lost_or_left_is_not_transcribed(meters: PrometheusMeters) -> None:
    clock = Clock()
    meter = opened(meters, clock)
    send(meter, clock, 10)
    tell(meter, ev.Warning("transcription_failed", "...", lost_ms=1_500), ev.Ack(6_000))
    meter.close()
    audio, dropped = "dragoman_audio_seconds_total", "dragoman_audio_dropped_seconds_total"
    assert meters.value(audio, stage="received") == pytest.approx(10)
    assert meters.value(audio, stage="transcribed") == pytest.approx(4.5)
    assert meters.value(dropped, reason="transcription_failed") == pytest.approx(1.5)
    assert meters.value(dropped, reason="unfinished") == pytest.approx(4)
    assert meters.value("dragoman_errors_total", code="transcription_failed") == 1
    assert meters.value("dragoman_sessions_total", transport="ws", outcome="client_gone") == 1


def test_a_session_taken_up_again_counts_its_own_audio_only(meters: PrometheusMeters) -> None:
    clock = Clock()
    meter = SessionMeter(SessionMeters(meters, clock), "ws")
    meter.open()
    tell(meter, ev.SessionCreated("s", {"source": "de"}, acked_ms=60_000))
    send(meter, clock, 2)
    tell(meter, ev.SpeechStarted(61_000, "u"), committed("hallo", 61_500), ev.Ack(62_000))
    tell(meter, ev.SessionClosed("completed"))
    meter.close()
    audio = "dragoman_audio_seconds_total"
    assert meters.value(audio, stage="received") == pytest.approx(2)
    assert meters.value(audio, stage="transcribed") == pytest.approx(2)
    assert meters.value("dragoman_first_partial_seconds_count", src="de") == 1


def test_what_no_stage_has_heard_is_the_backlog(meters: PrometheusMeters) -> None:
    clock = Clock()
    meter = opened(meters, clock)
    send(meter, clock, 4)
    meter.fed(VAD_ANSWER)
    backlog = "dragoman_backlog_audio_seconds"
    assert meters.value(backlog, stage="ingress") == pytest.approx(4)
    meter.close()
    assert meters.value(backlog, stage="ingress") == 0
