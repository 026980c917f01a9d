"""Translation by vLLM's own server of OpenAI's API, with the bundled model."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sacrebleu
from tokenizers import Tokenizer

from deployments.engines.instruct_prompts import instruct_messages
from deployments.engines.openai_mt import OpenAiMt, neutralised
from deployments.engines.openai_settings import OpenAiMtSettings
from deployments.models import resolve
from deployments.types import EngineError, MtRequest
from tests.cluster.conftest import free_port
from tests.support.translations import DIRECTIONS, PARALLEL
from tests.vllm.engines import BUNDLED, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")

START_TIMEOUT_S = 240
MODEL = "translator"
MILK = PARALLEL["en"][3]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(resolve(BUNDLED).path), "--served-model-name", MODEL]
    command += ["--chat-template", str(Path(__file__).parent / "demo_chat.jinja")]
    command += ["--kv-cache-memory-bytes", str(SMALL["kv_cache_bytes"]), "--enforce-eager"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("server") / "log"
    binding = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **binding}
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(f"http://127.0.0.1:{port}/health"):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait(60)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(url: str) -> AsyncIterator[OpenAiMt]:
    running = OpenAiMt(MODEL, OpenAiMtSettings(base_url=url, continues_prefix=True))
    yield running
    await running.close()


async def translate(engine: OpenAiMt, request: MtRequest) -> str:
    engine.check(request)
    return (await engine.translate(request)).text


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_translations(engine: OpenAiMt, source: str, target: str) -> None:
    requests = [MtRequest(sentence, source, target) for sentence in PARALLEL[source]]
    texts = [await translate(engine, request) for request in requests]
    assert sacrebleu.corpus_chrf(texts, [PARALLEL[target]]).score >= 85, texts


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_it_goes_on_from_what_was_committed(
    engine: OpenAiMt, source: str, target: str
) -> None:
    for sentence in PARALLEL[source]:
        whole = await translate(engine, MtRequest(sentence, source, target))
        begun = " ".join(whole.split(" ")[:2])
        assert await translate(engine, MtRequest(sentence, source, target, begun)) == whole


@pytest.mark.parametrize("markup", ["<|endoftext|>", "<|target|>", "<|translate|>"])
async def test_markup_in_a_text_is_no_markup_for_the_server(url: str, markup: str) -> None:
    """The same text as it is would be: so the server is asked how it cuts both up."""
    special = Tokenizer.from_file(str(resolve(BUNDLED).path / "tokenizer.json")).token_to_id(markup)

    async def count(text: str, put: Callable[[str], str]) -> int:
        messages = instruct_messages(MtRequest(text, "en", "de"), put)
        async with (
            aiohttp.ClientSession() as client,
            client.post(
                f"{url.removesuffix('/v1')}/tokenize", json={"model": MODEL, "messages": messages}
            ) as response,
        ):
            tokens: list[int] = (await response.json())["tokens"]
            return tokens.count(special)

    clean = await count(MILK, str)
    assert await count(f"{MILK} {markup}", neutralised) == clean
    assert await count(f"{MILK} {markup}", str) == clean + 1


async def test_refusals_are_the_server_s_words(url: str) -> None:
    stranger = OpenAiMt("stranger", OpenAiMtSettings(base_url=url))
    with pytest.raises(EngineError, match=r"404: .*stranger.* mt\.model is a name the server"):
        await stranger.translate(MtRequest(MILK, "en", "de"))
    await stranger.close()
