"""Concurrent requests: gathered, answered one by one, and never harmed by a neighbour."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from deployments.asr import MAX_WAITED_S, Asr, waited_s
from deployments.batching import Batcher
from deployments.settings import StageSettings
from deployments.types import (
    AsrRequest,
    EngineError,
    EngineLostError,
    Hypothesis,
    UnsupportedLanguageError,
)

POISON = -1
GOOD = 1_000
SETTINGS = StageSettings(max_batch_size=4, batch_wait_s=0.01)


class Doubler:
    """An engine that doubles numbers and fails with the whole batch where it meets POISON."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.broken = False
        self._seconds = seconds
        self._running = threading.Lock()

    def run(self, batch: Sequence[int]) -> list[int]:
        assert self._running.acquire(blocking=False), "two batches at a time"
        try:
            time.sleep(self._seconds)
            self.batches.append(list(batch))
            self.threads.add(threading.get_ident())
            if POISON in batch or self.broken:
                raise ValueError("poison")
            return [2 * number for number in batch]
        finally:
            self._running.release()


async def test_concurrent_requests_share_batches_in_order() -> None:
    engine = Doubler()
    batcher = Batcher(engine.run, SETTINGS, GOOD)
    answers = await asyncio.gather(*(batcher.ask(number) for number in range(10)))
    assert answers == [2 * number for number in range(10)]
    assert engine.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert threading.get_ident() not in engine.threads


async def test_requests_that_come_while_a_batch_runs_make_up_the_next() -> None:
    engine = Doubler(seconds=0.05)
    batcher = Batcher(engine.run, StageSettings(max_batch_size=4, batch_wait_s=0.0), GOOD)
    first = asyncio.create_task(batcher.ask(0))
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(batcher.ask(number)) for number in (1, 2, 3)]
    assert await first == 0
    assert await asyncio.gather(*others) == [2, 4, 6]
    assert engine.batches == [[0], [1, 2, 3]]


async def test_it_works_again_after_a_rest() -> None:
    engine = Doubler()
    batcher = Batcher(engine.run, SETTINGS, GOOD)
    assert await batcher.ask(1) == 2
    assert await batcher.ask(2) == 4
    assert engine.batches == [[1], [2]]


async def test_only_the_bad_request_fails() -> None:
    batcher = Batcher(Doubler().run, SETTINGS, GOOD)
    answers = await asyncio.gather(
        batcher.ask(1), batcher.ask(POISON), batcher.ask(3), return_exceptions=True
    )
    assert answers[0] == 2
    assert answers[2] == 6
    assert isinstance(answers[1], EngineError)
    assert str(answers[1]) == "ValueError: poison"
    assert isinstance(answers[1].__cause__, ValueError)
    batcher.check_health()


async def test_errors_of_the_engine_keep_their_type() -> None:
    def refuse(batch: Sequence[int]) -> list[int]:
        raise UnsupportedLanguageError("fr")

    with pytest.raises(UnsupportedLanguageError, match="fr"):
        await Batcher(refuse, SETTINGS, GOOD).ask(1)


async def test_an_engine_that_loses_an_answer_is_an_error() -> None:
    batcher = Batcher(lambda batch: [], SETTINGS, GOOD)
    with pytest.raises(EngineError, match="0 answers to 1 requests"):
        await batcher.ask(1)


async def test_who_left_is_not_served() -> None:
    engine = Doubler(seconds=0.05)
    batcher = Batcher(engine.run, SETTINGS, GOOD)
    running = asyncio.create_task(batcher.ask(1))
    await asyncio.sleep(0.03)
    leaving, staying = (asyncio.create_task(batcher.ask(number)) for number in (2, 3))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await asyncio.gather(running, staying) == [2, 6]
    assert engine.batches == [[1], [3]]


async def test_failing_batch_after_batch_is_ill_and_one_success_heals() -> None:
    engine = Doubler()
    batcher = Batcher(engine.run, SETTINGS, GOOD)
    engine.broken = True
    for number in range(3):
        batcher.check_health()
        with pytest.raises(EngineError):
            await batcher.ask(number)
    with pytest.raises(RuntimeError, match="3 batches in a row"):
        batcher.check_health()
    engine.broken = False
    await batcher.ask(1)
    batcher.check_health()


async def test_an_engine_that_hangs_is_ill() -> None:
    engine = Doubler(seconds=0.4)
    batcher = Batcher(engine.run, SETTINGS.model_copy(update={"hang_s": 0.1}), GOOD)
    asked = asyncio.create_task(batcher.ask(1))
    await asyncio.sleep(0.05)
    batcher.check_health()
    await asyncio.sleep(0.2)
    with pytest.raises(RuntimeError, match="it hangs"):
        batcher.check_health()
    await asked
    batcher.check_health()


async def test_a_bad_request_that_is_asked_again_and_again_proves_nothing() -> None:
    engine = Doubler()
    batcher = Batcher(engine.run, SETTINGS, GOOD)
    for _ in range(7):
        with pytest.raises(EngineError):
            await batcher.ask(POISON)
        batcher.check_health()
    assert engine.batches.count([GOOD]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "CUDA failed with error out of memory",
        "CUDA failed with error device-side assert triggered",
        "CUDA failed with error unspecified launch failure",
        "CUDA failed with error no CUDA-capable device is detected",
        "cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED",
        "cuDNN failed with status CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
async def test_a_failed_gpu_is_ill_at_once_and_not_asked_again(text: str) -> None:
    calls: list[list[int]] = []

    def run(batch: Sequence[int]) -> list[int]:
        calls.append(list(batch))
        raise RuntimeError(text)

    batcher = Batcher(run, SETTINGS, GOOD)
    batcher.check_health()
    answers = await asyncio.gather(*map(batcher.ask, range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [EngineLostError] * 3
    assert calls == [[0, 1, 2]], "a batch is run apart only where a request may be at fault"
    with pytest.raises(RuntimeError, match=f"the GPU failed: {text}"):
        batcher.check_health()


async def test_an_error_that_only_speaks_of_cuda_is_a_requests_own() -> None:
    def run(batch: Sequence[int]) -> list[int]:
        raise ValueError("CUDA failed with error is what somebody said")

    batcher = Batcher(run, SETTINGS, GOOD)
    with pytest.raises(EngineError) as caught:
        await batcher.ask(0)
    assert type(caught.value) is EngineError
    batcher.check_health()


async def test_an_asr_replica_whose_gpu_failed_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def end(code: int) -> None:
        assert code == 1
        raise Ended

    class Engine:
        def check(self, request: AsrRequest) -> None: ...

    def run(batch: Sequence[AsrRequest]) -> list[Hypothesis]:
        raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr("deployments.asr.os._exit", end)
    request = AsrRequest(np.zeros(1_600, np.float32), "en")
    replica = object.__new__(Asr.func_or_class)
    replica._engine, replica._batcher = Engine(), Batcher(run, SETTINGS, request)
    with pytest.raises(Ended):
        await replica.transcribe(request)
    with pytest.raises(RuntimeError, match="the GPU failed"):
        replica.check_health()


async def test_the_one_that_has_waited_longest_goes_first_with_those_of_its_shape() -> None:
    engine = Doubler(seconds=0.05)
    batcher = Batcher(
        engine.run,
        StageSettings(max_batch_size=2, batch_wait_s=0.0),
        GOOD,
        shape=lambda number: number % 2,
        waited_s=lambda number: number,
    )
    first = asyncio.create_task(batcher.ask(0))
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(batcher.ask(number)) for number in (2, 5, 1, 4, 3)]
    await asyncio.gather(first, *others)
    assert engine.batches == [[0], [5, 3], [4, 2], [1]]


async def test_nobody_is_passed_over_for_ever() -> None:
    """What comes later has waited less, however many of another shape there are."""
    engine = Doubler(seconds=0.01)
    batcher = Batcher(
        engine.run, StageSettings(max_batch_size=2, batch_wait_s=0.0), GOOD, shape=lambda n: n == 0
    )

    async def keep_asking() -> None:
        for number in range(1, 6):
            await batcher.ask(number)

    crowd = [asyncio.create_task(keep_asking()) for _ in range(4)]
    await asyncio.sleep(0.005)
    assert await batcher.ask(0) == 0
    await asyncio.gather(*crowd)
    before = [number for batch in engine.batches[: engine.batches.index([0])] for number in batch]
    assert len(before) <= 6


def test_unheard_audio_has_waited_as_long_as_it_lasts_up_to_a_limit() -> None:
    window = np.zeros(16_000, np.float32)
    assert waited_s(AsrRequest(window, "en", unheard_samples=4_000)) == 0.25
    assert waited_s(AsrRequest(window, "en", unheard_samples=480_000)) == MAX_WAITED_S
