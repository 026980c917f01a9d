"""Handles as ports: what comes back, what is asked again, what is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from deployments import ports
from deployments.calls import CallLostError
from deployments.hub_serving import ServeHub
from deployments.ports import ServeAsr, ServeMt, ServeVad
from deployments.types import (
    AsrRequest,
    DeadlyRequestError,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    StageInfo,
    StageUnavailableError,
    UnsupportedLanguageError,
    VadAnswer,
    VadRequest,
    VadState,
)
from serve_app.limits.ledger import Report
from serve_app.limits.shared import ServeLimiter


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PAUSE_S", 0.001)
    monkeypatch.setattr(ports, "SPREAD_S", 0.001)


class Handle:
    """A deployment handle whose calls give the next of `results`, or raise it."""

    def __init__(self, *results: object) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._results = list(results)

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def __getattr__(self, method: str) -> Handle.Method:
        return Handle.Method(lambda *args: self._answer(method, args))

    async def _answer(self, method: str, args: tuple[Any, ...]) -> object:
        self.calls.append((method, args))
        result = self._results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    class Method:
        def __init__(self, remote: Callable[..., Awaitable[object]]) -> None:
            self.remote = remote


VAD = VadRequest(VadState.initial(), np.zeros(512, dtype=np.float32))
ASR = AsrRequest(np.zeros(1_600, dtype=np.float32), "en")
MT = MtRequest("Thank you.", "en", "de")
INFO = StageInfo("m", "1", ("en",))
HEARD = Hypothesis((), "en", 1.0, 0.0, 0.0)


def raised_by_stage(error: Exception) -> RayTaskError:
    """`error` as it reaches the caller of a replica."""
    return RayTaskError("translate", "Traceback of the replica", error).as_instanceof_cause()


async def test_each_port_calls_its_method() -> None:
    spoken = VadAnswer(VAD.state, (0.5,))
    handle = Handle(spoken, HEARD, INFO, Draft("Danke."), INFO)
    assert await ServeVad(handle).detect(VAD) is spoken
    assert await ServeAsr(handle).transcribe(ASR) is HEARD
    assert await ServeAsr(handle).info() is INFO
    assert await ServeMt(handle).translate(MT) == Draft("Danke.")
    assert await ServeMt(handle).info() is INFO
    assert handle.calls == [
        ("detect", (VAD,)),
        ("transcribe", (ASR,)),
        ("info", ()),
        ("translate", (MT,)),
        ("info", ()),
    ]


@pytest.mark.parametrize(
    "lost", [ActorDiedError(), ActorUnavailableError("gone", b"0" * 16)], ids=["died", "away"]
)
async def test_a_lost_replica_is_replaced_by_another_once(lost: Exception) -> None:
    handle = Handle(lost, INFO, Draft("Danke."))
    assert await ServeMt(handle).translate(MT) == Draft("Danke.")
    assert handle.methods == ["translate", "info", "translate"]


async def test_a_request_that_three_replicas_were_lost_with_is_not_asked_again() -> None:
    died = ActorDiedError()
    handle = Handle(died, INFO, died, INFO, died, Draft("never"))
    with pytest.raises(DeadlyRequestError):
        await ServeMt(handle).translate(MT)
    assert handle.methods == ["translate", "info"] * 2 + ["translate"]


async def test_that_nobody_is_there_proves_nothing() -> None:
    died = ActorDiedError()
    handle = Handle(died, *[died] * 9, VadAnswer(VAD.state, (0.1,)), VadAnswer(VAD.state, (0.5,)))
    assert (await ServeVad(handle).detect(VAD)).probabilities == (0.5,)
    assert len(handle.calls) == 12


class Mortal:
    """A stage of one replica that dies of one request, with all that are there; and comes back."""

    def __init__(self, deadly: str) -> None:
        self.deaths = 0
        self._deadly = deadly
        self._here: list[asyncio.Future[Draft]] = []

    @property
    def translate(self) -> SimpleNamespace:
        return SimpleNamespace(remote=self._translate)

    @property
    def info(self) -> SimpleNamespace:
        return SimpleNamespace(remote=self._info)

    async def _info(self) -> StageInfo:
        return INFO

    async def _translate(self, request: MtRequest) -> Draft:
        answer = asyncio.get_running_loop().create_future()
        self._here.append(answer)
        await asyncio.sleep(0.01)
        if request.source == self._deadly:
            self.deaths += 1
            here, self._here = self._here, []
            for one in here:
                if not one.done():
                    one.set_exception(ActorDiedError())
        elif not answer.done():
            answer.set_result(Draft(request.source.upper()))
        return await answer


async def test_one_deadly_request_costs_the_others_nothing() -> None:
    stage = Mortal("word 7")
    port = ServeMt(stage)  # type: ignore[arg-type]
    sources = [f"word {number}" for number in range(40)]
    answers = await asyncio.gather(
        *(port.translate(MtRequest(source, "en", "de")) for source in sources),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(7), DeadlyRequestError)
    del sources[7]
    assert answers == [Draft(source.upper()) for source in sources]
    assert stage.deaths == 3


async def test_a_call_that_its_replica_cancels_is_asked_again() -> None:
    handle = Handle(asyncio.CancelledError(), INFO, Draft("Danke."))
    assert await ServeMt(handle).translate(MT) == Draft("Danke.")
    with pytest.raises(CallLostError):
        await ServeHub(Handle(asyncio.CancelledError())).look("name")
    with pytest.raises(CallLostError):
        await ServeLimiter(Handle(asyncio.CancelledError())).report(Report())


@pytest.mark.parametrize(
    "error",
    [BackPressureError(num_queued_requests=9, max_queued_requests=9),
     DeploymentUnavailableError(None)],
    ids=["full", "down"],
)  # fmt: skip
async def test_a_stage_without_room_is_not_pressed(error: Exception) -> None:
    handle = Handle(error)
    with pytest.raises(StageUnavailableError):
        await ServeAsr(handle).transcribe(ASR)
    assert len(handle.calls) == 1


@pytest.mark.parametrize("error", [EngineError("no"), UnsupportedLanguageError("fr")])
async def test_errors_of_a_stage_arrive_as_they_were_raised(error: Exception) -> None:
    handle = Handle(raised_by_stage(error))
    with pytest.raises(type(error)) as caught:
        await ServeMt(handle).translate(MT)
    assert caught.value is error
    assert len(handle.calls) == 1


async def test_other_errors_are_left_alone() -> None:
    with pytest.raises(KeyError):
        await ServeMt(Handle(raised_by_stage(KeyError("x")))).translate(MT)


class Unanswered:
    """A response that never comes."""

    def __init__(self) -> None:
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, object]:
        return asyncio.Event().wait().__await__()

    def cancel(self) -> None:
        self.cancelled = True


async def test_who_stops_waiting_stops_the_work() -> None:
    response = Unanswered()
    method = SimpleNamespace(remote=lambda *_: response)
    handle = SimpleNamespace(translate=method, info=method)
    asked = asyncio.create_task(ServeMt(handle).translate(MT))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert response.cancelled
