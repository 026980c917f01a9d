"""What the demo measures, from events and references alone."""

import math
import re

import pytest

from serve_app.client.pacing import Schedule
from serve_app.client.samples import SampleEntry, SampleSentence
from serve_app.client.score import (
    Score,
    Segment,
    Take,
    by_sentence,
    normalised,
    percentile,
    score,
    translation_pairs,
    word_error_percent,
)
from serve_app.session import events as ev

SENTENCES = (
    SampleSentence(
        start_ms=500, end_ms=1500, voice="v", text="Where is it?", translations={"de": "Wo ist es?"}
    ),
    SampleSentence(
        start_ms=2500, end_ms=3500, voice="v", text="I'm here.", translations={"de": "Ich bin da."}
    ),
)
ENTRY = SampleEntry(file="en.ogg", language="en", duration_ms=4000, sentences=SENTENCES)


def committed(
    segment: str, text: str, start_ms: int, end_ms: int, *word_ends_ms: int
) -> ev.TranscriptCommitted:
    words = tuple(ev.TimedWord("w", 0, at_ms, 1.0) for at_ms in word_ends_ms)
    return ev.TranscriptCommitted(segment, "u", text, start_ms, end_ms, "en", True, words)


def heard() -> Take:
    take, schedule = Take(), Schedule(start_s=50.0)
    take.note(committed("a", " Where is it?", 520, 1480, 700, 900, 1480), 52.0, schedule)
    take.note(ev.TranslationCommitted("a", "de", "Wo ist es?"), 52.3, schedule)
    take.note(committed("b", " I'm here.", 2510, 3490, 2900, 3490), 54.0, schedule)
    take.note(ev.TranslationCommitted("b", "de", "Ich bin da."), 54.2, schedule)
    return take


def test_lag_is_from_the_end_of_each_word_to_its_event() -> None:
    assert [round(lag_ms) for lag_ms in heard().lags_ms] == [1300, 1100, 520, 1100, 510]
    assert heard().first_translation_s == 52.3


def test_a_server_without_word_times_is_measured_by_the_end_of_the_text() -> None:
    take = Take()
    take.note(committed("a", " two words", 0, 1000), 2.0, Schedule(0.0))
    assert take.lags_ms == [1000.0, 1000.0]


def test_pieces_of_a_translation_are_one_text() -> None:
    take, schedule = Take(), Schedule(start_s=50.0)
    take.note(committed("a", " Where is it?", 520, 1480, 1480), 52.0, schedule)
    for at_s, text in ((52.1, "Wo"), (52.3, " ist"), (52.4, " es?")):
        take.note(ev.TranslationCommitted("a", "de", text, text == " es?"), at_s, schedule)
    assert take.segments["a"].translations == {"de": "Wo ist es?"}
    assert take.first_translation_s == 52.1


def test_right_text_scores_full_marks() -> None:
    full = score([(ENTRY, heard())])
    assert (full.wer_percent, full.chrf, full.problem) == (0.0, 100.0, "")
    assert (round(full.lag_p50_ms), round(full.lag_p95_ms)) == (1100, 1300)


def test_case_and_punctuation_are_no_errors_but_words_are() -> None:
    assert normalised("¿Qué  hora es? — Don’t!") == "qué hora es don’t"
    assert word_error_percent([("Where is it?", "where IS it")]) == 0.0
    assert word_error_percent([("one two three four", "one too four")]) == 50.0


def test_segments_go_with_the_sentence_they_were_spoken_in() -> None:
    early, split, stray = Segment(480, 900), Segment(900, 1600), Segment(3600, 3700)
    assert by_sentence(SENTENCES, [early, split, stray]) == [[early, split], [stray]]


def test_what_was_not_translated_counts_as_wrong() -> None:
    take = heard()
    del take.segments["b"]
    assert translation_pairs(ENTRY, take) == [("Wo ist es?", "Wo ist es?"), ("Ich bin da.", "")]
    assert score([(ENTRY, take)]).chrf < 80


def test_nothing_heard_is_all_wrong_and_no_crash() -> None:
    nothing = score([(ENTRY, Take())])
    assert nothing.wer_percent == 100.0
    assert math.isnan(nothing.lag_p50_ms)
    assert "WER" in nothing.problem


def test_the_last_line_is_exactly_as_promised() -> None:
    line = "demo: ok " + Score(3.14, 97.06, 702.4, 1400.5).line
    assert line == "demo: ok WER 3.1 % chrF 97.1 lag_p50_ms 702 lag_p95_ms 1400"
    assert re.fullmatch(r"demo: ok WER [\d.]+ % chrF [\d.]+ lag_p50_ms \d+ lag_p95_ms \d+", line)


@pytest.mark.parametrize(
    ("wer_percent", "chrf", "problem"),
    [(15.0, 80.0, ""), (15.1, 99.0, "WER 15.1 % is over 15 %"), (1.0, 79.9, "chrF 79.9 is under")],
)
def test_the_bars(wer_percent: float, chrf: float, problem: str) -> None:
    assert Score(wer_percent, chrf, 1.0, 1.0).problem.startswith(problem)
    assert bool(Score(wer_percent, chrf, 1.0, 1.0).problem) == bool(problem)


def test_percentiles_are_of_the_values_themselves() -> None:
    values = [float(value) for value in range(1, 21)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([7.0], 0.95)) == (
        10.0,
        19.0,
        7.0,
    )
