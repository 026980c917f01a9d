"""Circuits: who is asked while a stage does not answer, and who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter

import pytest

from deployments import circuit as subject
from deployments.batching import Batcher
from deployments.circuit import Circuit, Doubt
from deployments.settings import StageSettings
from deployments.types import (
    DeadlyRequestError,
    EngineError,
    EngineStuckError,
    StageUnavailableError,
    Terms,
)


class Stage:
    """Answers, unless it is away or hangs."""

    def __init__(self) -> None:
        self.calls = 0
        self.at_a_time = 0
        self.most_at_a_time = 0
        self.state = "well"
        self.called = asyncio.Event()

    async def __call__(self, _: Terms) -> str:
        self.calls += 1
        self.called.set()
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        try:
            await asyncio.sleep(0.005)
            match self.state:
                case "away":
                    raise StageUnavailableError("no replica")
                case "hangs":
                    await asyncio.Event().wait()
                case "refuses":
                    raise EngineError("no such word")
            return "answer"
        finally:
            self.at_a_time -= 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(subject, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(subject, "POLL_S", 0.005)
    monkeypatch.setattr(subject, "AWAY_S", 0.3)
    monkeypatch.setattr(subject, "SUSPECT_PAUSE_S", 0.05)


async def test_the_impatient_are_told_at_once_that_a_stage_is_away() -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = "away"
    for _ in range(subject.FAILURES):
        assert not circuit.is_away
        with pytest.raises(StageUnavailableError, match="no replica"):
            await circuit.ask(stage, 1)
    assert circuit.is_away
    with pytest.raises(StageUnavailableError, match="MT does not answer"):
        await circuit.ask(stage, 1)
    assert stage.calls == subject.FAILURES


@pytest.mark.parametrize("state", ["away", "hangs"])
async def test_the_patient_wait_and_one_at_a_time_tries(state: str) -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = state
    asked = [asyncio.create_task(circuit.ask(stage, 0.05, 30)) for _ in range(20)]
    await asyncio.sleep(0.2)
    assert circuit.is_away
    stage.most_at_a_time = stage.calls = 0
    await asyncio.sleep(0.3)
    assert stage.calls > 0
    assert stage.most_at_a_time == 1
    stage.state = "well"
    assert await asyncio.gather(*asked) == ["answer"] * 20
    assert not circuit.is_away


async def test_what_a_stage_is_stuck_with_is_let_go_and_nothing_else() -> None:
    circuit, stuck_until_s = Circuit("MT"), 0.0
    clock = asyncio.get_running_loop().time

    async def stage(question: str, _: Terms) -> str:
        """Stuck with one question, until it is replaced."""
        nonlocal stuck_until_s
        if question == "7":
            stuck_until_s = clock() + 0.3
        await asyncio.sleep(0.005)
        if clock() < stuck_until_s:
            await asyncio.Event().wait()
        return question.upper()

    asked = [circuit.ask(partial(stage, str(number)), 0.05, 30) for number in range(20)]
    later = [circuit.ask(partial(stage, f"later {number}"), 0.05, 30) for number in range(20)]

    async def ask_later(number: int) -> str:
        await asyncio.sleep(0.05 * number)
        return await later[number]

    answers = await asyncio.gather(*asked, *map(ask_later, range(20)), return_exceptions=True)
    assert isinstance(answers.pop(7), DeadlyRequestError)
    assert len([answer for answer in answers if isinstance(answer, str)]) == 39


@dataclass(frozen=True)
class Question:
    text: str
    terms: Terms = field(default_factory=Terms)


class Settings(StageSettings):
    max_batch_size: int = 8
    batch_wait_s: float = 0.002


STUCK_WITH = Question("process 0, 7")


def answers(batch: Sequence[Question]) -> list[str]:
    """An engine that does not come to an end with one question before anybody waits for it."""
    time.sleep(1.5 if any(one.text == STUCK_WITH.text for one in batch) else 0.005)
    return [one.text.upper() for one in batch]


async def test_of_all_that_is_asked_while_an_engine_is_stuck_only_the_cause_is_let_go() -> None:
    engine: Batcher[Question, str] = Batcher(
        answers, Settings(), Question("known"), terms=attrgetter("terms")
    )

    async def process(name: int) -> list[str | BaseException]:
        """One of the ingress: it shares the engine, and has a circuit of its own."""
        circuit = Circuit("MT")

        async def ask(number: int, after_s: float = 0.0) -> str:
            await asyncio.sleep(after_s)
            text = f"process {name}, {number}"
            return await circuit.ask(lambda terms: engine.ask(Question(text, terms)), 0.4, 60)

        at_once = [ask(number) for number in range(20)]
        later = [ask(20 + number, 0.05 * number) for number in range(30)]
        return await asyncio.gather(*at_once, *later, return_exceptions=True)

    told, of_another_process = await asyncio.gather(process(0), process(1))
    assert isinstance(told.pop(7), DeadlyRequestError)
    numbers = [number for number in range(50) if number != 7]
    assert told == [f"PROCESS 0, {number}" for number in numbers]
    assert of_another_process == [f"PROCESS 1, {number}" for number in range(50)]


async def test_an_engine_says_what_it_is_stuck_with_and_what_only_waits() -> None:
    engine: Batcher[Question, str] = Batcher(
        answers, Settings(), Question("known"), terms=attrgetter("terms")
    )
    terms = Terms(within_s=0.4, alone=True)
    asked = [engine.ask(Question(text, terms)) for text in (STUCK_WITH.text, "another", "third")]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told] == [EngineStuckError] + 2 * [StageUnavailableError]
    assert await engine.ask(Question("later", Terms(within_s=30))) == "LATER"


async def test_doubt_lasts_from_call_to_call() -> None:
    stage, circuit, doubt = Stage(), Circuit("ASR"), Doubt()
    stage.state = "hangs"
    with pytest.raises(TimeoutError):
        await circuit.ask(stage, 0.02, doubt=doubt)
    stage.state = "well"
    assert await circuit.ask(stage, 1) == "answer"
    stage.state = "hangs"
    with pytest.raises(DeadlyRequestError, match="twice, and others in between"):
        await circuit.ask(stage, 0.02, doubt=doubt)


async def test_patience_ends() -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = "away"
    with pytest.raises(StageUnavailableError):
        await circuit.ask(stage, 1, patience_s=0.2)
    stage.state = "hangs"
    with pytest.raises((TimeoutError, StageUnavailableError)):
        await circuit.ask(stage, 0.05, patience_s=0.2)


async def test_a_stage_that_refuses_is_there() -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = "refuses"
    for _ in range(2 * subject.FAILURES):
        with pytest.raises(EngineError, match="no such word"):
            await circuit.ask(stage, 1, patience_s=30)
    assert stage.calls == 2 * subject.FAILURES


async def test_whoever_stops_trying_lets_the_next_try() -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = "away"
    for _ in range(subject.FAILURES):
        with pytest.raises(StageUnavailableError):
            await circuit.ask(stage, 1)
    stage.state = "hangs"
    stage.called.clear()
    await asyncio.sleep(0.05)
    trying = asyncio.create_task(circuit.ask(stage, 30))
    await asyncio.wait_for(stage.called.wait(), 10)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    stage.state = "well"
    assert await circuit.ask(stage, 1, patience_s=30) == "answer"


async def test_nobody_calls_a_stage_away_that_nobody_has_tried_for_long() -> None:
    stage, circuit = Stage(), Circuit("MT")
    stage.state = "away"
    for _ in range(subject.FAILURES):
        with pytest.raises(StageUnavailableError):
            await circuit.ask(stage, 1)
    await asyncio.sleep(0.4)
    assert not circuit.is_away
