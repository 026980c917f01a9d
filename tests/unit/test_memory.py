"""What goes from one utterance to the next, and what must not be said twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.types import AsrRequest, Word
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.memory import Hints, Memory, newest, switch_probability
from serve_app.session.options import SessionOptions
from serve_app.session.repeats import SAME_SOUND_MS, without_echo
from serve_app.session.segmenter import SegmenterOptions
from serve_app.session.session import Session
from serve_app.session.window import WindowOptions
from tests.support.scripted import Script, Spoken, answer, cut, drive, events

WORDS = [
    Spoken("Where", 500, 800),
    Spoken("is", 800, 1_000),
    Spoken("it?", 1_000, 1_600),
    Spoken("Thank", 3_200, 3_500),
    Spoken("you.", 3_500, 3_900),
    Spoken("Good", 5_500, 5_800),
    Spoken("night.", 5_800, 6_300),
]
CONTEXT = WindowOptions(context_characters=12)


def script() -> Script:
    return Script(list(WORDS), length_ms=8_000)


def drive_script(said: Script, options: SessionOptions) -> list[AsrRequest]:
    drive(Session("s", options), said, cut(said.pcm(), 640))
    return said.requests


def test_only_the_newest_of_what_was_said_is_kept_in_whole_words() -> None:
    memory = Memory(12, "Zurich")
    memory.note(" Where is it?", "en", 100)
    memory.note(" Thank you.", "en", 200)
    assert memory.hints == Hints(" Thank you.", "Zurich", "en")
    assert newest(" Where is it?", 100) == " Where is it?"
    assert newest(" unbreakable", 3) == ""


def test_text_of_another_language_is_no_context() -> None:
    memory = Memory(50, "")
    memory.note(" Where is it?", "en", 100)
    memory.note(" Danke.", "de", 200)
    assert memory.hints == Hints(" Danke.", "", "de")
    memory.forget_text()
    assert memory.hints == Hints("", "", "de")


def test_what_was_remembered_at_a_sample_is_known_until_a_later_one_is_asked_for() -> None:
    memory = Memory(50, "Zurich", Hints(" Before.", usual_language="en"))
    memory.note(" Where is it?", "en", 100)
    memory.note(" Danke.", "de", 200)
    assert memory.hints_at(99) == Hints(" Before.", "Zurich", "en")
    assert memory.hints_at(100) == Hints(" Before. Where is it?", "Zurich", "en")
    assert memory.hints_at(500) == memory.hints == Hints(" Danke.", "Zurich", "de")
    memory.configure(50, "Bern")
    assert memory.hints == Hints(" Danke.", "Bern", "de")


def test_the_next_utterance_is_told_what_was_said_and_in_which_language() -> None:
    requests = drive_script(script(), SessionOptions(window=CONTEXT))
    assert [r.context for r in requests if r.final] == ["", " is it?", " Thank you."]
    detected = [(r.context, r.usual_language) for r in requests if r.language is None]
    assert set(detected) == {("", None), (" is it?", "en"), (" Thank you.", "en")}
    assert {r.usual_language for r in requests if r.language is not None} == {None}


def test_no_context_unless_it_is_asked_for_but_always_the_hotwords() -> None:
    requests = drive_script(script(), SessionOptions(hotwords="Zurich"))
    assert {r.context for r in requests} == {""}
    assert {r.hotwords for r in requests} == {"Zurich"}


def test_what_looked_invented_is_no_context() -> None:
    def respond(said: Script, effect: fx.Effect) -> fx.Input | None:
        reply = answer(said, effect)
        heard = said.requests[-1] if said.requests else None
        if (
            isinstance(reply, fx.AsrAnswered)
            and heard
            and heard.final
            and heard.context == " is it?"
        ):
            loop = tuple(Word(" no", 0, 16, 0.9) for _ in range(30))
            return fx.AsrAnswered(replace(reply.hypothesis, words=loop))
        return reply

    said = script()
    seen = drive(Session("s", SessionOptions(window=CONTEXT)), said, cut(said.pcm(), 640), respond)
    assert [e.code for e in events(seen) if isinstance(e, ev.Warning)] == ["text_discarded"]
    finals = [r for r in said.requests if r.final]
    assert [r.context for r in finals] == ["", " is it?", ""]


def test_a_short_window_must_be_surer_of_a_new_language() -> None:
    assert switch_probability(16_000) > switch_probability(32_000) >= 0.5


@pytest.mark.parametrize(
    ("silence_ms", "utterances"),
    [(None, ["Where is it? Thank you."]), (224, ["Where is it?", "Thank you."])],
)
def test_a_whole_sentence_may_end_sooner(silence_ms: int | None, utterances: list[str]) -> None:
    words = [*WORDS[:3], Spoken("Thank", 2_300, 2_600), Spoken("you.", 2_600, 3_000)]
    said = Script(words, length_ms=5_000)
    segmenter = SegmenterOptions(min_silence_ms=960, sentence_silence_ms=silence_ms)
    # The pause is shorter than `min_silence_ms`, but long enough to rest in.
    options = SessionOptions(segmenter=segmenter, window=WindowOptions(max_rest_ms=60_000))
    seen = drive(Session("s", options), said, cut(said.pcm(), 640))
    texts: dict[str, str] = {}
    for event in events(seen):
        if isinstance(event, ev.TranscriptCommitted):
            texts[event.utterance_id] = f"{texts.get(event.utterance_id, '')} {event.text.strip()}"
    assert [text.strip() for text in texts.values()] == utterances


def test_half_a_sentence_does_not_end_sooner() -> None:
    words = [Spoken("Where", 500, 800), Spoken("is", 1_300, 1_500), Spoken("it?", 1_500, 2_000)]
    said = Script(words, length_ms=4_000)
    segmenter = SegmenterOptions(min_silence_ms=960, sentence_silence_ms=224)
    seen = drive(Session("s", SessionOptions(segmenter=segmenter)), said, cut(said.pcm(), 640))
    assert len([e for e in events(seen) if isinstance(e, ev.SpeechStopped)]) == 1


def placed(text: str, *ends_ms: int) -> tuple[Word, ...]:
    return tuple(
        Word(f" {written}", 16 * (end - 50), 16 * end, 0.9)
        for written, end in zip(text.split(), ends_ms, strict=True)
    )


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        (placed("Station, please go", 1_050, 1_100, 1_600), "go"),
        (placed("please go", 1_100, 1_600), "go"),
        (placed("please go", 1_000 + SAME_SOUND_MS + 1, 1_600), "please go"),
        (placed("station go", 1_050, 1_100), "station go"),
        (placed("go", 1_050), "go"),
    ],
)
def test_the_echo_of_committed_words_is_dropped(heard: tuple[Word, ...], left: str) -> None:
    committed = placed("the station please", 500, 800, 1_000)
    assert "".join(word.text for word in without_echo(heard, committed)).strip() == left
