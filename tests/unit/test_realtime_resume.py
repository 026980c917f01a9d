"""Conversations of OpenAI's sockets, written down in one place and gone on with in another."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from serve_app.api import sockets
from serve_app.api.realtime.resumable import ACK, Resumable, taken_up
from serve_app.api.realtime.transcription import TranscriptionConversation
from serve_app.api.realtime.transcription_config import Hearing
from serve_app.api.realtime.translation import TranslationConversation
from serve_app.api.realtime.turns import logprobs_of
from serve_app.api.resume import Resuming
from serve_app.errors import InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.options import SessionOptions
from serve_app.session.resume import ResumePoint
from serve_app.tokens import REALTIME_RESUME, RESUME, TokenError, TokenSigner

RESUMING = Resuming(TokenSigner(["key"], 60, kind=REALTIME_RESUME))
POINT = ResumePoint(16_384, 16_384, 16_000, "en", ((0, ()),))
SECOND = base64.b64encode(bytes(48_000)).decode()


def transcription(state: dict[str, Any] | None = None) -> TranscriptionConversation:
    conversation = TranscriptionConversation(
        lambda _: fx.Configure(SessionOptions(), {}), lambda hearing: {"model": hearing.format}
    )
    if state is not None:
        conversation.take_up(json.loads(json.dumps(state)))
    return conversation


def say(text: str, segment: int = 0, utterance: str = "s.u0", words: int = 0) -> ev.Event:
    timed = tuple(ev.TimedWord(word, 0, 1, 0.5) for word in text.split()[:words])
    return ev.TranscriptCommitted(
        f"s.{segment}", utterance, text, 0, 2_000, "en", closed=True, words=timed
    )


def told(conversation: sockets.Conversation, *happened: ev.Event) -> list[dict[str, Any]]:
    emits = [fx.Emit(1, event, POINT if isinstance(event, ev.Ack) else None) for event in happened]
    return [json.loads(m.text) for emit in emits for m in conversation.tell(emit)]


def send(conversation: sockets.Conversation, kind: str, **fields: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    requests = conversation.receive(json.dumps({"type": kind, **fields}))
    return [json.loads(r.message.text) for r in requests if isinstance(r, sockets.Answer)]


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in messages]


STARTED = ev.SpeechStarted(0, "s.u0")
STOPPED = ev.SpeechStopped(2_000, "s.u0")
COMPLETED = ev.UtteranceCompleted("s.u0", 0, 2_000, continued=False)


def test_a_turn_goes_on_in_its_item_and_is_completed_with_all_of_its_text() -> None:
    before = transcription()
    first = told(before, STARTED, say("Good"), STOPPED)
    after = transcription(before.state())
    again = told(after, STARTED, STOPPED)
    rest = told(after, say(" morning."), COMPLETED)
    assert kinds(first) == [
        "speech_started",
        "delta",
        "speech_stopped",
        "committed",
        "added",
        "done",
    ]
    assert again == []
    assert kinds(rest) == ["delta", "completed"]
    assert rest[1]["transcript"] == "Good morning."
    assert {one["item_id"] for one in rest} == {first[0]["item_id"]}


def test_a_completed_turn_is_not_told_again_and_the_next_one_follows_it() -> None:
    before = transcription()
    first = told(before, STARTED, say("Yes."), STOPPED, COMPLETED)
    after = transcription(before.state())
    assert told(after, STARTED, STOPPED, COMPLETED) == []
    rest = told(after, ev.SpeechStarted(3_000, "s.u9"), ev.SpeechStopped(4_000, "s.u9"))
    committed = next(one for one in rest if one["type"].endswith("committed"))
    assert committed["previous_item_id"] == first[0]["item_id"]


def test_a_turn_that_the_client_ended_is_ended_by_it_again() -> None:
    before = transcription()
    manual = {"audio": {"input": {"turn_detection": None}}}
    send(before, "session.update", session=manual)
    send(before, "input_audio_buffer.append", audio=SECOND)
    committed = send(before, "input_audio_buffer.commit")
    told(before, say("Good"))
    after = transcription(before.state())
    send(after, "input_audio_buffer.append", audio=SECOND)
    again = send(after, "input_audio_buffer.commit")
    rest = told(after, say(" morning."), ev.Flushed(1_000))
    assert again[0]["item_id"] == committed[0]["item_id"]
    assert rest[-1]["transcript"] == "Good morning."


def test_what_the_client_configured_is_in_force_again() -> None:
    before = transcription()
    audio = {
        "input": {
            "format": {"type": "audio/pcmu"},
            "noise_reduction": {"type": "far_field"},
            "transcription": {"model": "m", "languages": ["de", "en"], "keywords": ["Zug"]},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
        }
    }
    include = ["item.input_audio_transcription.logprobs"]
    send(before, "session.update", session={"audio": audio, "include": include})
    after = transcription(before.state())
    assert after.hearing == before.hearing
    assert after.hearing.include == tuple(include)
    assert after.hearing != Hearing()


def test_a_translation_goes_on_with_its_spaces_and_its_times() -> None:
    def conversation() -> TranslationConversation:
        return TranslationConversation({}, "de", lambda _: fx.Configure(SessionOptions(), {}))

    before, after = conversation(), conversation()
    told(before, say("Yes."), ev.TranslationCommitted("s.0", "de", "Ja."), say("No.", 5))
    after.take_up(json.loads(json.dumps(before.state())))
    rest = told(after, ev.TranslationCommitted("s.5", "de", "Nein."))
    assert [(one["delta"], one["elapsed_ms"]) for one in rest] == [(" Nein.", 2_000)]


def test_tokens_stand_for_all_that_was_told_up_to_them() -> None:
    talk = Resumable(transcription(), RESUMING, "realtime", "s", None)
    assert "resume_token" not in told(talk, STARTED)[0]
    [ack] = told(talk, ev.Ack(1_024))
    assert (ack["type"], ack["acked_ms"]) == (ACK, 1_024)
    *earlier, last = told(talk, say("Good"))
    assert earlier == []
    before = taken_up(QueryParams({"resume": last["resume_token"]}), RESUMING, "realtime")
    assert before is not None
    assert before.session_id == "s"
    assert before.resumption.point == POINT
    assert [held["text"] for held in before.held] == ["Good"]
    group = told(talk, STOPPED)
    assert ["resume_token" in one for one in group] == [False, False, False, True]


def test_a_token_that_is_too_long_for_a_url_is_left_out() -> None:
    talk = Resumable(transcription(), RESUMING, "realtime", "s", None)
    [ack] = told(talk, ev.Ack(1_024))
    [delta] = told(talk, say("word " * 1_500))
    assert "resume_token" in ack
    assert "resume_token" not in delta


def test_only_tokens_of_the_same_door_are_taken() -> None:
    talk = Resumable(transcription(), RESUMING, "realtime", "s", None)
    token = told(talk, ev.Ack(1_024))[0]["resume_token"]
    with pytest.raises(InvalidRequestError, match="another kind: realtime"):
        taken_up(QueryParams({"resume": token}), RESUMING, "translations")
    native = Resuming(TokenSigner(["key"], 60, kind=RESUME)).token("s", {}, POINT)
    with pytest.raises(TokenError):
        taken_up(QueryParams({"resume": native}), RESUMING, "realtime")
    assert taken_up(QueryParams(""), RESUMING, "realtime") is None
    assert taken_up(QueryParams("resume="), RESUMING, "realtime") is None


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe-2"])
def test_clients_of_models_without_turn_detection_end_turns_and_hear_text_before(
    model: str,
) -> None:
    conversation = transcription()
    input_audio = {"transcription": {"model": model}}
    send(conversation, "session.update", session={"audio": {"input": input_audio}})
    assert conversation.hearing.turn_detection is None
    send(conversation, "input_audio_buffer.append", audio=SECOND)
    [delta] = told(conversation, say("Good"))
    committed = send(conversation, "input_audio_buffer.commit")
    done = told(conversation, say(" morning."), ev.Flushed(1_000))
    assert delta["item_id"] == committed[0]["item_id"] == done[-1]["item_id"]
    assert done[-1]["transcript"] == "Good morning."


def test_turn_detection_that_was_asked_for_stays() -> None:
    conversation = transcription()
    vad = {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "whisper-1"}}
    send(conversation, "session.update", session={"audio": {"input": vad}})
    other = {"transcription": {"model": "gpt-realtime-whisper"}}
    send(conversation, "session.update", session={"audio": {"input": other}})
    assert conversation.hearing.turn_detection is not None


def test_log_probabilities_come_where_they_are_asked_for() -> None:
    conversation = transcription()
    assert "logprobs" not in told(conversation, STARTED, say("Good day", words=2))[-1]
    include = ["item.input_audio_transcription.logprobs"]
    send(conversation, "session.update", session={"include": include})
    delta = told(conversation, say(" to you.", words=2))[-1]
    assert "".join(one["token"] for one in delta["logprobs"]) == " to you."
    assert {one["logprob"] for one in delta["logprobs"]} == {-0.6931}
    assert bytes(delta["logprobs"][0]["bytes"]) == b" to"


def test_tokens_of_unspaced_text_are_the_text() -> None:
    words = [ev.TimedWord(character, 0, 1, 1.0) for character in "お早う。"]
    assert "".join(one["token"] for one in logprobs_of("お早う。", words)) == "お早う。"
