"""Hypotheses of windows to segments on the file's clock."""

from __future__ import annotations

from dataclasses import replace

from deployments.types import SAMPLE_RATE_HZ, Hypothesis, Word
from serve_app.files.plan import Span, Window
from serve_app.files.transcript import FileSegment, Transcript, segments_of

S = SAMPLE_RATE_HZ


def heard(*words: tuple[str, float, float], language: str = "en") -> Hypothesis:
    """Words with times in seconds from the start of the window."""
    timed = tuple(Word(text, int(start * S), int(end * S), 0.9) for text, start, end in words)
    return Hypothesis(timed, language, 0.9, 0.1, -0.2)


def texts(segments: list[FileSegment]) -> list[str]:
    return [segment.text for segment in segments]


def window(*spans_s: tuple[float, float]) -> Window:
    return Window(tuple(Span(int(start * S), int(end * S)) for start, end in spans_s))


def test_segments_end_with_sentences_and_lie_on_the_files_clock() -> None:
    segments = segments_of(
        window((100, 104)),
        heard((" Good", 0.5, 0.8), (" day.", 0.8, 1.0), (" How", 1.5, 1.8), (" so?", 1.8, 2.0)),
    )
    assert texts(segments) == ["Good day.", "How so?"]
    assert [(s.start / S, s.end / S) for s in segments] == [(100.5, 101.0), (101.5, 102.0)]
    assert {s.window_start for s in segments} == {100 * S}


def test_a_pause_ends_a_segment() -> None:
    segments = segments_of(
        window((10, 11), (12, 13)), heard((" one", 0.2, 0.8), (" two", 2.1, 2.6))
    )
    assert texts(segments) == ["one", "two"]


def test_marks_alone_are_no_segment() -> None:
    assert texts(segments_of(window((0, 2)), heard((".", 0, 0.1), (" Yes.", 0.2, 0.5)))) == ["Yes."]
    assert segments_of(window((0, 2)), heard()) == []


def test_times_stay_in_the_window_and_never_run_backwards() -> None:
    (segment,) = segments_of(
        window((5, 6)), heard((" a", 0.5, 0.4), (" b", 0.3, 0.3), (" c", 0.9, 1.7))
    )
    bounds = [t for word in segment.words for t in (word.start_samples, word.end_samples)]
    assert bounds == sorted(bounds)
    assert all(word.start_samples < word.end_samples for word in segment.words)
    assert segment.end == 6 * S


def test_text_is_joined_as_its_language_is_written() -> None:
    spoken = segments_of(window((0, 9)), heard((" Yes.", 0, 1), (" No.", 2, 3)))
    assert Transcript(tuple(spoken), 9 * S).text == "Yes. No."
    chinese = [
        replace(segment, translation=text, target="zh")
        for segment, text in zip(spoken, ["是。", "不。"], strict=True)
    ]
    assert Transcript(tuple(chinese), 9 * S).text == "是。不。"


def test_the_most_spoken_language_comes_first() -> None:
    short = segments_of(window((0, 9)), heard((" Ja.", 0, 1), language="de"))
    long = segments_of(window((9, 19)), heard((" Indeed.", 0, 5), language="en"))
    assert Transcript((*short, *long), 19 * S).languages == ("en", "de")
