"""Lag, flicker and first text, from events alone."""

from __future__ import annotations

import pytest

from benchmarks.measures import (
    Erasure,
    Heard,
    TimedText,
    committed_characters,
    erasure,
    first_waits_ms,
    screens,
    shown_partials,
    taken_back,
    translation_lags_ms,
    word_lags_ms,
)
from serve_app.session import events as ev


def commit(
    at_ms: float,
    text: str,
    segment: str = "s.0",
    *,
    utterance: str = "u",
    start_ms: int = 0,
    closed: bool = False,
) -> Heard:
    event = ev.TranscriptCommitted(segment, utterance, text, start_ms, start_ms + 1, "en", closed)
    return Heard(event, at_ms)


def partial(at_ms: float, text: str, utterance: str = "u") -> Heard:
    return Heard(ev.TranscriptPartial(utterance, text), at_ms)


SPOKEN = [
    TimedText("I", 100),
    TimedText("have", 300),
    TimedText("twenty-five", 900),
    TimedText("red", 1_200),
    TimedText("cats.", 1_700),
]


def test_a_words_lag_is_from_its_true_end_to_its_event() -> None:
    heard = [commit(1_000, "I have"), commit(1_500, " twenty five"), commit(2_500, " red cats.")]
    assert word_lags_ms(SPOKEN, heard) == [900, 700, 600, 600, 1_300, 800]


def test_words_that_nobody_said_have_no_lag_and_those_misheard_have() -> None:
    heard = [commit(1_000, "Well, I have"), commit(2_000, " twenty-five read")]
    assert word_lags_ms(SPOKEN, heard) == [900, 700, 1_100, 1_100, 800]


@pytest.mark.parametrize("heard", [[], [partial(500, "I have")]])
def test_nothing_committed_has_no_lag(heard: list[Heard]) -> None:
    assert word_lags_ms(SPOKEN, heard) == []


def test_a_screen_is_what_is_seen_after_a_whole_update() -> None:
    heard = [
        partial(0, " I half"),
        commit(500, "I have"),
        partial(502, " ten"),
        commit(1_000, " ten"),  # and the tail goes
        partial(1_001, ""),
        commit(1_500, "Cats.", "s.1"),
    ]
    assert list(screens(heard)) == [
        ["I", "half"],
        ["I", "have", "ten"],
        ["I", "have", "ten"],
        ["I", "have", "ten", "Cats."],
    ]


def test_an_unchanged_tail_stays_on_the_screen_behind_what_is_committed() -> None:
    heard = [commit(0, "I"), partial(1, " red"), commit(500, " have")]
    assert list(screens(heard))[-1] == ["I", "have", "red"]


def test_words_behind_a_change_are_taken_back() -> None:
    shown = [["I", "half", "a"], ["I", "have", "a", "cat"], ["I", "have"]]
    assert erasure(shown) == Erasure(erased=2 + 2, kept=2)
    assert erasure(shown).normalised == 2.0


def test_text_that_only_grows_takes_nothing_back() -> None:
    assert erasure([["I"], ["I", "have"], ["I", "have", "it"]]).normalised == 0.0
    assert erasure([]).normalised == 0.0


def test_the_first_text_of_an_utterance_answers_the_sentence_that_began_before_it() -> None:
    heard = [
        partial(400, "", "u1"),
        partial(700, " I", "u1"),
        commit(1_000, "I see.", "s.1", utterance="u1"),
        commit(2_300, "Oh.", "s.2", utterance="u2"),
        partial(2_900, " No", "u3"),
    ]
    assert first_waits_ms([100, 2_000, 5_000], heard) == [600, 300]


def test_text_before_anybody_spoke_answers_nobody() -> None:
    assert first_waits_ms([500], [partial(300, " Hm", "u1"), partial(900, " I", "u1")]) == []


def test_a_translation_is_late_by_its_segment_and_target() -> None:
    heard = [
        commit(1_000, "I", "a"),
        commit(1_400, " see.", "a", closed=True),
        Heard(ev.TranslationCommitted("a", "de", "Ich sehe."), 1_450),
        Heard(ev.TranslationCommitted("a", "es", "Veo."), 1_600),
        commit(2_000, "And", "b"),
        Heard(ev.TranslationCommitted("b", "es", "Y"), 2_100),
    ]
    assert translation_lags_ms(heard) == [50, 200]


def test_committed_text_that_changes_is_counted() -> None:
    good = [
        commit(0, "I", "a"),
        commit(1, " see.", "a", closed=True),
        commit(2, "No.", "b", start_ms=900, closed=True),
    ]
    assert taken_back(good) == 0
    assert taken_back([*good, commit(3, " way", "b", start_ms=900)]) == 1
    assert taken_back([*good, commit(3, "Well.", "c", start_ms=500)]) == 1


def test_what_is_made_of_silence_is_counted_in_characters() -> None:
    heard = [partial(0, " Th"), partial(1, ""), commit(2, "Thanks."), commit(3, " You.")]
    assert committed_characters(heard) == len("Thanks.") + len("You.")
    assert shown_partials(heard) == 1
