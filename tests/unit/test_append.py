"""What of a translation is told while its segment is spoken."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.session.append import (
    MAX_RATIO,
    SLACK_CHARACTERS,
    Append,
    AtClose,
    Echo,
    Settled,
    Source,
    closes_clause,
    draft_policy,
    split_units,
)


def follow(policy: Append, *steps: tuple[str, str]) -> list[Settled]:
    """The decisions over (source, draft) pairs."""
    settled: list[Settled] = []
    for source, draft in steps:
        committed = "".join(step.added for step in settled)
        assert draft.startswith(committed)
        settled.append(policy.update(Source(source, "en"), committed, draft))
        assert committed + settled[-1].added + settled[-1].volatile == draft
    return settled


def told(settled: list[Settled]) -> list[str]:
    return [step.added for step in settled]


def test_nothing_is_told_on_the_strength_of_one_draft() -> None:
    assert follow(Append("de"), ("Where is", "Wo ist")) == [Settled("", "Wo ist")]


def test_what_two_drafts_say_alike_is_told_but_for_the_last_word() -> None:
    settled = follow(
        Append("de"),
        ("Where is", "Wo ist"),
        ("Where is the", "Wo ist die"),
        ("Where is the old", "Wo ist der alte"),
        ("Where is the old station", "Wo ist der alte Bahnhof"),
    )
    assert told(settled) == ["", "Wo ist", "", " der alte"]
    assert settled[-1].volatile == " Bahnhof"


def test_a_word_with_another_ending_is_another_word() -> None:
    settled = follow(
        Append("de"), ("Where is", "Wo ist. Ja"), ("Where is the", "Wo ist die Tür dort")
    )
    assert told(settled) == ["", "Wo"]


def test_a_closed_clause_holds_nothing_back_but_the_end_of_a_sentence() -> None:
    before, after = ("Excuse me", "Verzeihen Sie,"), ("Excuse me,", "Verzeihen Sie,")
    assert told(follow(Append("de"), before, after)) == ["", "Verzeihen Sie,"]
    before, after = ("Excuse me", "Verzeihen Sie."), ("Excuse me,", "Verzeihen Sie.")
    assert told(follow(Append("de"), before, after)) == ["", "Verzeihen"]


def test_a_draft_that_runs_ahead_of_its_source_waits() -> None:
    endless = " ".join(["weiter"] * 40)
    settled = follow(Append("de"), ("Go", endless), ("Go on", endless))
    assert len(settled[1].added) <= MAX_RATIO * len("Go on") + SLACK_CHARACTERS
    assert settled[1].added.split() == ["weiter"] * 4


def test_a_character_of_chinese_says_as_much_as_three_letters() -> None:
    draft = "I would like a ticket to Beijing for tomorrow morning now"
    policy = Append("en")
    policy.update(Source("我想买一张明天早上去", "zh"), "", draft)
    assert policy.update(Source("我想买一张明天早上去北京", "zh"), "", draft).volatile == " now"


def test_characters_are_the_units_where_no_space_divides_words() -> None:
    settled = follow(
        Append("zh"), ("Where is", "车站在哪"), ("Where is the station", "车站在哪里呢")
    )
    assert told(settled) == ["", "车站在哪"]
    assert told(follow(Append("ja"), ("I", "私は駅"), ("I am", "私は駅"))) == ["", "私"]


@pytest.mark.parametrize(
    ("text", "language", "units"),
    [
        ("Wo ist der Bahnhof?", "de", ["Wo", " ist", " der", " Bahnhof?"]),
        (" der Zug ", "de", [" der", " Zug "]),
        ("我的iPhone 15坏了。", "zh", ["我", "的", "iPhone", " 15", "坏", "了", "。"]),
        ("ที่นี่", "th", ["ที่", "นี่"]),
        ("か\u3099 ", "ja", ["か\u3099 "]),
        ("", "ja", []),
    ],
)
def test_units(text: str, language: str, units: list[str]) -> None:
    assert split_units(text, language) == units


@given(
    st.text(alphabet="ab ,.我們。ใ้x1é\u0301", max_size=30).map(str.strip),
    st.sampled_from(["de", "zh", "th"]),
)
def test_units_are_the_text(text: str, language: str) -> None:
    assert "".join(split_units(text, language)) == text


@given(
    language=st.sampled_from(["de", "zh"]),
    growths=st.lists(
        st.lists(st.sampled_from(["ja ", "nein ", "doch, ", "gut. "]), max_size=6), max_size=8
    ),
    source=st.lists(st.sampled_from([" yes", " no,", " well"]), min_size=8, max_size=8),
)
def test_whatever_is_drafted_nothing_told_is_taken_back(
    language: str, growths: list[list[str]], source: list[str]
) -> None:
    policy, committed = Append(language), ""
    for text, growth in zip(accumulate(source), growths, strict=False):
        draft = (committed + " " + "".join(growth)).strip()
        settled = policy.update(Source(text.strip(), "en"), committed, draft)
        assert committed + settled.added + settled.volatile == draft
        committed += settled.added
    assert committed == committed.strip()


def test_clauses_end_with_their_marks() -> None:
    assert [closes_clause(text) for text in ("Well,", "好、", "Well", "", "so: ")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_each_mode_has_its_policy() -> None:
    def policy(mode: str, target: str, *, partials: bool) -> object:
        return draft_policy(mode, "en", target, partials=partials)  # type: ignore[arg-type]

    assert isinstance(policy("append", "de", partials=False), Append)
    assert isinstance(policy("append", "en", partials=False), Echo)
    assert policy("revise", "de", partials=True) == AtClose(while_open=True)
    assert policy("revise", "de", partials=False) == AtClose(while_open=False)
    assert policy("final", "en", partials=True) == AtClose(while_open=False)


def test_an_echo_follows_its_source_and_a_revised_draft_is_all_volatile() -> None:
    source = Source("Where is", "en")
    assert Echo().update(source, "Where", "Where is") == Settled(" is", "")
    assert AtClose(while_open=True).update(source, "", "Wo ist") == Settled("", "Wo ist")
