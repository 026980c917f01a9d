"""The same models on whole sentences: what a live stream could at best have said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.inprocess import Engines
from deployments.types import SAMPLE_RATE_HZ, AsrRequest, MtRequest, Samples
from serve_app.client.samples import SampleEntry, SampleSentence

PAD_MS = 160
"""Audio left on either side of a sentence, as the segmenter leaves it."""


@dataclass(frozen=True, slots=True)
class OfflineSentence:
    """One sentence as the models have it when they may hear all of it first."""

    text: str
    translations: dict[str, str]
    """By target language."""


def offline(
    engines: Engines, entry: SampleEntry, pcm: bytes, source: str | None
) -> list[OfflineSentence]:
    """Each sentence cut at its true bounds, decoded as a last window is (beam), then translated."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    return [_sentence(engines, sentence, samples, source) for sentence in entry.sentences]


def _sentence(
    engines: Engines, sentence: SampleSentence, samples: Samples, source: str | None
) -> OfflineSentence:
    begin = max(0, _samples(sentence.start_ms - PAD_MS))
    window = samples[begin : _samples(sentence.end_ms + PAD_MS)]
    heard = engines.asr.transcribe([AsrRequest(window, source, final=True)])[0]
    text = "".join(word.text for word in heard.words).strip()
    translations = {
        target: _translate(engines, text, heard.language, target)
        for target in sentence.translations
    }
    return OfflineSentence(text, translations)


def _translate(engines: Engines, text: str, language: str, target: str) -> str:
    if not text or language == target:
        return text
    return engines.mt.translate([MtRequest(text, language, target)])[0].text


def _samples(ms: int) -> int:
    return ms * SAMPLE_RATE_HZ // 1000
