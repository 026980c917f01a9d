"""A stream that is cut and taken up again says exactly what the uncut one says."""

from __future__ import annotations

import json
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serve_app.api.resume import HeldMessage, Resumed, Resuming, TokenWriter
from serve_app.client.resume import Memory
from serve_app.client.wire import from_wire
from serve_app.config import SessionSettings
from serve_app.errors import InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.append import MtMode
from serve_app.session.audio import BYTES_PER_SAMPLE, to_samples
from serve_app.session.events import Event, to_wire
from serve_app.session.listener import MAX_PIECE_SAMPLES
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName, PolicyOptions
from serve_app.session.presets import PRESETS, Delay
from serve_app.session.resume import HeldSegment, HeldTranslation, ResumePoint, Resumption
from serve_app.session.segments import Segment
from serve_app.session.session import Session
from serve_app.session.window import WindowOptions
from serve_app.tokens import TokenError, TokenExpiredError, TokenSigner
from tests.support.oracle import EXACT, OracleStream, account_transcript, account_translation, speak
from tests.support.oracle_stages import Live, oracle_config, run_together

TARGETS = ("de", "es")
OPTIONS = SessionOptions(targets=TARGETS, window=WindowOptions(max_rest_ms=60_000))
"""Where an utterance rests depends on when its words were believed, here as in uncut streams; so
without that, to compare segment by segment."""
RESTING = SessionOptions(targets=TARGETS)
RESUMING = Resuming(TokenSigner(["key"], ttl_s=60))


def pieces(data: bytes, rng: random.Random) -> Iterator[fx.Input]:
    while data:
        size = rng.choice([3, 640, 6_400, 2 * MAX_PIECE_SAMPLES])
        yield fx.Audio(data[:size])
        data = data[size:]
    yield fx.EndOfAudio()


@dataclass
class Client:
    """Keeps what it was told across connections."""

    stream: OracleStream
    memory: Memory = field(default_factory=Memory)
    told: list[Event] = field(default_factory=list)

    def connect(self, rng: random.Random, options: SessionOptions = OPTIONS) -> Live:
        """A new session on another replica: what it knows came over the wire."""
        name = f"s{self.stream.session}"
        resumed: Resumed | None = None
        if self.memory.resume_token is not None:
            message = json.loads(json.dumps(self.memory.message()))
            held = tuple(HeldMessage.model_validate(one) for one in message["segments"])
            resumed = RESUMING.read(message["resume_token"], held)
            assert resumed.session_id == name
        session = Session(name, options, resumed.resumption if resumed else None)
        begin = self.memory.acked_ms * BYTES_PER_SAMPLE * to_samples(1)
        return Live(session, deque(pieces(self.stream.pcm()[begin:], rng)))

    def hear(self, live: Live, count: int | None = None) -> None:
        """The first `count` events of a connection; the others are lost with it."""
        writer = TokenWriter(RESUMING, live.session.session_id, {})
        for emit in live.emitted[:count]:
            written = writer.write(emit)
            wire = json.loads(json.dumps(to_wire(written.seq, written.event)))
            event = from_wire(wire["type"], wire)
            self.memory.note(event)
            self.told.append(event)


def said(told: list[Event]) -> dict[str, Any]:
    """Everything that is final, by segment and target."""
    segments: dict[str, dict[str, Any]] = {}
    translations: dict[tuple[str, str], str] = {}
    for event in told:
        match event:
            case ev.TranscriptCommitted():
                one = segments.setdefault(event.segment_id, {"text": "", "words": ()})
                one["text"] += event.text
                one["words"] += event.words
                one |= {"start": event.start_ms, "end": event.end_ms, "language": event.language}
                one |= {"closed": event.closed, "utterance": event.utterance_id}
            case ev.TranslationCommitted():
                told_before = translations.get((event.target, event.segment_id), "")
                translations[event.target, event.segment_id] = told_before + event.text
    return {"segments": segments, "translations": translations}


def uncut(stream: OracleStream, seed: int, options: SessionOptions = OPTIONS) -> dict[str, Any]:
    client, rng = Client(stream), random.Random(seed)
    live = client.connect(rng, options)
    run_together(oracle_config(), [live], rng)
    client.hear(live)
    return said(client.told)


def cut_often(
    stream: OracleStream,
    seed: int,
    config: Mapping[str, dict[str, Any]],
    cuts: int,
    options: SessionOptions = OPTIONS,
) -> Client:
    client, rng = Client(stream), random.Random(seed)
    stages = oracle_config(**config)
    for _ in range(cuts):
        live = client.connect(rng, options)
        run_together(stages, [live], rng, rng.randrange(400))
        client.hear(live, rng.randint(1, len(live.emitted)))
        if live.finished and isinstance(client.told[-1], ev.SessionClosed):
            return client
    live = client.connect(rng, options)
    run_together(stages, [live], rng)
    client.hear(live)
    return client


@given(seed=st.integers(0, 2**32 - 1), words=st.integers(0, 30), cuts=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_a_stream_cut_anywhere_ends_as_the_uncut_one(seed: int, words: int, cuts: int) -> None:
    stream = speak(1, words, seed=seed)
    client = cut_often(stream, seed, {"asr": {"unsure_rate": 0.5, "seed": seed}}, cuts)
    assert said(client.told) == uncut(stream, seed)
    assert account_transcript(client.told, stream) == EXACT
    for target in TARGETS:
        assert account_translation(client.told, stream, target) == EXACT
    assert client.told[-1].type == "session.closed"


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.integers(1, 8),
    mode=st.sampled_from(("append", "revise", "final")),
    policy=st.sampled_from(("la2", "alignatt", "hybrid", "utterance")),
)
@settings(max_examples=60, deadline=None)
def test_so_it_does_with_any_policy_and_translations_that_grow(
    seed: int, cuts: int, mode: MtMode, policy: PolicyName
) -> None:
    stream = speak(1, 25, seed=seed)
    options = replace(OPTIONS, mt_mode=mode, policy=PolicyOptions(policy))
    config = {"asr": {"unsure_rate": 0.5, "seed": seed}}
    client = cut_often(stream, seed, config, cuts, options)
    assert said(client.told) == uncut(stream, seed, options)
    assert each_translation_is_closed_once(client.told)


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.integers(1, 8),
    mode=st.sampled_from(("append", "revise")),
    delay=st.sampled_from(tuple(PRESETS)),
)
@settings(max_examples=60, deadline=None)
def test_no_preset_loses_or_doubles_anything(
    seed: int, cuts: int, mode: MtMode, delay: Delay
) -> None:
    stream = speak(1, 25, seed=seed)
    options = SessionSettings().options(None, TARGETS, partials=True, delay=delay, mt_mode=mode)
    unsure = {"unsure_rate": 0.5, "seed": seed}
    client = cut_often(stream, seed, {"asr": unsure, "mt": unsure}, cuts, options)
    assert account_transcript(client.told, stream) == EXACT
    assert each_translation_is_closed_once(client.told)


def each_translation_is_closed_once(told: list[Event]) -> bool:
    """Nothing is told of it afterwards, and none is missing."""
    segments = [e.segment_id for e in told if isinstance(e, ev.TranscriptCommitted) and e.closed]
    closed: list[tuple[str, str]] = []
    for event in told:
        if isinstance(event, ev.TranslationCommitted):
            if (event.target, event.segment_id) in closed:
                return False
            if event.closed:
                closed.append((event.target, event.segment_id))
    return sorted(closed) == sorted((t, s) for t in TARGETS for s in segments)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_utterances_that_rest_lose_and_double_nothing_either(seed: int, cuts: int) -> None:
    stream = speak(1, 25, seed=seed)
    config = {"asr": {"unsure_rate": 0.5, "seed": seed}}
    client = cut_often(stream, seed, config, cuts, RESTING)
    assert account_transcript(client.told, stream) == EXACT
    for target in TARGETS:
        assert account_translation(client.told, stream, target) == EXACT


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_failing_stages_and_cuts_double_and_change_nothing(seed: int) -> None:
    stream = speak(1, 20, seed=seed)
    config = {"asr": {"failure_rate": 0.1, "seed": seed}, "mt": {"failure_rate": 0.1, "seed": seed}}
    client = cut_often(stream, seed, config, 5)
    heard = account_transcript(client.told, stream)
    lost_finals = [
        e for e in client.told if isinstance(e, ev.Warning) and e.code == "transcription_failed"
    ]
    assert not heard.lost or lost_finals
    assert (heard.doubled, heard.reordered, heard.garbled, heard.mistimed) == ((), (), (), ())
    whole = uncut(stream, seed)["segments"]
    texts = {name: one["text"] for name, one in said(client.told)["segments"].items()}
    if not lost_finals:
        assert texts == {name: one["text"] for name, one in whole.items()}
    translated = [(e.segment_id, e.target) for e in client.told
                  if isinstance(e, ev.TranslationCommitted)]  # fmt: skip
    assert len(set(translated)) == len(translated)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.integers(0, 5))
@example(seed=648, cuts=2)
@settings(max_examples=25, deadline=None)
def test_targets_that_change_in_between_hold_for_what_is_said_later(seed: int, cuts: int) -> None:
    stream = speak(1, 25, seed=seed)
    client, rng = Client(stream), random.Random(seed)
    later = SessionOptions(targets=("fr",))
    for cut in range(cuts + 1):
        live = client.connect(rng)
        if not any(isinstance(event, ev.SessionUpdated) for event in client.told):
            at = rng.randrange(len(live.inputs))
            live.inputs.insert(at, fx.Configure(later, {"target": ["fr"]}))
        run_together(oracle_config(), [live], rng, rng.randrange(300) if cut < cuts else math.inf)
        client.hear(live, rng.randint(1, len(live.emitted)) if cut < cuts else None)
        if client.told[-1].type == "session.closed":
            break
    assert account_transcript(client.told, stream) == EXACT
    outcome = said(client.told)
    into = [
        {target for target, name in outcome["translations"] if name == segment}
        for segment in outcome["segments"]
    ]
    assert len(outcome["translations"]) == sum(map(len, into))
    switch = into.index({"fr"}) if {"fr"} in into else len(into)
    assert into == [{"de", "es"}] * switch + [{"fr"}] * (len(into) - switch)


def test_a_held_segment_that_is_not_heard_again_is_closed_and_translated() -> None:
    segment = Segment("s1.16000", "s1.u15000", "en", "Good morning", 16_000, 24_000)
    begun = (HeldTranslation("de", "t[de]Good", closed=False),)
    options = SessionOptions(targets=TARGETS, mt_mode="append")
    resumption = Resumption(
        ResumePoint.beginning(TARGETS), (HeldSegment(segment, closed=False, translations=begun),)
    )
    silence: deque[fx.Input] = deque([fx.Audio(bytes(32_000)), fx.EndOfAudio()])
    live = Live(Session("s1", options, resumption), silence)
    run_together(oracle_config(), [live], random.Random(1))
    committed = [event for event in live.told if isinstance(event, ev.TranscriptCommitted)]
    assert [(event.segment_id, event.text, event.closed) for event in committed] == [
        ("s1.16000", "", True)
    ]
    translated = [
        (event.target, event.text, event.closed)
        for event in live.told
        if isinstance(event, ev.TranslationCommitted)
    ]
    assert sorted(translated) == [
        ("de", " t[de]morning", True),
        ("es", "t[es]Good t[es]morning", True),
    ]
    assert isinstance(live.told[-1], ev.SessionClosed)


def test_a_held_segment_that_vad_passes_over_is_closed_before_what_follows() -> None:
    stream = speak(1, 4, seed=3)
    pause = bytes(2 * 32_000)
    segment = Segment("s1.1600", "s1.u1600", "en", "Good morning", 1_600, 8_000)
    options = SessionOptions(targets=("de",))
    resumption = Resumption(
        ResumePoint.beginning(("de",)), (HeldSegment(segment, closed=False, translations=()),)
    )
    audio: deque[fx.Input] = deque([fx.Audio(pause[:16_000]) for _ in range(4)])
    audio.extend(
        fx.Audio(stream.pcm()[at : at + 16_000]) for at in range(0, len(stream.pcm()), 16_000)
    )
    audio.append(fx.EndOfAudio())
    live = Live(Session("s1", options, resumption), audio)
    run_together(oracle_config(), [live], random.Random(1))
    closed = [
        event.segment_id
        for event in live.told
        if isinstance(event, ev.TranscriptCommitted) and event.closed
    ]
    done = [
        event.segment_id
        for event in live.told
        if isinstance(event, ev.TranslationCommitted) and event.closed
    ]
    assert closed[0] == "s1.1600"
    assert len(closed) > 1
    assert done == closed


def claims_with(config: dict[str, Any]) -> tuple[str, dict[str, Any], ResumePoint]:
    return "s1", config, ResumePoint(512, 700, 600, "en", ((0, ("de",)),))


def test_a_token_brings_back_what_was_signed_and_any_key_of_the_ring_verifies() -> None:
    claims = claims_with({"source": "en", "target": ["de", "es"]})
    token = Resuming(TokenSigner(["old"], 60)).token(*claims, ("de",))
    resumed = Resuming(TokenSigner(["new", "old"], 60)).read(token, ())
    name, config, point = claims
    assert resumed == Resumed(name, config, ("de",), Resumption(point))


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: "",
        lambda token: "d1.e30",
        lambda token: token.replace("d1.", "d2."),
        lambda token: token[:20] + ("A" if token[20] != "A" else "B") + token[21:],
        lambda token: token + "!",
        lambda token: token + "ü",
        lambda token: Resuming(TokenSigner(["other"], 60)).token(*claims_with({})),
    ],
)
def test_a_token_that_was_not_signed_here_is_refused(change: Callable[[str], str]) -> None:
    token = RESUMING.token(*claims_with({}))
    with pytest.raises(TokenError) as caught:
        RESUMING.read(change(token), ())
    assert caught.value.code == "invalid_resume_token"


def test_a_token_expires() -> None:
    now = 1_000.0
    resuming = Resuming(TokenSigner(["key"], 60, clock=lambda: now))
    token = resuming.token(*claims_with({}))
    now += 60
    resuming.read(token, ())
    now += 1
    with pytest.raises(TokenExpiredError) as caught:
        resuming.read(token, ())
    assert caught.value.code == "expired_resume_token"


def held(start: int, end_ms: int, *, closed: bool = True, session: str = "s1") -> HeldMessage:
    return HeldMessage(
        segment_id=f"{session}.{start}", utterance_id=f"{session}.u600", text="Good morning.",
        start_ms=start // 16, end_ms=end_ms, language="en", closed=closed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ((held(16_000, 1_500, session="s2"),), "foreign_segment"),
        ((held(16_000, 1_500, session="s1.s1"),), "foreign_segment"),
        ((held(16_000, 900),), "invalid_segment"),
        ((held(16_000, 1_500), held(16_000, 1_500)), "invalid_segment"),
        ((held(32_000, 2_500), held(16_000, 1_500)), "invalid_segment"),
        ((held(16_000, 1_500, closed=False), held(32_000, 2_500)), "invalid_segment"),
        ((held(16_000, 10**9),), "invalid_segment"),
    ],
)
def test_segments_that_cannot_be_the_sessions_are_refused(
    segments: tuple[HeldMessage, ...], code: str
) -> None:
    token = RESUMING.token(*claims_with({}))
    with pytest.raises(InvalidRequestError) as caught:
        RESUMING.read(token, segments)
    assert caught.value.code == code


def test_segments_before_the_acknowledged_audio_are_no_longer_needed() -> None:
    token = RESUMING.token(*claims_with({}))
    resumed = RESUMING.read(token, (held(16, 40), held(16_000, 1_500)))
    assert [one.segment.segment_id for one in resumed.resumption.held] == ["s1.16000"]
