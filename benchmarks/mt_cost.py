"""How long a translation takes: vLLM and CTranslate2, one sentence at a time and many at once."""

from __future__ import annotations

import argparse
import asyncio
from itertools import permutations

import numpy as np

from deployments.engines.vllm_settings import VllmSettings
from deployments.metering import process_meters
from deployments.metering.stage import StageMeter
from deployments.mt import MtSettings, load_engine
from deployments.mt_adapters import Translator
from deployments.types import MtRequest
from models.training.mt_data import held_out_sentences

TOGETHER = (1, 4, 16)
KV_CACHE_BYTES = 128 << 20


def settings_of(engine: str) -> MtSettings:
    """The engine as it serves the bundled model on one thread of a CPU."""
    vllm = VllmSettings(kv_cache_bytes=KV_CACHE_BYTES, enforce_eager=engine == "vllm-eager")
    name = "ctranslate2" if engine == "ctranslate2" else "vllm"
    return MtSettings.model_validate({"engine": name, "vllm": vllm})


async def latencies_ms(engine: Translator, requests: list[MtRequest], together: int) -> list[float]:
    """From each request to its draft, with so many in flight all the time."""
    clock = asyncio.get_running_loop().time
    waiting = iter(requests)
    taken: list[float] = []

    async def ask() -> None:
        for request in waiting:
            since_s = clock()
            await engine.translate(request)
            taken.append(1000 * (clock() - since_s))

    await asyncio.gather(*(ask() for _ in range(together)))
    return taken


async def measure(name: str, sentences: int) -> None:
    """Print one row for each number of requests in flight."""
    engine = load_engine(settings_of(name), StageMeter("mt", process_meters()))
    await engine.warm()
    directions = list(permutations(("en", "de", "es"), 2))
    requests = [
        MtRequest(sentence.text(source), source, target)
        for sentence in held_out_sentences(sentences, seed=1)
        for source, target in directions
    ]
    for together in TOGETHER:
        p50, p95 = np.percentile(await latencies_ms(engine, requests, together), [50, 95])
        print(f"| {name} | {together} | {p50:.0f} ms | {p95:.0f} ms |", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["ctranslate2", "vllm", "vllm-eager"])
    parser.add_argument("--sentences", type=int, default=20, help="each in six directions")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.engine, arguments.sentences))


if __name__ == "__main__":
    main()
