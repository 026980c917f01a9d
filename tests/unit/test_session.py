"""The session as input -> effects: commits, order, times, chunking, failures."""

import itertools
import random
import string
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from deployments.types import VAD_FRAME_SAMPLES, Draft, Hypothesis, VadAnswer, Word
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.audio import AudioOverflowError, SampleBuffer, to_ms, to_samples
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName, PolicyOptions, new_policy
from serve_app.session.resume import on_frame
from serve_app.session.session import Session
from serve_app.session.utterance import Utterance
from serve_app.session.window import WindowOptions
from tests.support.scripted import Script, Spoken, answer, cut, drive, events

E = TypeVar("E", bound=ev.Event)

SCRIPT_WORDS = [
    Spoken("Where", 500, 800),
    Spoken("is", 800, 1000),
    Spoken("the", 1000, 1200),
    Spoken("station?", 1200, 1800),
    Spoken("Thank", 3200, 3500),
    Spoken("you.", 3500, 3900),
]


def script() -> Script:
    return Script(list(SCRIPT_WORDS), length_ms=6000)


def run(pieces: list[bytes] | None = None, **options: object) -> list[fx.Effect]:
    said = script()
    session = Session("s", SessionOptions(targets=("de", "es"), **options))  # type: ignore[arg-type]
    return drive(session, said, pieces or cut(said.pcm(), 640))


def of_type(seen: list[fx.Effect], kind: type[E]) -> list[E]:
    return [event for event in events(seen) if isinstance(event, kind)]


def flat(seen: list[fx.Effect]) -> list[str]:
    """Effects as comparable text; arrays by their bytes."""
    described = []
    for effect in seen:
        match effect:
            case fx.RunVad(request):
                described.append(f"vad {request.samples.tobytes().hex()}")
            case fx.RunAsr(request):
                described.append(
                    f"asr {request.samples.tobytes().hex()} {request.prefix} {request.final}"
                )
            case _:
                described.append(repr(effect))
    return described


def test_says_what_was_said_in_order() -> None:
    seen = run()
    committed = of_type(seen, ev.TranscriptCommitted)
    by_segment = {
        segment_id: "".join(event.text for event in group)
        for segment_id, group in itertools.groupby(committed, key=lambda event: event.segment_id)
    }
    assert list(by_segment.values()) == ["Where is the station?", "Thank you."]
    assert [event.closed for event in committed if event.closed] == [True, True]


@pytest.mark.parametrize("policy", ["la2", "utterance"])
@pytest.mark.parametrize("max_window_ms", [4_000, 28_000])
def test_speech_too_fast_for_one_decode_is_heard_to_its_end(
    policy: PolicyName, max_window_ms: int
) -> None:
    texts = [f"{a}{b}{c}" for a, b, c in itertools.product("bdfgk", "aeiou", "lmnr")]
    fast = [Spoken(text, 500 + 200 * i, 700 + 200 * i) for i, text in enumerate(texts)]
    said = Script(fast, length_ms=22_000, most_words=20)
    options = SessionOptions(
        policy=PolicyOptions(policy),
        window=WindowOptions(max_window_ms=max_window_ms, update_interval_ms=512),
    )
    seen = drive(Session("s", options), said, cut(said.pcm(), 640))
    committed = of_type(seen, ev.TranscriptCommitted)
    assert [word.text for event in committed for word in event.words] == texts
    assert [(word.start_ms, word.end_ms) for event in committed for word in event.words] == [
        (word.start_ms, word.end_ms) for word in fast
    ]
    assert not of_type(seen, ev.Warning)


def test_a_window_that_stays_full_at_its_first_word_ends_nevertheless() -> None:
    said = Script(list(SCRIPT_WORDS), length_ms=6_000, most_words=0)
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640))
    assert len(of_type(seen, ev.UtteranceCompleted)) == 2
    assert not of_type(seen, ev.TranscriptCommitted)


def test_every_segment_is_translated_once_into_each_target() -> None:
    translated = [(e.target, e.text) for e in of_type(run(), ev.TranslationCommitted)]
    assert sorted(translated) == [
        ("de", "<de>Thank you."),
        ("de", "<de>Where is the station?"),
        ("es", "<es>Thank you."),
        ("es", "<es>Where is the station?"),
    ]
    assert [text for target, text in translated if target == "de"] == [
        "<de>Where is the station?",
        "<de>Thank you.",
    ]


def test_words_carry_the_times_at_which_they_were_said() -> None:
    words = [word for event in of_type(run(), ev.TranscriptCommitted) for word in event.words]
    assert [(w.text, w.start_ms, w.end_ms) for w in words] == [
        (w.text, w.start_ms, w.end_ms) for w in SCRIPT_WORDS
    ]


def test_words_are_committed_before_the_utterance_ends() -> None:
    kinds = [type(event) for event in events(run())]
    assert kinds.index(ev.TranscriptCommitted) < kinds.index(ev.SpeechStopped)


@pytest.mark.parametrize("mode", ["append", "final"])
@pytest.mark.parametrize("size", [1, 640, 32_000])
def test_cutting_the_audio_elsewhere_changes_nothing(size: int, mode: str) -> None:
    whole = flat(run(cut(script().pcm(), 4096), mt_mode=mode))
    assert flat(run(cut(script().pcm(), size), mt_mode=mode)) == whole


def test_events_are_numbered_without_gaps_from_created_to_closed() -> None:
    seen = [effect for effect in run() if isinstance(effect, fx.Emit)]
    assert [effect.seq for effect in seen] == list(range(1, len(seen) + 1))
    assert isinstance(seen[0].event, ev.SessionCreated)
    assert isinstance(seen[-1].event, ev.SessionClosed)
    assert seen[-1].event.usage == ev.Usage(audio_ms=6000, speech_ms=seen_speech_ms(), segments=2)


def seen_speech_ms() -> int:
    started = of_type(run(), ev.SpeechStarted)
    stopped = of_type(run(), ev.SpeechStopped)
    return sum(b.at_ms - a.at_ms for a, b in zip(started, stopped, strict=True))


def test_acknowledges_everything_by_the_end_and_never_backwards() -> None:
    acked = [event.acked_ms for event in of_type(run(), ev.Ack)]
    assert acked == sorted(set(acked))
    assert acked[-1] >= 3900


def test_audio_is_not_acknowledged_before_its_translation() -> None:
    seen: list[fx.Effect] = []
    withheld: list[fx.RunMt] = []

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunMt):
            withheld.append(effect)
            return None
        return answer(said, effect)

    said = script()
    session = Session("s", SessionOptions(targets=("de",)))
    seen = drive(session, said, cut(said.pcm(), 640), respond)
    assert max(event.acked_ms for event in of_type(seen, ev.Ack)) <= 500
    first, second = withheld
    late = session.receive(fx.MtAnswered(second.segment_id, "de", Draft("zwei")))
    assert of_type(late, ev.TranslationCommitted) == []
    late = session.receive(fx.MtAnswered(first.segment_id, "de", Draft("eins")))
    assert [e.text for e in of_type(late, ev.TranslationCommitted)] == ["eins", "zwei"]
    assert isinstance(late[-1], fx.Finish)


def test_a_target_equal_to_the_source_is_the_source_itself() -> None:
    said = script()
    session = Session("s", SessionOptions(targets=("en",)))
    seen = drive(session, said, cut(said.pcm(), 640))
    assert not [effect for effect in seen if isinstance(effect, fx.RunMt)]
    assert [e.text for e in of_type(seen, ev.TranslationCommitted)] == [
        "Where is the station?",
        "Thank you.",
    ]


def test_a_translation_grows_with_its_segment_and_is_acknowledged_when_it_is_whole() -> None:
    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        match effect:
            case fx.RunMt(segment_id, request):
                words = [f"<{word}>" for word in request.source.split()]
                return fx.MtAnswered(segment_id, "de", Draft(" ".join(words)))
        return answer(said, effect)

    said = script()
    session = Session("s", SessionOptions(targets=("de",), mt_mode="append"))
    told = events(drive(session, said, cut(said.pcm(), 640), respond))
    pieces = [e for e in told if isinstance(e, ev.TranslationCommitted)]
    by_segment = {
        segment_id: [(e.text, e.closed) for e in group]
        for segment_id, group in itertools.groupby(pieces, key=lambda e: e.segment_id)
    }
    first, second = by_segment.values()
    assert len(first) > 1
    assert "".join(text for text, _ in first) == "<Where> <is> <the> <station?>"
    assert "".join(text for text, _ in second) == "<Thank> <you.>"
    assert [closed for _, closed in first] == [False] * (len(first) - 1) + [True]
    sources = [i for i, e in enumerate(told) if isinstance(e, ev.TranscriptCommitted) and e.closed]
    assert told.index(pieces[0]) < sources[0]
    acks = [i for i, e in enumerate(told) if isinstance(e, ev.Ack) and e.acked_ms > 500]
    assert told.index(pieces[len(first) - 1]) < min(acks)


def test_volatile_translations_are_replaced_and_cleared() -> None:
    told = events(run(mt_mode="revise"))
    tails = [e.text for e in told if isinstance(e, ev.TranslationPartial) and e.target == "de"]
    assert "<de>Where is" in tails
    assert tails[-1] == ""
    committed = [e for e in told if isinstance(e, ev.TranslationCommitted) and e.target == "de"]
    assert [(e.text, e.closed) for e in committed] == [
        ("<de>Where is the station?", True),
        ("<de>Thank you.", True),
    ]


def test_silence_says_nothing() -> None:
    said = Script([], length_ms=20_000)
    seen = drive(Session("s", SessionOptions(targets=("de",))), said, cut(said.pcm(), 640))
    assert {type(event) for event in events(seen)} == {ev.SessionCreated, ev.Ack, ev.SessionClosed}


def test_an_empty_stream_closes_at_once() -> None:
    seen = drive(Session("s", SessionOptions()), Script([], 0), [])
    assert [type(event) for event in events(seen)] == [ev.SessionCreated, ev.SessionClosed]


def test_the_volatile_tail_is_cleared_when_it_is_committed() -> None:
    tails = [event.text for event in of_type(run(), ev.TranscriptPartial)]
    assert any(tails)
    assert tails[-1] == ""


def test_partials_can_be_declined() -> None:
    assert of_type(run(partials=False), ev.TranscriptPartial) == []


def test_a_failed_update_costs_nothing_but_time() -> None:
    failures = iter([True, False, True])

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunAsr) and not effect.request.final and next(failures, False):
            return fx.StageFailed(fx.Stage.ASR, "replica died")
        return answer(said, effect)

    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), respond)
    text = "".join(event.text for event in of_type(seen, ev.TranscriptCommitted))
    assert text == "Where is the station?Thank you."
    assert of_type(seen, ev.Warning) == []


def test_a_failed_final_decode_is_told_and_the_session_goes_on() -> None:
    failures = iter([True])

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunAsr) and effect.request.final and next(failures, False):
            return fx.StageFailed(fx.Stage.ASR, "replica died")
        return answer(said, effect)

    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), respond)
    (warning,) = of_type(seen, ev.Warning)
    assert warning.code == "transcription_failed"
    assert "Thank you." in "".join(e.text for e in of_type(seen, ev.TranscriptCommitted))


def test_text_that_looks_invented_is_dropped_and_told() -> None:
    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        reply = answer(said, effect)
        if isinstance(effect, fx.RunAsr) and isinstance(reply, fx.AsrAnswered):
            loop = tuple(Word(" no", 0, 16, 0.9) for _ in range(30))
            return fx.AsrAnswered(replace(reply.hypothesis, words=loop))
        return reply

    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), respond)
    assert of_type(seen, ev.TranscriptCommitted) == []
    assert [event.code for event in of_type(seen, ev.Warning)] == ["text_discarded"] * 2
    assert isinstance(seen[-1], fx.Finish)


def test_a_failed_translation_is_told_and_does_not_hold_up_the_next() -> None:
    failures = iter([True])

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunMt) and next(failures, False):
            return fx.StageFailed(fx.Stage.MT, "no such direction", effect.segment_id, "de")
        return answer(said, effect)

    said = script()
    session = Session("s", SessionOptions(targets=("de",)))
    seen = drive(session, said, cut(said.pcm(), 640), respond)
    assert [event.code for event in of_type(seen, ev.Warning)] == ["translation_failed"]
    assert [e.text for e in of_type(seen, ev.TranslationCommitted)] == ["<de>Thank you."]
    assert isinstance(seen[-1], fx.Finish)


def test_without_vad_the_session_ends_with_an_error() -> None:
    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunVad):
            return fx.StageFailed(fx.Stage.VAD, "replica died")
        return answer(said, effect)

    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), respond)
    assert [type(event) for event in events(seen)][-2:] == [ev.Error, ev.SessionClosed]
    assert isinstance(seen[-1], fx.Finish)


def test_a_long_utterance_lets_go_of_committed_audio() -> None:
    words = [Spoken(f"word{i}", 500 + 300 * i, 800 + 300 * i) for i in range(90)]
    said = Script(words, length_ms=29_000)
    session = Session("s", SessionOptions())
    seen = drive(session, said, cut(said.pcm(), 640))
    longest_samples = max(len(request.samples) for request in said.requests)
    assert longest_samples < 11 * 16_000
    text = "".join(event.text for event in of_type(seen, ev.TranscriptCommitted))
    assert text.split() == [word.text for word in words]


def test_speech_without_any_pause_is_cut_and_loses_no_word() -> None:
    words = [Spoken(f"word{i}", 500 + 310 * i, 810 + 310 * i) for i in range(250)]
    said = Script(words, length_ms=80_000)
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 6400))
    committed = of_type(seen, ev.TranscriptCommitted)
    assert [word.text for event in committed for word in event.words] == [w.text for w in words]
    assert len({event.utterance_id for event in committed}) == 3
    assert len(of_type(seen, ev.SpeechStarted)) == 1


def noisy(said: Script, effect: fx.Effect) -> fx.Input | None:
    """People in the background: VAD hears speech all the time."""
    if isinstance(effect, fx.RunVad):
        frames = len(effect.request.samples) // VAD_FRAME_SAMPLES
        return fx.VadAnswered(VadAnswer(effect.request.state, (0.9,) * frames))
    return answer(said, effect)


def test_an_utterance_ends_with_its_words_when_the_background_does_not() -> None:
    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), noisy)
    assert [e.at_ms for e in of_type(seen, ev.SpeechStopped)] == [said.length_ms]
    texts = {
        utterance_id: "".join(event.text for event in group)
        for utterance_id, group in itertools.groupby(
            of_type(seen, ev.TranscriptCommitted), key=lambda event: event.utterance_id
        )
    }
    assert list(texts.values()) == ["Where is the station?", "Thank you."]
    first_end_ms = SCRIPT_WORDS[3].end_ms
    acks = [event.acked_ms for event in of_type(seen, ev.Ack)]
    # Acknowledged in whole VAD frames.
    covered = to_ms(on_frame(to_samples(first_end_ms)))
    assert any(covered <= acked_ms < SCRIPT_WORDS[4].start_ms for acked_ms in acks)


def test_an_unlikely_word_waits_for_the_end_of_its_utterance() -> None:
    def mumbled(said: Script, effect: fx.Effect) -> fx.Input | None:
        reply = answer(said, effect)
        if isinstance(reply, fx.AsrAnswered):
            words = tuple(
                replace(word, probability=0.2) if word.text == " the" else word
                for word in reply.hypothesis.words
            )
            return fx.AsrAnswered(replace(reply.hypothesis, words=words))
        return reply

    said = script()
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), mumbled)
    told = events(seen)
    stopped = next(i for i, event in enumerate(told) if isinstance(event, ev.SpeechStopped))
    before, after = told[:stopped], told[stopped:]
    early = [event.text for event in before if isinstance(event, ev.TranscriptCommitted)]
    late = [event.text for event in after if isinstance(event, ev.TranscriptCommitted)]
    assert "".join(early) == "Where is"
    assert "".join(late).startswith(" the station?")


def test_an_unlikely_word_waits_no_longer_than_more_audio_helps() -> None:
    def mumbled(said: Script, effect: fx.Effect) -> fx.Input | None:
        reply = noisy(said, effect)
        if isinstance(reply, fx.AsrAnswered):
            words = tuple(replace(word, probability=0.2) for word in reply.hypothesis.words)
            return fx.AsrAnswered(replace(reply.hypothesis, words=words))
        return reply

    said = script()
    told = events(drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), mumbled))
    committed = [event for event in told if isinstance(event, ev.TranscriptCommitted)]
    heard = " ".join(word for event in committed for word in event.text.split())
    assert heard == "Where is the station? Thank you."
    stopped = next(i for i, event in enumerate(told) if isinstance(event, ev.SpeechStopped))
    assert told.index(committed[0]) < stopped


def test_what_the_utterance_before_left_over_ends_nothing() -> None:
    options = WindowOptions()
    utterance = Utterance(32_000, "s", "en", new_policy(PolicyOptions()), options)
    audio = SampleBuffer(120_000)
    audio.append(np.zeros(80_000, np.float32))
    assert utterance.next_request(64_000, audio) is not None
    leftover = Word(" the", 0, 0, 0.99)
    utterance.receive(Hypothesis((leftover,), "en", 0.99, 0.01, -0.1))
    assert utterance.resting_from is not None
    utterance.continue_after(utterance)
    early = Utterance(40_000, "s", "en", new_policy(PolicyOptions()), options)
    early.continue_after(utterance)
    assert early.next_request(72_000, audio) is not None
    early.receive(Hypothesis((leftover,), "en", 0.99, 0.01, -0.1))
    assert early.resting_from is None


def test_background_without_words_does_not_lengthen_the_window() -> None:
    words = [Spoken("Thank", 12_000, 12_300), Spoken("you.", 12_300, 12_700)]
    said = Script(words, length_ms=14_000)
    seen = drive(Session("s", SessionOptions()), said, cut(said.pcm(), 640), noisy)
    committed = of_type(seen, ev.TranscriptCommitted)
    assert "".join(event.text for event in committed) == "Thank you."
    longest_ms = max(len(request.samples) for request in said.requests) / 16
    assert longest_ms <= WindowOptions().max_wordless_ms + WindowOptions().update_interval_ms


def test_speech_that_comes_faster_than_it_is_decoded_loses_no_word() -> None:
    # Words of a counter would look like a recogniser that repeats itself.
    rng = random.Random(1)
    words = [
        Spoken("".join(rng.choices(string.ascii_lowercase, k=5)), 500 + 310 * i, 810 + 310 * i)
        for i in range(250)
    ]
    said = Script(words, length_ms=80_000)
    session = Session("s", SessionOptions())
    undecoded: list[fx.Effect] = []
    seen: list[fx.Effect] = []

    def take(effects: list[fx.Effect]) -> None:
        for effect in effects:
            seen.append(effect)
            if isinstance(effect, fx.RunAsr):
                undecoded.append(effect)
            elif reply := answer(said, effect):
                take(session.receive(reply))

    def decode() -> None:
        reply = answer(said, undecoded.pop())
        assert reply is not None
        take(session.receive(reply))

    for piece in cut(said.pcm(), 32_000):
        while not session.wants_audio:
            decode()
        take(session.receive(fx.Audio(piece)))
    take(session.receive(fx.EndOfAudio()))
    while undecoded:
        decode()
    committed = [w.text for e in of_type(seen, ev.TranscriptCommitted) for w in e.words]
    assert committed == [word.text for word in words]
    assert max(len(request.samples) for request in said.requests) <= 10 * 16_000
    assert isinstance(seen[-1], fx.Finish)


@pytest.mark.parametrize("missing_samples", [1, 511])
def test_audio_may_end_in_the_frame_where_an_utterance_is_cut(missing_samples: int) -> None:
    length_samples = 28_000 * 16 - missing_samples
    said = Script([Spoken("endless", 0, 28_000)], length_ms=28_000)
    session = Session("s", SessionOptions())
    seen = drive(session, said, cut(said.pcm()[: 2 * length_samples], 640))
    acked = [event.acked_ms for event in of_type(seen, ev.Ack)]
    assert isinstance(seen[-1], fx.Finish)
    assert max(acked) <= length_samples // 16
    (closed,) = of_type(seen, ev.SessionClosed)
    assert closed.usage.speech_ms == closed.usage.audio_ms == length_samples // 16


def test_sentences_that_alignment_gives_no_time_are_two_segments_all_the_same() -> None:
    held: list[fx.RunMt] = []

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        match effect:
            case fx.RunAsr(request):
                words = (Word(" Yes.", 5_000, 5_000, 0.9), Word(" No.", 5_000, 9_000, 0.9))
                heard = words if request.final else ()
                return fx.AsrAnswered(Hypothesis(heard, "en", 0.99, 0.0, -0.1))
            case fx.RunMt():
                held.append(effect)
                return None
        return answer(said, effect)

    said = Script([Spoken("Yes.", 500, 1_500)], length_ms=3_000)
    session = Session("s", SessionOptions(targets=("de",)))
    seen = drive(session, said, cut(said.pcm(), 640), respond)
    for effect in held:
        reply = answer(said, effect)
        assert reply is not None
        seen += session.receive(reply)
    committed = {e.segment_id: e.text for e in of_type(seen, ev.TranscriptCommitted)}
    translated = {e.segment_id: e.text for e in of_type(seen, ev.TranslationCommitted)}
    assert list(committed.values()) == ["Yes.", "No."]
    assert translated == {i: f"<de>{text}" for i, text in committed.items()}


def test_wants_no_more_audio_while_translations_are_far_behind() -> None:
    held: list[fx.RunMt] = []

    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        if isinstance(effect, fx.RunMt):
            held.append(effect)
            return None
        return answer(said, effect)

    said = Script(list(SCRIPT_WORDS), length_ms=6_000)
    session = Session("s", SessionOptions(targets=("de",), max_untranslated=2))
    drive(session, said, cut(said.pcm(), 640), respond)
    assert len(held) == 2
    assert not session.wants_audio
    session.receive(fx.MtAnswered(held[0].segment_id, "de", Draft("eins")))
    assert session.wants_audio


def test_says_when_it_wants_no_more_audio() -> None:
    session = Session("s", SessionOptions())
    session.open({})
    second = np.zeros(16_000, dtype="<i2").tobytes()
    taken_s = 0
    while session.wants_audio:
        session.receive(fx.Audio(second))
        taken_s += 1
    assert taken_s == 59
    with pytest.raises(AudioOverflowError):
        session.receive(fx.Audio(second * 2))


def test_detection_chooses_from_the_languages_that_the_client_names() -> None:
    said = script()
    drive(Session("s", SessionOptions(languages=("de", "en"))), said, cut(said.pcm(), 640))
    undecided = [request.languages for request in said.requests if request.language is None]
    decided = [request.languages for request in said.requests if request.language is not None]
    assert undecided
    assert set(undecided) == {("de", "en")}
    assert set(decided) == {()}


def test_an_utterance_does_not_rest_because_a_window_was_given_up() -> None:
    session = Session("s", SessionOptions(source="en", partials=False))
    pending = session.open({})
    windows: list[int] = []
    told: list[ev.Event] = []

    def answered(effect: fx.Effect) -> list[fx.Effect]:
        match effect:
            case fx.Emit():
                told.append(effect.event)
            case fx.RunVad(vad):
                speech = (0.99,) * (len(vad.samples) // VAD_FRAME_SAMPLES)
                return session.receive(fx.VadAnswered(VadAnswer(vad.state, speech)))
            case fx.RunAsr(asr):
                windows.append(len(asr.samples))
                if len(windows) == 5:
                    return session.receive(fx.StageFailed(fx.Stage.ASR, "died of it", deadly=True))
                early = () if asr.prefix or len(windows) > 5 else (Word(" hi", 4_800, 8_000, 0.95),)
                return session.receive(fx.AsrAnswered(Hypothesis(early, "en", 1.0, 0.0, -0.1)))
        return []

    while len(windows) < 9:
        pending += session.receive(fx.Audio(np.full(1_600, 3_000, np.int16).tobytes()))
        while pending:
            pending += answered(pending.pop(0))
    assert min(windows) > 0
    [warning] = [event for event in told if isinstance(event, ev.Warning)]
    assert warning.lost_ms > 0
