"""Transcripts written down: exact bytes of subtitles, and what is left of nothing."""

from __future__ import annotations

import json

import pytest

from deployments.types import Word
from serve_app.api.rest.formats import FORMATS, Wish
from serve_app.files.transcript import FileSegment, Transcript

MS = 16
HOUR_MS = 3_600_000


def segment(text: str, start_ms: float, end_ms: float) -> FileSegment:
    word = Word(f" {text}", int(start_ms * MS), int(end_ms * MS), 0.9)
    return FileSegment(text, "en", (word,), -0.1, 0.01, window_start=0)


def written(name: str, *segments: FileSegment) -> str:
    return FORMATS[name](Transcript(segments, 10 * HOUR_MS * MS), Wish()).content


LONG = (segment("One.", 0, 59_999), segment("Two.", HOUR_MS - 1, 101 * HOUR_MS + 61_001.9))


def test_srt_to_the_byte() -> None:
    assert written("srt", *LONG) == (
        "1\n00:00:00,000 --> 00:00:59,999\nOne.\n\n2\n00:59:59,999 --> 101:01:01,001\nTwo.\n\n"
    )


def test_vtt_to_the_byte() -> None:
    assert written("vtt", *LONG) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:59.999\nOne.\n\n00:59:59.999 --> 101:01:01.001\nTwo.\n\n"
    )


@pytest.mark.parametrize(
    ("name", "cue"), [("srt", "a → b <i> & c"), ("vtt", "a → b &lt;i> &amp; c")]
)
def test_text_cannot_end_a_cue(name: str, cue: str) -> None:
    assert written(name, segment("a -->\n\nb <i> & c", 0, 1_000)).splitlines()[-2] == cue


@pytest.mark.parametrize(("name", "empty"), [("text", "\n"), ("srt", ""), ("vtt", "WEBVTT\n\n")])
def test_where_nothing_is_said_there_is_no_cue(name: str, empty: str) -> None:
    assert written(name) == empty


def test_verbose_json_where_nothing_is_said() -> None:
    told = json.loads(written("verbose_json"))
    assert (told["text"], told["segments"], told["language"]) == ("", [], "unknown")
    assert told["duration"] == told["usage"]["seconds"] == 36_000.0


def test_verbose_json_field_by_field() -> None:
    told = json.loads(written("verbose_json", segment("One.", 250, 1_250.5)))
    assert told["segments"] == [
        {
            "id": 0,
            "seek": 0,
            "start": 0.25,
            "end": 1.25,
            "text": " One.",
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": -0.1,
            "compression_ratio": pytest.approx(0.3, abs=0.1),
            "no_speech_prob": 0.01,
        }
    ]
    assert set(told) == {"task", "language", "duration", "text", "segments", "usage"}
    assert told["language"] == "english"
