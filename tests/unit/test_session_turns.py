"""Turns that the client ends: what was said before is committed, and said so, without a pause."""

from __future__ import annotations

import random
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.audio import to_ms
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.oracle_stages import Live, oracle_config, run_together


@given(seed=st.integers(0, 2**32 - 1), words=st.integers(1, 20), turns=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_all_that_was_said_before_a_flush_is_told_before_flushed(
    seed: int, words: int, turns: int
) -> None:
    rng = random.Random(seed)
    stream = speak(1, words, seed=seed)
    ends = sorted({rng.choice(stream.words).end_samples for _ in range(turns)})
    inputs: deque[fx.Input] = deque()
    for begin, end in zip([0, *ends], [*ends, stream.length_samples], strict=True):
        for at in range(begin, end, 4_000):
            inputs.append(fx.Audio(stream.pcm(at, min(at + 4_000, end))))
        inputs.append(fx.EndOfAudio() if end == stream.length_samples else fx.Flush())
    live = Live(Session("s1", SessionOptions(targets=("de",))), inputs)
    run_together(oracle_config(asr={"unsure_rate": 0.4, "seed": seed}), [live], rng)
    assert account_transcript(live.told, stream) == EXACT
    assert account_translation(live.told, stream, "de") == EXACT
    flushed = [event for event in live.told if isinstance(event, ev.Flushed)]
    assert [event.at_ms for event in flushed] == [to_ms(end) for end in ends]
    for event, end in zip(flushed, ends, strict=True):
        before = live.told[: live.told.index(event)]
        told = [w.text for e in before if isinstance(e, ev.TranscriptCommitted) for w in e.words]
        assert told == [word.text for word in stream.words if word.end_samples <= end]
