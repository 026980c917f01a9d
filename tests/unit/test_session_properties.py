"""Whatever is said, however it arrives and in whatever order the stages answer, nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import groupby
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.config import SessionSettings
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.append import MtMode
from serve_app.session.listener import MAX_PIECE_SAMPLES
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay
from serve_app.session.session import Session
from tests.support.scripted import Script, Spoken, answer, cut, drive, events

TARGETS = ("de", "es")


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    at_ms = draw(st.integers(0, 2_000))
    words = []
    for index in range(draw(st.integers(0, 25))):
        length_ms = draw(st.integers(80, 700))
        ends = draw(st.sampled_from(["", "", "", ".", "?", ","]))
        words.append(Spoken(f"w{index}{ends}", at_ms, at_ms + length_ms))
        at_ms += length_ms + draw(st.sampled_from([0, 0, 0, 60, 300, 900, 1_500]))
    return Script(words, at_ms + draw(st.integers(0, 1_500)))


def pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    while data:
        size = rng.choice([1, 3, 320, 640, 6_400, 2 * MAX_PIECE_SAMPLES])
        yield data[:size]
        data = data[size:]


def run_in_any_order(session: Session, script: Script, rng: random.Random) -> list[fx.Effect]:
    """Feed audio and answers interleaved at random, as a busy loop would."""
    seen: list[fx.Effect] = []
    waiting: list[fx.Effect] = []
    audio = pieces(script.pcm(), rng)

    def take(effects: list[fx.Effect]) -> None:
        seen.extend(effects)
        waiting.extend(e for e in effects if isinstance(e, fx.RunVad | fx.RunAsr | fx.RunMt))

    take(session.open({}))
    fed = False
    while waiting or not fed:
        if waiting and (fed or not session.wants_audio or rng.random() < 0.7):
            reply = answer(script, waiting.pop(rng.randrange(len(waiting))))
            assert reply is not None
            take(session.receive(reply))
        else:
            piece = next(audio, None)
            fed = piece is None
            take(session.receive(fx.EndOfAudio() if piece is None else fx.Audio(piece)))
    return seen


POLICIES = st.sampled_from(get_args(PolicyName))
DELAYS = st.sampled_from(get_args(Delay))


def session_of(delay: Delay, policy: PolicyName, mode: MtMode = "final") -> Session:
    options = SessionSettings().options(
        None, TARGETS, partials=True, delay=delay, policy=policy, mt_mode=mode
    )
    return Session("s", options)


@given(
    script=scripts(),
    seed=st.integers(0, 2**32 - 1),
    delay=DELAYS,
    policy=POLICIES,
    mode=st.sampled_from(get_args(MtMode)),
)
@settings(max_examples=150, deadline=None)
def test_everything_said_is_committed_and_translated_once_in_order(
    script: Script, seed: int, delay: Delay, policy: PolicyName, mode: MtMode
) -> None:
    session = session_of(delay, policy, mode)
    seen = run_in_any_order(session, script, random.Random(seed))
    told = events(seen)

    said = [word for e in told if isinstance(e, ev.TranscriptCommitted) for word in e.words]
    heard = [word for word in script.words if word.end_ms - word.start_ms >= 128]
    assert [w.text for w in said if w.text in {h.text for h in heard}] == [h.text for h in heard]
    assert len({w.text for w in said}) == len(said)
    assert [(w.start_ms, w.end_ms) for w in said] == sorted((w.start_ms, w.end_ms) for w in said)
    times = {word.text: (word.start_ms, word.end_ms) for word in script.words}
    assert all(times[w.text] == (w.start_ms, w.end_ms) for w in said)

    segments = {}
    for event in told:
        if isinstance(event, ev.TranscriptCommitted):
            segments[event.segment_id] = segments.get(event.segment_id, "") + event.text
    for target in TARGETS:
        pieces = [e for e in told if isinstance(e, ev.TranslationCommitted) and e.target == target]
        translated = [
            (segment_id, "".join(piece.text for piece in group))
            for segment_id, group in groupby(pieces, key=lambda piece: piece.segment_id)
        ]
        assert translated == [(i, f"<{target}>{text}") for i, text in segments.items()]
        assert [p.segment_id for p in pieces if p.closed] == list(segments)

    numbers = [effect.seq for effect in seen if isinstance(effect, fx.Emit)]
    assert numbers == list(range(1, len(numbers) + 1))
    acked = [e.acked_ms for e in told if isinstance(e, ev.Ack)]
    assert acked == sorted(set(acked))
    assert isinstance(told[-1], ev.SessionClosed)
    assert isinstance(seen[-1], fx.Finish)


@given(script=scripts(), delay=DELAYS, policy=POLICIES, size=st.sampled_from([999, 640, 32_000]))
@settings(max_examples=40, deadline=None)
def test_the_audio_may_come_in_any_pieces(
    script: Script, delay: Delay, policy: PolicyName, size: int
) -> None:
    pcm = script.pcm()
    whole = events(drive(session_of(delay, policy), script, cut(pcm, 6_400)))
    assert events(drive(session_of(delay, policy), script, cut(pcm, size))) == whole
