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

from deployments.ports import ServeAsr, ServeMt, ServeVad, StageUnavailableError
from deployments.types import (
    AsrRequest,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    StageInfo,
    UnsupportedLanguageError,
    VadAnswer,
    VadRequest,
    VadState,
)


class Handle:
    """A deployment handle whose calls give the next of `results`, or raise it."""

    def __init__(self, *results: object) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._results = list(results)

    def __getattr__(self, method: str) -> Handle.Method:
        return Handle.Method(lambda *args: self._answer(method, args))

    async def _answer(self, method: str, args: tuple[Any, ...]) -> object:
        self.calls.append((method, args))
        result = self._results.pop(0)
        if isinstance(result, Exception):
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
    handle = Handle(lost, Draft("Danke."))
    assert await ServeMt(handle).translate(MT) == Draft("Danke.")
    assert handle.calls == [("translate", (MT,))] * 2

    twice = Handle(lost, lost, Draft("never"))
    with pytest.raises(StageUnavailableError):
        await ServeMt(twice).translate(MT)
    assert len(twice.calls) == 2


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
    handle = SimpleNamespace(translate=SimpleNamespace(remote=lambda _: response))
    asked = asyncio.create_task(ServeMt(handle).translate(MT))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert response.cancelled
