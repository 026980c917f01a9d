"""vLLM where room is short: what goes first, adapters, engines that die or never start."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
import pytest_asyncio

from deployments.engines.vllm_settings import VllmSettings
from deployments.models import ModelChoice, ModelCorruptError, resolve
from deployments.types import EngineLostError, MtRequest
from tests.support.translations import PARALLEL
from tests.vllm.engines import BUNDLED, SMALL, vllm_engine

if TYPE_CHECKING:
    from deployments.engines.vllm_mt import VllmMt

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTH, QUERY_WIDTH, RANK = 256, 256, 8
MILK = PARALLEL["en"][3]


def write_adapter(directory: Path, strength: float) -> None:
    """A LoRA adapter for the first layer's attention; without strength it changes nothing."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - only vLLM's environment has it

    directory.mkdir()
    rng = np.random.default_rng(3)
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    weights = {
        f"{name}.lora_A.weight": rng.normal(size=(RANK, WIDTH)).astype(np.float32),
        f"{name}.lora_B.weight": strength * rng.normal(size=(QUERY_WIDTH, RANK)),
    }
    arrays = {key: value.astype(np.float32) for key, value in weights.items()}
    save_file(arrays, directory / "adapter_model.safetensors")
    config = {"r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj"], "peft_type": "LORA"}
    (directory / "adapter_config.json").write_text(json.dumps(config))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VllmMt]:
    """One request at a time, adapters for Spanish."""
    directory = tmp_path_factory.mktemp("adapters")
    write_adapter(directory / "none", 0.0)
    write_adapter(directory / "strong", 20.0)
    adapters = {"es": str(directory / "none"), "de-es": str(directory / "strong")}
    running = vllm_engine(max_num_seqs=1, adapters=adapters, max_lora_rank=8)
    await running.warm()
    yield running
    running.shutdown()


async def translate(engine: VllmMt, request: MtRequest) -> str:
    engine.check(request)
    return (await engine.translate(request)).text


async def test_an_adapter_is_of_its_target_or_its_pair(engine: VllmMt) -> None:
    assert await translate(engine, MtRequest(MILK, "en", "de")) == PARALLEL["de"][3]
    assert await translate(engine, MtRequest(MILK, "en", "es")) == PARALLEL["es"][3]
    assert await translate(engine, MtRequest(PARALLEL["de"][3], "de", "es")) != PARALLEL["es"][3]


async def test_live_speech_goes_before_files_and_what_is_committed_before_drafts(
    engine: VllmMt,
) -> None:
    finished: list[str] = []

    async def ask(name: str, *, background: bool = False, unfinished: bool = False) -> None:
        request = MtRequest(MILK, "en", "de", background=background, open=unfinished)
        await engine.translate(request)
        finished.append(name)

    files = [asyncio.create_task(ask(f"file {n}", background=True)) for n in range(6)]
    while engine.unfinished < len(files):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    draft = asyncio.create_task(ask("draft", unfinished=True))
    committed = asyncio.create_task(ask("committed"))
    await asyncio.gather(*files, draft, committed)
    places = {name: place for place, name in enumerate(finished)}
    # What is at work already is finished first.
    assert places["committed"] < places["draft"] < places["file 5"], finished
    assert places["committed"] <= 3, finished


async def test_cancelled_work_makes_room_at_once(engine: VllmMt) -> None:
    long = MtRequest("no " * 280, "en", "de")
    clock = asyncio.get_running_loop().time
    since_s = clock()
    await engine.translate(long)
    took_s = clock() - since_s
    asked = [asyncio.create_task(engine.translate(long)) for _ in range(100)]
    while engine.unfinished < len(asked):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert engine.unfinished == 0
    # Behind all of them, one at a time, it would take a hundred times as long.
    async with asyncio.timeout(20 * took_s + 1):
        background = MtRequest(MILK, "en", "de", background=True)
        assert await translate(engine, background) == PARALLEL["de"][3]


async def test_an_engine_that_died_says_so_to_all_who_ask(engine: VllmMt) -> None:
    family = psutil.Process().children(recursive=True)
    cores = [
        child for child in family if "EngineCore" in " ".join([child.name(), *child.cmdline()])
    ]
    waiting = asyncio.create_task(engine.translate(MtRequest("no " * 280, "en", "de")))
    await asyncio.sleep(0.05)
    for core in cores:
        core.kill()
    with pytest.raises(EngineLostError, match="the vLLM engine of dragoman-mt has died"):
        await waiting
    with pytest.raises(EngineLostError):
        await engine.translate(MtRequest(MILK, "en", "de"))
    with pytest.raises(Exception, match="EngineCore"):
        await engine.check_health()


async def test_weights_that_do_not_fit_their_model_are_named(tmp_path: Path) -> None:
    directory = tmp_path / "broken"
    shutil.copytree(resolve(BUNDLED).path, directory)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "hidden_size": 128}))
    with pytest.raises(ModelCorruptError, match=r"vLLM could not load .*broken.*says more"):
        vllm_engine(ModelChoice(str(directory), "mt", "transformers"))


async def test_a_gpu_that_this_vllm_is_not_made_for_is_no_reason_to_take_the_cpu() -> None:
    from deployments.engines.vllm_mt import VllmMt  # noqa: PLC0415

    with pytest.raises(RuntimeError, match=r"mt\.device='cuda', but this vLLM runs on 'cpu'"):
        VllmMt(resolve(BUNDLED), VllmSettings.model_validate(SMALL), device="cuda")


async def test_an_adapter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match=r"mt\.vllm\.adapters: .* for 'de' is not the dir"):
        vllm_engine(adapters={"de": str(tmp_path)})
