"""Damaged audio through the decoders and the REST door: refused or heard, and never a 500."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.fuzz.audio import BYTES_PER_S, FILES, REFUSALS, heard, heard_live, told
from tests.fuzz.driver import CRASHERS
from tests.fuzz.make_corpus import CONTAINERS, SECONDS
from tests.fuzz.mutations import crops, mutants
from tests.support.doors import scripted_service, serving
from tests.support.scripted import Script

pytestmark = pytest.mark.local

CRASHED = sorted(CRASHERS.glob("audio/*"))
MUTANTS, POSTED = 12, 3
AT_A_TIME = 4


def damaged(path: Path, count: int) -> Iterator[bytes]:
    data = path.read_bytes()
    yield from crops(data)
    yield from mutants(data, count, path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_what_is_served_is_heard(path: Path) -> None:
    data = await asyncio.to_thread(path.read_bytes)
    assert await heard(data) / BYTES_PER_S == pytest.approx(SECONDS, abs=0.08)
    if path.name not in ("aac.m4a", "alac.m4a"):  # their index comes last
        assert await heard_live(data) / BYTES_PER_S == pytest.approx(SECONDS, abs=0.08)


def test_every_container_and_codec_is_in_the_corpus() -> None:
    assert {path.name for path in FILES} >= CONTAINERS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_damage_is_refused_or_heard(path: Path) -> None:
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(data: bytes) -> None:
        async with places:
            await told(data)

    await asyncio.gather(*(one(data) for data in damaged(path, MUTANTS)))


@pytest.mark.parametrize("path", CRASHED, ids=lambda path: path.name)
async def test_what_once_broke_something(path: Path) -> None:
    await told(await asyncio.to_thread(path.read_bytes))


async def test_the_rest_door_has_an_answer_to_every_file() -> None:
    answers: Counter[int] = Counter()
    async with (
        serving(scripted_service(Script([], 1_000))) as url,
        aiohttp.ClientSession() as http,
    ):
        for path in FILES:
            for data in (path.read_bytes(), *mutants(path.read_bytes(), POSTED, f"post {path}")):
                form = aiohttp.FormData({"model": "whisper-1"})
                form.add_field("file", data, filename=path.name)
                async with http.post(f"{url}/v1/audio/transcriptions", data=form) as answer:
                    answers[answer.status] += 1
                    assert answer.status in {200, *REFUSALS}, await answer.text()
    assert answers[200] >= len(FILES)
