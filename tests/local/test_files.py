"""The sample speech as whole files through the real engines, in this process: text and times."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from benchmarks.inprocess import Engines
from deployments import asr, vad
from deployments.batching import Batcher
from deployments.mt_adapters import BatchedMt
from deployments.settings import StageSettings
from deployments.types import (
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)
from serve_app.client.score import chrf, spoken, word_error_percent
from serve_app.files.pipeline import FileDesk, FileJob, FileLimits, FileRun
from serve_app.files.transcript import Transcript
from serve_app.runner import Ports
from serve_app.session.audio import to_ms
from tests.support.scripted import cut
from tests.support.speech import pcm, samples

pytestmark = pytest.mark.local

MAX_WER_PERCENT = 5.0
MIN_CHRF = 90.0
MAX_START_ERROR_MS = 400
NEXT = {"en": "de", "de": "es", "es": "en"}


class BatchedEngines:
    """All three ports on the real engines, batched as the deployments do it."""

    def __init__(self, engines: Engines) -> None:
        settings = StageSettings()
        self._engines = engines
        self._vad = Batcher(engines.vad.detect, settings, vad.known_good())
        self._asr = Batcher(engines.asr.transcribe, settings, asr.known_good(engines.asr.info))
        self._mt = BatchedMt(engines.mt, settings)

    async def detect(self, request: VadRequest) -> VadAnswer:
        return await self._vad.ask(request)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        return await self._asr.ask(request)

    async def translate(self, request: MtRequest) -> Draft:
        return await self._mt.translate(request)

    async def info(self) -> StageInfo:
        return self._engines.asr.info


@pytest.fixture(scope="module")
def engines() -> Engines:
    return Engines()


@pytest.mark.parametrize("language", list(NEXT))
async def test_says_and_translates_what_was_said_and_when(engines: Engines, language: str) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for piece in cut(pcm(language), 100_000):
            yield piece

    port = BatchedEngines(engines)
    desk = FileDesk(Ports(port, port, port), FileLimits())
    run = FileRun(desk, FileJob(target=NEXT[language]), pieces())
    segments = tuple([segment async for segment in run.segments()])

    entry = samples()[language].entry
    transcript = Transcript(segments, run.duration_samples)
    assert transcript.languages == (language,)
    said = " ".join(segment.text for segment in segments)
    assert word_error_percent([(spoken(entry), said)]) <= MAX_WER_PERCENT, said
    meant = " ".join(sentence.translations[NEXT[language]] for sentence in entry.sentences)
    assert chrf([(meant, transcript.text)]) >= MIN_CHRF, transcript.text
    begins = [to_ms(segment.start) for segment in segments]
    for sentence in entry.sentences:
        assert min(abs(begin - sentence.start_ms) for begin in begins) <= MAX_START_ERROR_MS
