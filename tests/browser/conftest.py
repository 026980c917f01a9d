"""Chromium with a microphone that hears sample speech, in front of a server of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deployments.types import SAMPLE_RATE_HZ
from tests.cluster.conftest import Server, free_port, start_server, stop_server
from tests.support.speech import first_sentences
from tests.support.threaded_relay import ThreadedRelay

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType

    from tests.support.captions import Captions

SENTENCES = 2
MICROPHONE_HZ = 48_000
DESKTOP = {"width": 1_280, "height": 800}


@pytest.fixture(scope="package")
def chromium() -> Iterator[BrowserType]:
    playwright = pytest.importorskip("playwright.sync_api", reason="make test installs Playwright")
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        yield running.chromium


@pytest.fixture(scope="package")
def server(chromium: BrowserType) -> Iterator[Server]:
    """Gone before other tests start theirs: two servers are too much for two cores."""
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    running = start_server(directory, free_port())
    yield running
    code = stop_server(running)
    log = running.log.read_text()
    shutil.rmtree(directory, ignore_errors=True)
    assert code == 0, log


def launched(chromium: BrowserType, *arguments: str) -> Browser:
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    devices = ["--use-fake-device-for-media-stream", *arguments]
    return chromium.launch(executable_path=shutil.which("chromium"), args=[*root, *devices])


@pytest.fixture(scope="package")
def browser(chromium: BrowserType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Allows the microphone, which says the first English sentences, then nothing."""
    speech = tmp_path_factory.mktemp("microphone") / "speech.wav"
    write_wav(speech, first_sentences("en", SENTENCES)[1], MICROPHONE_HZ, channels=1)
    heard = f"--use-file-for-fake-audio-capture={speech}%noloop"
    started = launched(chromium, "--use-fake-ui-for-media-stream", heard)
    yield started
    started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=DESKTOP, locale="en-GB", accept_downloads=True)
    yield opened
    opened.close()


@pytest.fixture
def captions(context: BrowserContext, server: Server) -> Captions:
    """The page, opened anew."""
    shown = watched(context)
    shown.open(server.url)
    return shown


@pytest.fixture
def relay(server: Server) -> Iterator[ThreadedRelay]:
    between = ThreadedRelay(server.url)
    yield between
    between.close()


def watched(context: BrowserContext) -> Captions:
    # Imported late: Playwright may be missing.
    from tests.support.captions import Captions  # noqa: PLC0415

    return Captions.on(context.new_page())


def write_wav(path: Path, audio: bytes, rate_hz: int, channels: int) -> None:
    """16 kHz mono PCM as a WAV of another layout."""
    samples = np.frombuffer(audio, np.int16)
    places = np.arange(len(samples) * rate_hz // SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ / rate_hz
    stretched = np.interp(places, np.arange(len(samples)), samples).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(stretched, channels).tobytes())
