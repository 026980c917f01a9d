"""Sample speech through the real engines and the session, in this process: text, times, lag.

Time here is audio time: an event's lag is how much audio came in after the word, so the figures
are exact and do not depend on the machine.
"""

from __future__ import annotations

import pytest

from benchmarks.inprocess import Engines
from benchmarks.measures import Heard
from serve_app.client.score import by_sentence, percentile, score
from serve_app.session import events as ev
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.speech import first_sentences, pcm, samples, take

pytestmark = pytest.mark.local

LANGUAGES = ("en", "de", "es")
MAX_WER_PERCENT = 5.0
MIN_CHRF = 90.0
MAX_START_ERROR_MS = 250
MAX_END_ERROR_MS = 450
"""The model hears the end of a fading word early."""


@pytest.fixture(scope="module")
def engines() -> Engines:
    return Engines()


@pytest.fixture(scope="module")
def heard(engines: Engines) -> dict[str, list[Heard]]:
    """Each whole sample, its language detected, into the two other languages."""
    return {
        language: engines.stream(
            Session("s", SessionOptions(targets=samples()[language].targets)), pcm(language)
        )
        for language in LANGUAGES
    }


def of_type(heard: list[Heard], kind: type[ev.Event]) -> list[Heard]:
    return [item for item in heard if isinstance(item.event, kind)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_says_and_translates_what_was_said(heard: dict[str, list[Heard]], language: str) -> None:
    taken = take((item.event, item.audio_ms) for item in heard[language])
    figures = score([(samples()[language].entry, taken)])
    assert figures.wer_percent <= MAX_WER_PERCENT, taken.text
    assert figures.chrf >= MIN_CHRF
    assert {segment.language for segment in taken.segments.values()} == {language}


@pytest.mark.parametrize("language", LANGUAGES)
def test_segments_lie_where_their_sentences_were_spoken(
    heard: dict[str, list[Heard]], language: str
) -> None:
    taken = take((item.event, item.audio_ms) for item in heard[language])
    sentences = samples()[language].entry.sentences
    for sentence, segments in zip(
        sentences, by_sentence(sentences, taken.segments.values()), strict=True
    ):
        assert segments, sentence.text
        assert segments[0].start_ms == pytest.approx(sentence.start_ms, abs=MAX_START_ERROR_MS)
        assert segments[-1].end_ms == pytest.approx(sentence.end_ms, abs=MAX_END_ERROR_MS)


def test_words_are_committed_while_the_speaker_goes_on(heard: dict[str, list[Heard]]) -> None:
    lags_ms = [
        item.audio_ms - word.end_ms
        for items in heard.values()
        for item in of_type(items, ev.TranscriptCommitted)
        if isinstance(item.event, ev.TranscriptCommitted)
        for word in item.event.words
    ]
    assert percentile(lags_ms, 0.5) <= 900
    assert percentile(lags_ms, 0.95) <= 1_800


def test_the_first_guess_comes_soon_after_speech_begins(heard: dict[str, list[Heard]]) -> None:
    waits_ms = []
    for items in heard.values():
        begun_ms: int | None = None
        for item in items:
            match item.event:
                case ev.SpeechStarted(at_ms):
                    begun_ms = at_ms
                case ev.TranscriptPartial() | ev.TranscriptCommitted() if begun_ms is not None:
                    waits_ms.append(item.audio_ms - begun_ms)
                    begun_ms = None
    assert percentile(waits_ms, 0.5) <= 900


def test_the_audio_may_come_in_any_pieces(engines: Engines) -> None:
    _, audio = first_sentences("de", 2)

    def told(piece_bytes: int) -> list[ev.Event]:
        session = Session("s", SessionOptions(targets=("en",)))
        return [item.event for item in engines.stream(session, audio, piece_bytes)]

    assert told(32_000) == told(640) == told(6_500)


def test_a_minute_of_silence_says_nothing(engines: Engines) -> None:
    heard = engines.stream(Session("s", SessionOptions(targets=("de",))), bytes(60 * 32_000))
    assert {type(item.event) for item in heard} == {ev.Ack, ev.SessionClosed}
