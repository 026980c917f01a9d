"""The report's figures: by condition and language, pooled as they should be, and told truly."""

from __future__ import annotations

import json

import pytest

from benchmarks.measures import Heard
from benchmarks.offline import OfflineSentence

pytest.importorskip("scipy")

from benchmarks.plot import Level, Point, scatter
from benchmarks.quality_page import page, plots
from benchmarks.quality_rows import Observation, as_json, rows, wer_by_voice, wordless_row
from benchmarks.speech_sets import Recording
from serve_app.session import events as ev

SENTENCES = (("Where is it?", "Wo ist es?"), ("I am here.", "Ich bin da."))


def recording(condition: str, language: str = "en") -> Recording:
    """Two sentences of three words, a word every 500 ms, the second sentence from 3 s on."""
    sentences = [
        {
            "start_ms": start_ms,
            "end_ms": start_ms + 1_500,
            "voice": voice,
            "text": text,
            "translations": {"de": translation},
        }
        for start_ms, voice, (text, translation) in zip(
            (0, 3_000), ("low", "high"), SENTENCES, strict=True
        )
    ]
    words = [
        [
            {"text": word, "start_ms": start_ms + at, "end_ms": start_ms + at + 500}
            for word, at in zip(text.split(), (0, 500, 1_000), strict=True)
        ]
        for start_ms, (text, _) in zip((0, 3_000), SENTENCES, strict=True)
    ]
    entry = {"file": "f", "language": language, "duration_ms": 6_000, "sentences": sentences}
    return Recording.model_validate({"condition": condition, "entry": entry, "words": words})


def heard(late_ms: float, second: str, translation: str = "Ich bin da.") -> list[Heard]:
    """Each sentence committed `late_ms` after its end, and translated 40 ms later."""
    told = []
    for index, (text, translated) in enumerate(
        (("Where is it?", "Wo ist es?"), (second, translation))
    ):
        start_ms = 3_000 * index
        at_ms = start_ms + 1_500 + late_ms
        segment, utterance = f"s.{index}", f"u.{index}"
        event = ev.TranscriptCommitted(
            segment, utterance, text, start_ms, start_ms + 1_500, "en", closed=True
        )
        told += [
            Heard(event, at_ms),
            Heard(ev.TranslationCommitted(segment, "de", translated), at_ms + 40),
        ]
    return told


OFFLINE = [
    OfflineSentence("Where is it?", {"de": "Wo ist es?"}),
    OfflineSentence("I am there.", {"de": "Ich bin da."}),
]


def observations() -> list[Observation]:
    return [
        Observation("la2", recording("clean"), heard(100, "I am here."), OFFLINE),
        Observation("la2", recording("white"), heard(400, "I am"), OFFLINE),
        Observation("la2", recording("white", "de"), heard(600, "Me too", "Auch."), OFFLINE),
    ]


def test_errors_are_counted_by_condition_and_language_and_over_all() -> None:
    by = {(row.language, row.condition): row for row in rows(observations())}
    wer = {key: row.wer_live_percent for key, row in by.items()}
    assert wer == {
        ("all", "all"): pytest.approx(100 * 4 / 18, abs=0.01),
        ("all", "clean"): 0,
        ("all", "white"): pytest.approx(100 * 4 / 12, abs=0.01),
        ("en", "all"): pytest.approx(100 * 1 / 12, abs=0.01),
        ("en", "clean"): 0,
        ("en", "white"): pytest.approx(100 * 1 / 6, abs=0.01),
        ("de", "all"): 50,
        ("de", "white"): 50,
    }
    assert {row.wer_offline_percent for row in by.values()} == {16.67}
    assert by["en", "clean"].chrf_live == by["en", "clean"].chrf_offline == 100
    assert by["de", "white"].chrf_live < 100
    assert by["all", "all"].audio_s == 18


def test_lags_are_those_of_words_sentences_and_translations() -> None:
    clean = next(row for row in rows(observations()) if row.condition == "clean")
    assert (clean.lag_p50_ms, clean.lag_p95_ms) == (600, 1_100)
    assert (clean.first_text_p50_ms, clean.first_texts) == (1_600, 2)
    assert (clean.translation_lag_p50_ms, clean.translation_lag_p95_ms) == (40, 40)
    assert clean.taken_back == 0


def test_voices_have_error_rates_of_their_own() -> None:
    assert wer_by_voice(observations()[:2]) == {
        "low": (0, 0),
        "high": (pytest.approx(100 / 6), pytest.approx(100 / 3)),
    }


def test_what_was_not_measured_is_null_in_the_report_and_a_dash_on_the_page() -> None:
    silent = [Observation("la2", recording("clean"), [], OFFLINE)]
    figures = [as_json(row) for row in rows(silent)]
    assert figures[0]["lag_p50_ms"] is None
    assert figures[0]["wer_live_percent"] == 100
    made = page([report(figures)])
    assert "| - / - ms |" in made
    assert plots(report(figures))["quality-in-process-clean.svg"].count("<circle") == 0


def test_the_page_shows_every_figure_and_where_it_is_from() -> None:
    made = page([report([as_json(row) for row in rows(observations())])])
    assert "| la2 | all | clean | 0.0 % | 16.7 % | -16.7 | 600 / 1,100 ms |" in made
    assert "| la2 | de | all | 50.0 % |" in made
    assert "| la2 | music | 0.5 | 14.0 | 0.0 |" in made
    assert "commit abc" in made
    assert "    python -m benchmarks.quality in-process" in made


def test_each_condition_has_a_plot_of_its_settings() -> None:
    made = plots(report([as_json(row) for row in rows(observations())]))
    assert set(made) == {"quality-in-process-clean.svg", "quality-in-process-white.svg"}
    assert made["quality-in-process-clean.svg"] == scatter(
        [Point("la2", 0.6, 1.1, 0.0)],
        Level("offline", 16.67),
        "lag of a committed word, p50 to p95 (s)",
        "live WER, clean (%)",
    )


def report(figures: list[dict[str, object]]) -> dict[str, object]:
    told = [Heard(ev.TranscriptCommitted("s", "u", "Thanks.", 0, 1, "en", closed=True), 0)]
    made = {
        "run": "in-process",
        "rows": figures,
        "wordless": [as_json(wordless_row("la2", "music", 0.5, told))],
        "costs_ms": None,
        "sentences_per_language": 2,
        "seed": 1,
        "cores": 2,
        "processor": "P",
        "load_1_min": 0.5,
        "python": "3.11",
        "packages": {"ray": "2"},
        "commit": "abc",
        "measured_at": "2026-01-01",
        "command": ["python", "-m", "benchmarks.quality", "in-process"],
    }
    copied: dict[str, object] = json.loads(json.dumps(made, allow_nan=False))
    return copied
