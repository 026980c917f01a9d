"""Engines of either kind behind one port: answers, figures, cancellation."""

from __future__ import annotations

import asyncio

import pytest

from deployments.metering.prometheus import PrometheusMeters
from deployments.metering.stage import StageMeter
from deployments.mt import MtSettings, load_batch_engine
from deployments.mt_adapters import BatchedMt, MeteredMt
from deployments.types import Draft, EngineError, MtRequest, StageInfo

HELLO = MtRequest("Hello.", "en", "de")


class Waiting:
    """Answers when it is told to."""

    info = StageInfo("waiting", "1", ())

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.healthy = True

    def check(self, request: MtRequest) -> None:
        if not request.source:
            raise EngineError("nothing to translate")

    async def translate(self, request: MtRequest) -> Draft:
        await self.may_answer.wait()
        return Draft(f"<{request.target_language}>{request.source}")

    async def warm(self) -> None:
        self.may_answer.set()

    async def check_health(self) -> None:
        if not self.healthy:
            raise RuntimeError("dead")


def metered(engine: Waiting) -> MeteredMt:
    return MeteredMt(engine, StageMeter("mt", PrometheusMeters()), max_together=4)


async def test_an_engine_with_batches_of_its_own_is_passed_on_and_measured() -> None:
    engine = Waiting()
    translator = metered(engine)
    assert translator.load() == {"wait_s": 0.0, "backlog_s": 0.0, "used": 0.0}
    asked = [asyncio.create_task(translator.translate(HELLO)) for _ in range(3)]
    await asyncio.sleep(0.02)
    busy = translator.load()
    assert busy["used"] == 0.75
    assert busy["wait_s"] >= 0.02
    await translator.warm()
    assert await asyncio.gather(*asked) == [Draft("<de>Hello.")] * 3
    rest = translator.load()
    assert rest["used"] == 0.0
    assert rest["wait_s"] >= 0.02
    assert translator.info is engine.info
    with pytest.raises(EngineError, match="nothing to translate"):
        translator.check(MtRequest("", "en", "de"))


async def test_who_gives_up_is_not_counted_as_waiting() -> None:
    translator = metered(Waiting())
    asked = asyncio.create_task(translator.translate(HELLO))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert asked.cancelled()
    assert translator.load()["used"] == 0.0


async def test_health_is_the_engine_s() -> None:
    engine = Waiting()
    translator = metered(engine)
    await translator.check_health()
    engine.healthy = False
    with pytest.raises(RuntimeError, match="dead"):
        await translator.check_health()


async def test_an_engine_that_answers_batches_is_asked_one_by_one() -> None:
    settings = MtSettings(engine="oracle")
    translator = BatchedMt(load_batch_engine(settings), settings)
    await translator.warm()
    requests = [MtRequest(word, "en", "de") for word in ("one", "two", "three")]
    drafts = await asyncio.gather(*(translator.translate(request) for request in requests))
    assert [draft.text for draft in drafts] == ["t[de]one", "t[de]two", "t[de]three"]
    await translator.check_health()
    assert translator.load()["backlog_s"] == 0.0


@pytest.mark.parametrize("engine", ["vllm", "openai", "serve_llm"])
def test_an_engine_without_batches_is_no_batch_engine(engine: str) -> None:
    settings = MtSettings.model_validate({"engine": engine})
    with pytest.raises(ValueError, match="does not take batches; use ctranslate2 or oracle"):
        load_batch_engine(settings)
