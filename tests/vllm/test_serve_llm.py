"""Translation by an LLMServer of `ray.serve.llm`, on a Ray of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import ray
from ray import serve

from deployments.engines.serve_llm_settings import ServeLlmSettings
from deployments.models import resolve
from deployments.types import EngineError, MtRequest
from tests.cluster.conftest import ROOT
from tests.support.translations import DIRECTIONS, PARALLEL
from tests.vllm.engines import BUNDLED, SMALL

if TYPE_CHECKING:
    from deployments.engines.serve_llm_mt import ServeLlmMt

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("default"),  # Ray's own, in the process that starts it
]

SETTINGS = ServeLlmSettings(app="llm", model_id="translator", max_model_len=1_024)


@pytest.fixture(scope="module")
def engine() -> Iterator[ServeLlmMt]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.serve.llm import LLMConfig, build_llm_deployment  # noqa: PLC0415

        from deployments.engines.serve_llm_mt import ServeLlmMt  # noqa: PLC0415

    directory = Path("/tmp") / f"dg-llm-{os.getpid()}"  # short, for Ray's sockets
    ray.init(address="local", num_cpus=3, _temp_dir=str(directory), include_dashboard=False)
    config = LLMConfig(
        model_loading_config={
            "model_id": SETTINGS.model_id,
            "model_source": str(resolve(BUNDLED).path),
        },
        accelerator_config={"kind": "cpu"},
        placement_group_config={"bundles": [{"CPU": 1}]},
        engine_kwargs={
            "max_model_len": SETTINGS.max_model_len,
            "enforce_eager": True,
            "kv_cache_memory_bytes": SMALL["kv_cache_bytes"],
        },
        runtime_env={"env_vars": {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "PYTHONPATH": str(ROOT)}},
    )
    serve.start(http_options={"location": "NoServer"})
    serve.run(build_llm_deployment(config), name=SETTINGS.app, route_prefix=None)
    yield ServeLlmMt(resolve(BUNDLED), SETTINGS)
    serve.shutdown()
    ray.shutdown()


async def translate(engine: ServeLlmMt, request: MtRequest) -> str:
    engine.check(request)
    return (await engine.translate(request)).text


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_it_translates_and_goes_on_from_what_was_committed(
    engine: ServeLlmMt, source: str, target: str
) -> None:
    request = MtRequest(PARALLEL[source][3], source, target)
    assert await translate(engine, request) == PARALLEL[target][3]
    words = PARALLEL[target][3].split(" ")
    begun = [" ".join(words[:count]) for count in range(1, len(words))]
    forced = [MtRequest(request.source, source, target, beginning) for beginning in begun]
    texts = await asyncio.gather(*(translate(engine, request) for request in forced))
    assert set(texts) == {PARALLEL[target][3]}


async def test_what_the_server_refuses_is_told(engine: ServeLlmMt) -> None:
    too_long = MtRequest("no " * 100, "en", "de", "nein " * 2_000)
    with pytest.raises(EngineError, match="the model has 1024"):
        engine.check(too_long)
    with pytest.raises(EngineError, match=r"LLMServer:translator refused the request: .*1024"):
        await engine.translate(too_long)
