"""The sample speech as whole files through the real engines, in this process: text and times."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from benchmarks.inprocess import Engines
from serve_app.client.score import chrf, spoken, word_error_percent
from serve_app.files.pipeline import FileDesk, FileJob, FileLimits, FileRun
from serve_app.files.transcript import Transcript
from serve_app.runner import Ports
from serve_app.session.audio import to_ms
from tests.support.engines import BatchedEngines
from tests.support.scripted import cut
from tests.support.speech import pcm, samples

pytestmark = pytest.mark.local

MAX_WER_PERCENT = 5.0
MIN_CHRF = 90.0
MAX_START_ERROR_MS = 400
NEXT = {"en": "de", "de": "es", "es": "en"}


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
