"""The bundled recogniser on speech: two sentences, held out in text and voice, a pause between."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import jiwer
import numpy as np
import pytest
from faster_whisper import decode_audio

from deployments.asr import AsrEngine, AsrSettings, load_engine
from deployments.engines import whisper, whisper_decoder, whisper_prompts
from deployments.types import (
    AsrRequest,
    EngineError,
    Hypothesis,
    Samples,
    UnsupportedLanguageError,
    Word,
)

DATA = Path(__file__).parent / "data"
LANGUAGES = ("en", "de", "es")
SAMPLES_PER_MS = 16


class Clip(TypedDict):
    sentences: list[str]
    words: list[tuple[str, int, int]]
    """Text, start and end in samples, as the synthesiser spoke them."""


CLIPS: dict[str, Clip] = json.loads((DATA / "two_sentences.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def engine() -> AsrEngine:
    return load_engine(AsrSettings())


@pytest.fixture(scope="module")
def speech() -> dict[str, Samples]:
    return {
        language: decode_audio(str(DATA / f"two_sentences_{language}.flac"))
        for language in LANGUAGES
    }


def hear(engine: AsrEngine, request: AsrRequest) -> Hypothesis:
    engine.check(request)
    [hypothesis] = engine.transcribe([request])
    return hypothesis


def text(hypothesis: Hypothesis) -> str:
    return "".join(word.text for word in hypothesis.words)


def plain(written: str) -> list[str]:
    return "".join(c for c in written.lower() if c.isalnum() or c in " '").split()


@pytest.mark.parametrize("final", [False, True], ids=["greedy", "beam"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_text(engine: AsrEngine, speech: dict[str, Samples], language: str, final: bool) -> None:
    hypothesis = hear(engine, AsrRequest(speech[language], language, final=final))
    said = " ".join(CLIPS[language]["sentences"])
    assert jiwer.wer(" ".join(plain(said)), " ".join(plain(text(hypothesis)))) <= 0.06
    assert text(hypothesis).startswith(" Clara ")
    assert all(word.text.startswith(" ") for word in hypothesis.words)
    assert (hypothesis.language, hypothesis.language_probability) == (language, 1.0)
    assert hypothesis.no_speech_probability < 0.2
    assert -0.5 < hypothesis.average_log_probability < 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_detected(engine: AsrEngine, speech: dict[str, Samples], language: str) -> None:
    asked = hear(engine, AsrRequest(speech[language], language))
    detected = hear(engine, AsrRequest(speech[language], None))
    assert detected.language == language
    assert detected.language_probability > 0.8
    assert detected.words == asked.words


@pytest.mark.parametrize("language", LANGUAGES)
def test_times(engine: AsrEngine, speech: dict[str, Samples], language: str) -> None:
    words = hear(engine, AsrRequest(speech[language], language)).words
    assert_times_are_in_order(words, len(speech[language]))
    counts = Counter(entry[0] for entry in CLIPS[language]["words"])
    spoken = {entry[0]: entry[1:] for entry in CLIPS[language]["words"] if counts[entry[0]] == 1}
    errors_ms = [
        abs(found - said) / SAMPLES_PER_MS
        for word in words
        if word.text.strip() in spoken
        for found, said in zip(
            (word.start_samples, word.end_samples), spoken[word.text.strip()], strict=True
        )
    ]
    assert len(errors_ms) >= 20
    assert np.median(errors_ms) <= 80
    assert max(errors_ms) <= 500


def assert_times_are_in_order(words: tuple[Word, ...], limit_samples: int) -> None:
    edges = [edge for word in words for edge in (word.start_samples, word.end_samples)]
    assert edges == sorted(edges)
    assert 0 <= edges[0] <= edges[-1] <= limit_samples


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 4, 6, 10])
def test_a_forced_prefix_is_not_repeated(
    engine: AsrEngine, speech: dict[str, Samples], language: str, count: int
) -> None:
    request = AsrRequest(speech[language], language)
    free = hear(engine, request).words
    prefix = "".join(word.text for word in free[:count])

    forced = hear(engine, replace(request, prefix=prefix))

    assert [w.text for w in forced.words] == [w.text for w in free[count:]]
    assert_times_are_in_order(forced.words, len(request.samples))
    assert forced.words[0].start_samples >= free[count - 1].end_samples - 60 * SAMPLES_PER_MS
    for again, before in zip(forced.words, free[count:], strict=True):
        assert abs(again.end_samples - before.end_samples) <= 60 * SAMPLES_PER_MS


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prefix_that_says_it_all_leaves_nothing(
    engine: AsrEngine, speech: dict[str, Samples], language: str
) -> None:
    request = AsrRequest(speech[language], language)
    free = hear(engine, request)
    forced = hear(engine, replace(request, prefix=text(free)))
    assert forced.words == ()
    assert forced.average_log_probability == 0.0


def test_neighbours_change_nothing(engine: AsrEngine, speech: dict[str, Samples]) -> None:
    requests = [
        AsrRequest(speech["en"], "en"),
        AsrRequest(speech["de"], None, final=True),
        AsrRequest(speech["es"][:30_000], "es"),
        AsrRequest(speech["de"], "de", prefix=" Clara hat"),
        AsrRequest(speech["en"], "en", prefix=" Clara has locked the door"),
        AsrRequest(speech["en"][:50_000], None),
        AsrRequest(np.zeros(16_000, dtype=np.float32), "en"),
    ]
    together = engine.transcribe(requests)
    for request, hypothesis in zip(requests, together, strict=True):
        alone = hear(engine, request)
        assert text(hypothesis) == text(alone)
        assert hypothesis.language == alone.language
        for word, lonely in zip(hypothesis.words, alone.words, strict=True):
            # Rounding differs with the batch, and may move an edge by a step of 20 ms.
            assert abs(word.start_samples - lonely.start_samples) <= 20 * SAMPLES_PER_MS
            assert abs(word.end_samples - lonely.end_samples) <= 20 * SAMPLES_PER_MS
        assert hypothesis.average_log_probability == pytest.approx(
            alone.average_log_probability, abs=1e-3
        )


@pytest.mark.parametrize("seconds", [0.3, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("level", [0.0, 0.01])
def test_no_speech_is_told(engine: AsrEngine, seconds: float, level: float) -> None:
    noise = np.random.default_rng(1).normal(0, level, int(seconds * 16_000)).astype(np.float32)
    hypothesis = hear(engine, AsrRequest(noise, "en"))
    assert hypothesis.words == () or hypothesis.no_speech_probability > 0.5


@pytest.mark.parametrize("samples", [0, 1, 100, 159, 160, 319, 320, 480, 16_000, 480_000])
def test_every_length_has_an_answer(
    engine: AsrEngine, speech: dict[str, Samples], samples: int
) -> None:
    window = np.resize(speech["en"], samples)
    words = hear(engine, AsrRequest(window, "en", prefix=" Clara")).words
    if words:
        assert_times_are_in_order(words, samples)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (AsrRequest(np.zeros(480_001, np.float32), "en"), EngineError, "480000 samples"),
        (AsrRequest(np.zeros((2, 160), np.float32), "en"), EngineError, "mono"),
        (AsrRequest(np.zeros(160, np.float64), "en"), EngineError, "float64"),  # type: ignore[arg-type]
        (AsrRequest(np.full(160, np.nan, np.float32), "en"), EngineError, "not finite"),
        (AsrRequest(np.zeros(160, np.float32), "en", prefix=" x9" * 300), EngineError, "prefix"),
        (AsrRequest(np.zeros(160, np.float32), "fr"), UnsupportedLanguageError, "en, de, es"),
    ],
)
def test_what_cannot_be_decoded_is_refused(
    engine: AsrEngine, request_: AsrRequest, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        engine.check(request_)


def test_detection_keeps_to_the_languages_it_is_given(
    engine: AsrEngine, speech: dict[str, Samples]
) -> None:
    heard = hear(engine, AsrRequest(speech["de"], None, languages=("es", "en")))
    assert heard.language in {"es", "en"}
    told = hear(engine, AsrRequest(speech["de"], None, languages=("es", "de")))
    assert told == hear(engine, AsrRequest(speech["de"], None))
    with pytest.raises(UnsupportedLanguageError, match="'xx'"):
        engine.check(AsrRequest(speech["de"], None, languages=("de", "xx")))


def test_info(engine: AsrEngine) -> None:
    assert engine.info.model == "dragoman-asr"
    assert set(engine.info.languages) == set(LANGUAGES)


def test_cuda_is_not_replaced_by_a_cpu() -> None:
    with pytest.raises(RuntimeError, match=r"asr\.device='cuda'"):
        load_engine(AsrSettings(device="cuda", compute_type="float16"))


@pytest.mark.parametrize("final", [True, False])
def test_where_the_decoder_has_no_room_for_all_it_says_so(
    engine: AsrEngine,
    speech: dict[str, Samples],
    monkeypatch: pytest.MonkeyPatch,
    final: bool,
) -> None:
    request = AsrRequest(speech["en"], "en", final=final)
    whole = hear(engine, request)
    assert not whole.full
    for module, name, value in (
        (whisper_prompts, "MAX_DECODER_STEPS", 12),
        (whisper_decoder, "MAX_DECODER_STEPS", 12),
        (whisper, "MAX_PREFIX_TOKENS", 8),
    ):
        monkeypatch.setattr(module, name, value)
    part = hear(engine, request)
    assert part.full
    assert 0 < len(part.words) < len(whole.words)
    assert [w.text for w in part.words] == [w.text for w in whole.words[: len(part.words)]]
