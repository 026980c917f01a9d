"""A client that is cut off again and again, each time to go on at another server."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from serve_app.client.score import spoken, word_error_percent
from tests.cluster.conftest import ROOT, free_port, start_server, stop_server
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.reconnect import CUT_EVERY_S, Told, cut, uncut
from tests.support.speech import pcm, samples

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.cluster

TARGETS = ("de", "es")
WORDS_A_MINUTE = 100
NEVER_AT_REST_MS = (320, 500)
"""With words as short, an utterance rests only after a sentence. Where it rests depends on when
its words were heard, here as between any two runs."""
MAX_WER_POINTS = 0.5


@contextmanager
def two_servers(config: Path) -> Iterator[list[str]]:
    """Servers of their own that share nothing but the keys of their resume tokens."""
    keys = {"RESUME_KEYS": secrets.token_hex(32)}
    directories = [Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp")) for _ in range(2)]
    running = []
    try:
        for directory in directories:
            running.append(start_server(directory, free_port(), keys, config))
        yield [server.url for server in running]
    finally:
        codes = [stop_server(server) for server in running]
        logs = [server.log.read_text() for server in running]
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
    assert codes == [0, 0], logs


@pytest.fixture(scope="module")
def oracles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    arguments = config["applications"][0]["args"]
    for stage in ("vad", "asr", "mt"):
        arguments[stage] = {"engine": "oracle", "oracle": {"delay_ms": 5}}
    path = tmp_path_factory.mktemp("oracles") / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    with two_servers(path) as urls:
        yield urls


@pytest.mark.parametrize(
    ("minutes", "pace"), [(1, 4.0), pytest.param(5, 1.0, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(900)
async def test_every_segment_and_translation_is_that_of_an_uncut_stream(
    oracles: list[str], minutes: int, pace: float
) -> None:
    stream = speak(7, minutes * WORDS_A_MINUTE, seed=minutes, word_ms=NEVER_AT_REST_MS)
    whole, told = await asyncio.gather(
        uncut(oracles[0], stream.pcm(), TARGETS, pace),
        cut(oracles, stream.pcm(), TARGETS, pace, seed=minutes),
    )
    at_least = stream.length_samples / 16_000 / CUT_EVERY_S * 0.7
    report(told, whole)
    assert len(told.reconnects) >= at_least
    assert len({one.url for one in told.reconnects}) == 2
    assert told.segments == whole.segments
    assert account_transcript(told.events, stream) == EXACT
    for target in TARGETS:
        assert account_translation(told.events, stream, target) == EXACT
        assert told.closed_translations(target) == list(told.segments)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_the_demo_models_hear_as_well_as_in_an_uncut_stream() -> None:
    spoken_text, audio = five_minutes()
    with two_servers(ROOT / "serve_config.yaml") as urls:
        whole, told = await asyncio.gather(
            uncut(urls[0], audio, ("es",), 1.0), cut(urls, audio, ("es",), 1.0, seed=5)
        )
    report(told, whole)
    assert len(told.reconnects) >= len(audio) / 32_000 / CUT_EVERY_S * 0.7
    wer, uncut_wer = (word_error_percent([(spoken_text, one.text)]) for one in (told, whole))
    logger.info("WER %.2f %% cut, %.2f %% uncut", wer, uncut_wer)
    assert wer <= uncut_wer + MAX_WER_POINTS
    assert told.closed_translations("es") == list(told.segments)


def five_minutes() -> tuple[str, bytes]:
    """English and German in turn."""
    dealt = ("en", "de", "en", "de", "en", "de")
    text = " ".join(spoken(samples()[language].entry) for language in dealt)
    return text, b"".join(pcm(language) for language in dealt)


def report(told: Told, whole: Told) -> None:
    logger.info(
        "%d reconnects, %d segments, %d uncut",
        len(told.reconnects), len(told.segments), len(whole.segments),
    )  # fmt: skip
