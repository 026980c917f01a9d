"""Which words of successive hypotheses each policy commits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.types import Word
from serve_app.config import SessionSettings
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName, PolicyOptions, new_policy
from serve_app.session.policies.base import Decision
from serve_app.session.presets import PRESETS, Delay

SAMPLES_PER_MS = 16
WORD_MS = 300


def said(text: str, *, probability: float = 0.9, attended_before_end_ms: int = 100) -> list[Word]:
    """Words of 300 ms each, one after the other."""
    words = []
    for place, written in enumerate(text.split(), 1):
        end = place * WORD_MS * SAMPLES_PER_MS
        attended = end - attended_before_end_ms * SAMPLES_PER_MS
        start = end - WORD_MS * SAMPLES_PER_MS
        words.append(Word(f" {written}", start, end, probability, attended))
    return words


def committed(name: PolicyName, *hypotheses: tuple[list[Word], int], **numbers: float) -> list[str]:
    """What each hypothesis, with its `heard_until` in ms, commits of the words still open."""
    policy = new_policy(PolicyOptions(name, **numbers))  # type: ignore[arg-type]
    texts, done = [], 0
    for words, heard_ms in hypotheses:
        decision = policy.update(tuple(words[done:]), heard_ms * SAMPLES_PER_MS)
        texts.append("".join(word.text for word in decision.committed).strip())
        done += len(decision.committed)
    return texts


def test_agreement_wants_two_hypotheses_and_room_before_the_edge() -> None:
    first, second = said("where is"), said("Where is, the stay")
    assert committed("la2", (first, 700), (second, 1_400)) == ["", "Where is,"]
    assert committed("la2", (first, 700), (second, 700)) == ["", "Where"]


def test_agreement_ends_at_the_first_difference() -> None:
    assert committed("la2", (said("a b c"), 5_000), (said("a x c"), 5_000)) == ["", "a"]


@pytest.mark.parametrize("name", ["la2", "alignatt", "hybrid"])
def test_the_newest_words_can_be_held_back(name: PolicyName) -> None:
    twice = [(said("a b c"), 5_000)] * 2
    assert "".join(committed(name, *twice, hold_back_words=1)) == "a b"
    assert "".join(committed(name, *twice, hold_back_words=4)) == ""


def test_a_sure_word_well_before_the_edge_needs_no_second_hypothesis() -> None:
    words = [*said("a", probability=0.99), *said("a b c", probability=0.5)[1:]]
    numbers = {"sure_probability": 0.95, "sure_guard_ms": 480}
    assert committed("la2", (words, 900), **numbers) == ["a"]
    assert committed("la2", (words, 700), **numbers) == [""]
    assert committed("la2", (words, 900)) == [""]


def test_a_word_is_clear_where_the_decoder_looked_away_from_the_edge() -> None:
    words = said("a b c", attended_before_end_ms=100)
    assert committed("alignatt", (words, 800), attention_guard_ms=320) == ["a"]
    assert committed("alignatt", (words, 1_120), attention_guard_ms=320) == ["a b c"]


def test_where_the_engine_does_not_tell_its_attention_the_end_of_the_word_counts() -> None:
    silent = [Word(w.text, w.start_samples, w.end_samples, 0.9) for w in said("a b c")]
    assert committed("alignatt", (silent, 1_120), attention_guard_ms=320) == ["a b"]


def test_hybrid_takes_what_is_clear_and_probable_and_waits_for_agreement_on_the_rest() -> None:
    doubtful = [*said("a"), *said("a b", probability=0.3)[1:], *said("a b c")[2:]]
    told = committed("hybrid", (doubtful, 5_000), (doubtful, 5_000), clear_probability=0.5)
    assert told == ["a", "b c"]


def test_whole_utterances_are_left_to_the_last_decode() -> None:
    assert committed("utterance", *[(said("a b c"), 9_000)] * 3) == ["", "", ""]


def hypotheses(rng: random.Random) -> Iterator[tuple[tuple[Word, ...], int]]:
    """What a poor recogniser might say: other words each time, at any time."""
    heard = 0
    for _ in range(8):
        heard += rng.randint(1, 20_000)
        words, at = [], 0
        for _ in range(rng.randrange(7)):
            end = min(heard, at + rng.randrange(8_000))
            attended = rng.choice([None, rng.randint(at, end)])
            text = rng.choice([" a", " A,", " b", " c."])
            words.append(Word(text, at, end, rng.random(), attended))
            at = end
        yield tuple(words), heard


@given(
    name=st.sampled_from(get_args(PolicyName)),
    seed=st.integers(0, 2**32 - 1),
    hold_back=st.integers(0, 2),
)
@settings(deadline=None)
def test_a_decision_splits_the_hypothesis_and_leaves_out_nothing(
    name: PolicyName, seed: int, hold_back: int
) -> None:
    policy = new_policy(PolicyOptions(name, hold_back_words=hold_back))
    for words, heard_until in hypotheses(random.Random(seed)):
        decision = policy.update(words, heard_until)
        assert isinstance(decision, Decision)
        assert decision.committed + decision.volatile == words
        assert not decision.committed or len(decision.volatile) >= hold_back


def test_every_delay_is_a_preset_and_medium_is_the_default() -> None:
    assert tuple(PRESETS) == get_args(Delay)
    asked = SessionSettings().options(None, ("de",), partials=True)
    medium = PRESETS["medium"]
    assert asked == SessionOptions(targets=("de",), policy=medium.policy, window=medium.window)
    assert asked == SessionSettings().options(None, ("de",), partials=True, delay="medium")


def test_a_session_may_choose_delay_and_policy_and_the_operator_the_rest() -> None:
    settings = SessionSettings(delay="low", min_silence_ms=700)
    own = settings.options(None, (), partials=True)
    assert (own.policy, own.window) == (PRESETS["low"].policy, PRESETS["low"].window)
    chosen = settings.options(None, (), partials=True, delay="xhigh", policy="alignatt")
    assert chosen.policy.name == "alignatt"
    assert chosen.window == PRESETS["xhigh"].window
    assert own.segmenter.min_silence_ms == chosen.segmenter.min_silence_ms == 700
