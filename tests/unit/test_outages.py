"""Sessions while a stage is away, hangs, or dies of a word: what is lost is told, and little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from deployments import circuit
from deployments.engines.oracle_audio import WordId, decode
from deployments.types import (
    AsrRequest,
    DeadlyRequestError,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    StageUnavailableError,
    VadAnswer,
    VadRequest,
)
from serve_app.api.health import probe
from serve_app.api.service import Service
from serve_app.config import TimeoutSettings
from serve_app.session import events as ev
from serve_app.session.effects import Stage
from serve_app.session.events import Event
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.oracle import EXACT, OracleStream, account_transcript, account_translation, speak
from tests.support.oracle_stages import OraclePorts, oracle_config

ANY = StageInfo("oracle", "1", (), takes_open=True)
TARGET = "de"
PIECE_SAMPLES = 4_000
PIECE_PAUSE_S = 0.005
"""Fifty times the speed of speech."""


class Frail(OraclePorts):
    """Oracles of which one may be away or hang, and that may die of a word."""

    away = ""
    hangs = False
    deadly = ""
    deaths = 0

    async def detect(self, request: VadRequest) -> VadAnswer:
        await self._suffer("vad")
        return await super().detect(request)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        await self._suffer("asr")
        if self.deadly in {word.word.text for word in decode(request.samples)}:
            self.deaths += 1
            raise DeadlyRequestError("three replicas were lost with this request")
        return await super().transcribe(request)

    async def translate(self, request: MtRequest) -> Draft:
        await self._suffer("mt")
        return await super().translate(request)

    async def _suffer(self, stage: str) -> None:
        if self.away == stage:
            if self.hangs:
                await asyncio.Event().wait()
            raise StageUnavailableError("no replica answered")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(circuit, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(circuit, "POLL_S", 0.005)


@pytest.fixture
def service() -> Service:
    config = oracle_config(asr={"delay_ms": 2}, mt={"delay_ms": 2})
    timeouts = TimeoutSettings(vad_s=0.3, asr_s=0.3, mt_s=0.3, patience_s=30)
    config = config.model_copy(update={"timeouts": timeouts})
    return Service(config, Frail(config).ports, ANY, ANY)


def stages(service: Service) -> Frail:
    assert isinstance(service.ports.asr, Frail)
    return service.ports.asr


async def true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - whatever it is, it has no event
            await asyncio.sleep(0.01)


class Listener:
    """One session, and what it is told."""

    def __init__(self, service: Service, stream: OracleStream) -> None:
        self.stream = stream
        self.told: list[Event] = []
        self._service = service

    async def listen(self) -> None:
        session = Session("s", SessionOptions(targets=(TARGET,), mt_mode="append"))
        with self._service.open(session, "http") as runner:
            async for emit in runner.events(self._audio(), {}):
                self.told.append(emit.event)

    async def until(self, kind: type[Event], count: int = 1) -> None:
        await true(lambda: sum(isinstance(event, kind) for event in self.told) >= count)

    @property
    def warnings(self) -> list[ev.Warning]:
        return [event for event in self.told if isinstance(event, ev.Warning)]

    async def _audio(self) -> AsyncIterator[bytes]:
        for piece in self.stream.pieces(PIECE_SAMPLES):
            yield piece
            await asyncio.sleep(PIECE_PAUSE_S)


@pytest.mark.parametrize("hangs", [False, True], ids=["away", "hangs"])
async def test_text_flows_without_translation_which_catches_up(
    service: Service, *, hangs: bool
) -> None:
    one = Listener(service, speak(3, 60))
    frail = stages(service)
    frail.away, frail.hangs = "mt", hangs
    listening = asyncio.create_task(one.listen())
    await one.until(ev.UtteranceCompleted, 4)
    await true(lambda: service.circuits[Stage.MT].is_away)
    assert (await probe(service))["mt"] == "sessions get no answer"
    assert not any(isinstance(event, ev.TranslationCommitted) for event in one.told)
    assert sum(isinstance(event, ev.TranscriptCommitted) for event in one.told) > 4
    frail.away = ""
    await listening
    assert one.warnings == []
    assert account_transcript(one.told, one.stream) == EXACT
    assert account_translation(one.told, one.stream, TARGET) == EXACT
    assert (await probe(service))["mt"] == "ready"


@pytest.mark.parametrize("stage", ["vad", "asr"])
@pytest.mark.parametrize("hangs", [False, True], ids=["away", "hangs"])
async def test_what_is_said_while_nobody_hears_it_is_heard_later(
    service: Service, stage: str, *, hangs: bool
) -> None:
    one = Listener(service, speak(3, 60))
    frail = stages(service)
    listening = asyncio.create_task(one.listen())
    await one.until(ev.TranscriptCommitted, 5)
    frail.away, frail.hangs = stage, hangs
    await asyncio.sleep(1)
    assert not listening.done()
    frail.away = ""
    await listening
    assert one.warnings == []
    assert account_transcript(one.told, one.stream) == EXACT
    assert account_translation(one.told, one.stream, TARGET) == EXACT


async def test_a_translation_that_never_comes_is_told_and_holds_up_nothing() -> None:
    config = oracle_config()
    timeouts = TimeoutSettings(mt_s=0.1, patience_s=0.2)
    config = config.model_copy(update={"timeouts": timeouts})
    service = Service(config, Frail(config).ports, ANY, ANY)
    stages(service).away = "mt"
    one = Listener(service, speak(3, 60))
    await one.listen()
    assert account_transcript(one.told, one.stream) == EXACT
    closed = sum(isinstance(e, ev.TranscriptCommitted) and e.closed for e in one.told)
    assert [warning.code for warning in one.warnings] == ["translation_failed"] * closed


async def test_a_window_that_replicas_die_of_is_passed_over(service: Service) -> None:
    one = Listener(service, speak(3, 60))
    frail = stages(service)
    frail.deadly = WordId(3, 30).text
    await one.listen()
    assert frail.deaths == 1
    [warning] = one.warnings
    assert (warning.code, warning.lost_ms) == ("transcription_failed", warning.lost_ms)
    assert 0 < warning.lost_ms <= 3_000
    account = account_transcript(one.told, one.stream)
    assert WordId(3, 30) in account.lost
    assert len(account.lost) <= 5, "what stood in the window and was not committed, and no more"
    assert (account.doubled, account.reordered, account.garbled) == ((), (), ())
