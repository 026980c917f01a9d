"""The unmodified `openai` package against a running server: every format, streaming, errors."""

from __future__ import annotations

import io
import re
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from openai.types import audio as shapes

from serve_app.client.samples import Sample
from serve_app.client.score import spoken, word_error_percent
from tests.cluster.conftest import Server, server  # noqa: F401
from tests.support.speech import pcm, samples

pytestmark = [pytest.mark.cluster, pytest.mark.contract]

MAX_WER_PERCENT = 5
MAX_TIME_ERROR_S = 0.5

whisper_1_is_deprecated = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
"""At OpenAI, says its package; the one model of its translations."""


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:  # noqa: F811 - it is the fixture
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def english() -> Sample:
    return samples()["en"]


def error_percent(told: str, meant: str) -> float:
    return word_error_percent([(meant, told)])


def strict(shape: type[Any], answer: Any) -> None:  # noqa: ANN401 - any of OpenAI's models
    """The client builds its models without checking; check."""
    shape.model_validate(answer.to_dict())


def test_json(client: openai.OpenAI, english: Sample) -> None:
    told = client.audio.transcriptions.create(model="whisper-1", file=english.path)
    strict(shapes.Transcription, told)
    assert error_percent(told.text, spoken(english.entry)) <= MAX_WER_PERCENT
    assert told.languages is not None
    assert told.languages[0].code == "en"
    assert told.usage is not None
    assert told.usage.type == "duration"
    assert round(told.usage.seconds * 1_000) == pytest.approx(english.entry.duration_ms, abs=100)


def test_every_field_of_the_api_is_taken(client: openai.OpenAI, english: Sample) -> None:
    told = client.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=english.path,
        response_format="json",
        language="en",
        languages=["en", "de"],
        keywords=["Zurich"],
        prompt="Travel.",
        temperature=0.2,
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "silence_duration_ms": 400, "threshold": 0.5},
        known_speaker_names=["guide"],
        known_speaker_references=["data:audio/wav;base64,AAAA"],
    )
    strict(shapes.Transcription, told)
    assert told.logprobs is not None
    assert "".join(entry.token or "" for entry in told.logprobs).split() == told.text.split()


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_text_formats(client: openai.OpenAI, english: Sample, response_format: Any) -> None:  # noqa: ANN401
    told = client.audio.transcriptions.create(
        model="whisper-1", file=english.path, response_format=response_format
    )
    assert isinstance(told, str)
    assert told.startswith({"text": "Our", "srt": "1\n00:00:00,", "vtt": "WEBVTT\n\n00:"}[
        response_format
    ])  # fmt: skip
    lines = [
        line for line in told.splitlines() if line and not re.match(r"\d+$|WEBVTT|\d\d:", line)
    ]
    assert error_percent(" ".join(lines), spoken(english.entry)) <= MAX_WER_PERCENT


def test_verbose_json_times_are_those_of_the_file(client: openai.OpenAI, english: Sample) -> None:
    told = client.audio.transcriptions.create(
        model="whisper-1",
        file=english.path,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    strict(shapes.TranscriptionVerbose, told)
    assert told.language == "english"
    assert told.segments is not None
    assert told.words is not None
    assert " ".join(word.word for word in told.words) == told.text
    begins = [segment.start for segment in told.segments]
    for sentence in english.entry.sentences:
        nearest = min(begins, key=lambda begin: abs(begin - sentence.start_ms / 1_000))
        assert abs(nearest - sentence.start_ms / 1_000) <= MAX_TIME_ERROR_S
    times = [time for word in told.words for time in (word.start, word.end)]
    assert times == sorted(times)


def test_stream(client: openai.OpenAI, english: Sample) -> None:
    events = list(
        client.audio.transcriptions.create(
            model="gpt-4o-mini-transcribe", file=english.path, stream=True
        )
    )
    *deltas, done = events
    assert len(deltas) >= len(english.entry.sentences)
    for event in deltas:
        assert isinstance(event, shapes.TranscriptionTextDeltaEvent)
        strict(shapes.TranscriptionTextDeltaEvent, event)
    assert isinstance(done, shapes.TranscriptionTextDoneEvent)
    strict(shapes.TranscriptionTextDoneEvent, done)
    assert "".join(event.delta for event in deltas) == done.text  # type: ignore[union-attr]
    assert error_percent(done.text, spoken(english.entry)) <= MAX_WER_PERCENT


@whisper_1_is_deprecated
def test_translations_into_english(client: openai.OpenAI) -> None:
    german = samples()["de"]
    told = client.audio.translations.create(model="whisper-1", file=german.path)
    strict(shapes.Translation, told)
    meant = " ".join(sentence.translations["en"] for sentence in german.entry.sentences)
    assert error_percent(told.text, meant) <= 15
    verbose = client.audio.translations.create(
        model="whisper-1", file=german.path, response_format="verbose_json"
    )
    strict(shapes.TranslationVerbose, verbose)
    assert verbose.language == "english"


@whisper_1_is_deprecated
def test_translations_into_another_language(client: openai.OpenAI, english: Sample) -> None:
    told = client.audio.translations.create(
        model="whisper-1",
        file=english.path,
        extra_body={"target_language": "es", "source_language": "en"},
    )
    meant = " ".join(sentence.translations["es"] for sentence in english.entry.sentences)
    assert error_percent(told.text, meant) <= 15


def test_a_file_with_its_index_at_the_end(
    client: openai.OpenAI, english: Sample, tmp_path: Path
) -> None:
    memo = tmp_path / "memo.m4a"
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", english.path, "-c:a", "aac", memo], check=True
    )
    told = client.audio.transcriptions.create(model="whisper-1", file=memo, language="en")
    assert error_percent(told.text, spoken(english.entry)) <= 2 * MAX_WER_PERCENT


def as_wav(audio: np.ndarray, rate_hz: int) -> tuple[str, io.BytesIO]:
    """Samples of shape (n,) or (n, channels), as 16 bit."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1 if audio.ndim == 1 else audio.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(audio.astype("<i2").tobytes())
    file.seek(0)
    return "speech.wav", file


def english_samples(rate_hz: int) -> np.ndarray:
    heard = np.frombuffer(pcm("en"), dtype="<i2").astype(np.float64)
    at = np.arange(len(heard) * rate_hz // 16_000) * 16_000 / rate_hz
    return np.interp(at, np.arange(len(heard)), heard)


def test_more_than_the_25_mb_that_openai_takes(client: openai.OpenAI, english: Sample) -> None:
    mono = np.tile(english_samples(48_000), 3)
    file = as_wav(np.stack([mono, mono], axis=1), 48_000)
    assert file[1].getbuffer().nbytes > 25 << 20
    told = client.audio.transcriptions.create(model="whisper-1", file=file, language="en")
    meant = " ".join([spoken(english.entry)] * 3)
    assert error_percent(told.text, meant) <= MAX_WER_PERCENT


def test_stereo_with_speech_on_one_side(client: openai.OpenAI, english: Sample) -> None:
    mono = english_samples(44_100)
    file = as_wav(np.stack([mono, np.zeros_like(mono)], axis=1), 44_100)
    told = client.audio.transcriptions.create(model="whisper-1", file=file, language="en")
    assert error_percent(told.text, spoken(english.entry)) <= MAX_WER_PERCENT


def test_telephone_speech_is_read_and_keeps_its_times(
    client: openai.OpenAI, english: Sample
) -> None:
    told = client.audio.transcriptions.create(
        model="whisper-1",
        file=as_wav(english_samples(8_000), 8_000),
        response_format="verbose_json",
        language="en",
    )
    assert round(told.duration * 1_000) == pytest.approx(english.entry.duration_ms, abs=100)
    assert told.segments


@pytest.mark.parametrize("length_ms", [1, 20, 100, 2_000])
@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt", "verbose_json"])
def test_silence_however_short(
    client: openai.OpenAI,
    length_ms: int,
    response_format: Any,  # noqa: ANN401 - a literal of the package
) -> None:
    told = client.audio.transcriptions.create(
        model="whisper-1",
        file=as_wav(np.zeros(16 * length_ms), 16_000),
        response_format=response_format,
    )
    text = told if isinstance(told, str) else told.text
    assert text.strip() in {"", "WEBVTT"}


def test_every_answer_has_one_request_id(client: openai.OpenAI, english: Sample) -> None:
    ids = []
    for options in ({}, {"stream": True}, {"response_format": "srt"}):
        raw = client.audio.transcriptions.with_raw_response.create(
            model="whisper-1", file=english.path, **options
        )
        ids.append(raw.headers["x-request-id"])
    ids.append(client.models.with_raw_response.list().headers["x-request-id"])
    assert all(ids)
    assert not any("," in one for one in ids)
    assert len(set(ids)) == len(ids)


def test_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "dragoman-asr"
    assert {"whisper-1", "gpt-4o-transcribe", "dragoman-mt"} <= set(names)
    assert client.models.retrieve("whisper-1").owned_by == "dragoman"


def test_errors_are_the_clients_own(client: openai.OpenAI, english: Sample) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.audio.transcriptions.create(model="gpt-9", file=english.path)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(
            model="whisper-1", file=english.path, response_format="diarized_json"
        )
    assert refused.value.param == "response_format"
    with pytest.raises(openai.BadRequestError) as unheard:
        client.audio.transcriptions.create(model="whisper-1", file=("x.mp3", io.BytesIO(b"no")))
    assert unheard.value.code == "unknown_format"
    assert "x-request-id" in unheard.value.response.headers
    assert unheard.value.request_id is not None
    assert "," not in unheard.value.request_id


def test_text_in_text_out(client: openai.OpenAI, english: Sample) -> None:
    sentence = english.entry.sentences[0]
    told: Any = client.post(
        "/translate",
        cast_to=object,
        body={"text": sentence.text, "source": "en", "target": ["de", "es"]},
    )
    texts = {entry["target"]: entry["text"] for entry in told["translations"]}
    assert texts == dict(sentence.translations)
