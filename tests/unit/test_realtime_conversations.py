"""OpenAI's realtime protocols as state machines: session events in, its events out, and back."""

from __future__ import annotations

import base64
import json
from typing import Any

import av
import numpy as np
import pytest

from serve_app.api import sockets
from serve_app.api.boxes import Message
from serve_app.api.realtime.doors import preset_of
from serve_app.api.realtime.transcription import TranscriptionConversation
from serve_app.api.realtime.transcription_config import Hearing, ServerVad, Transcription
from serve_app.api.realtime.translation import TranslationConversation
from serve_app.api.realtime.wire import RealtimeAudio
from serve_app.decode.resample import Resampler
from serve_app.errors import InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.options import SessionOptions
from serve_app.session.presets import PRESETS
from serve_app.session.segmenter import SegmenterOptions
from tests.support.doors import scripted_service
from tests.support.realtime import TRANSCRIPTION, TRANSLATION, checked
from tests.support.scripted import Script

HEAD = {"id": "sess_1", "model": "m", "expires_at": 1}
SECOND = bytes(2 * 24_000)


def configured(language: str) -> fx.Configure:
    if language == "xx":
        raise InvalidRequestError("xx is not served; use de.", param="target")
    return fx.Configure(SessionOptions(targets=(language,)), {})


def committed(segment: int, text: str, end_ms: int, *, utterance: str = "s.u0") -> fx.Emit:
    return fx.Emit(
        1,
        ev.TranscriptCommitted(f"s.{segment}", utterance, text, 0, end_ms, "en", closed=True),
    )


def translated(segment: int, text: str, target: str = "de") -> fx.Emit:
    return fx.Emit(1, ev.TranslationCommitted(f"s.{segment}", target, text))


def send(conversation: sockets.Conversation, kind: str, **fields: object) -> list[sockets.Request]:
    return list(conversation.receive(json.dumps({"type": kind, **fields})))


def answers(requests: list[sockets.Request]) -> list[Message]:
    return [request.message for request in requests if isinstance(request, sockets.Answer)]


def told(conversation: sockets.Conversation, *emits: fx.Emit | ev.Event) -> list[Message]:
    numbered = [one if isinstance(one, fx.Emit) else fx.Emit(1, one) for one in emits]
    return [message for emit in numbered for message in conversation.tell(emit)]


# Translation sessions


def translation(language: str | None = "de") -> TranslationConversation:
    return TranslationConversation(HEAD, language, configured)


def test_output_is_append_only_with_times_in_steps_of_200_ms() -> None:
    conversation = translation()
    messages = told(
        conversation,
        ev.SessionCreated("s", {}),
        committed(0, "Good", 350),
        committed(0, " morning.", 930),
        translated(0, "Guten Morgen."),
        committed(1, "How are you?", 2_000),
        translated(1, "Wie geht's?"),
        ev.SessionClosed("completed"),
    )
    created, *deltas, closed = checked(messages, TRANSLATION)
    assert created.session.audio.output.language == "de"
    assert "".join(one.delta for one in deltas) == "Guten Morgen. Wie geht's?"
    assert [one.elapsed_ms for one in deltas] == [1_000, 2_000]
    assert closed.type == "session.closed"


def test_source_text_comes_only_where_it_was_asked_for() -> None:
    conversation = translation()
    audio = {
        "input": {"transcription": {"model": "m"}, "noise_reduction": {"type": "far_field"}},
        "output": {"language": "ja"},
    }
    (request,) = send(conversation, "session.update", session={"audio": audio})
    assert request == sockets.Take(configured("ja"))
    messages = told(
        conversation,
        ev.SessionUpdated({}),
        committed(0, "Good morning.", 900),
        translated(0, "お早う。", "ja"),
        committed(1, "Bye.", 1_700),
        translated(1, "では。", "ja"),
    )
    updated, *deltas = checked(messages, TRANSLATION)
    assert updated.session.audio.input.transcription.model == "m"
    assert updated.session.audio.input.noise_reduction.type == "far_field"
    assert "".join(d.delta for d in deltas if "input" in d.type) == "Good morning. Bye."
    assert "".join(d.delta for d in deltas if "output" in d.type) == "お早う。では。"


def test_times_never_run_backwards_where_the_target_changes() -> None:
    messages = told(
        translation(),
        committed(0, "Good morning.", 900),
        committed(1, "Bye.", 1_700),
        translated(1, "Adiós.", "es"),
        translated(0, "Guten Morgen.", "de"),
        committed(2, "Yes.", 2_300),
        translated(2, "Sí.", "es"),
    )
    deltas = checked(messages, TRANSLATION)
    assert [one.elapsed_ms for one in deltas] == [1_800, 1_800, 2_400]


def test_close_flushes_what_the_filter_holds() -> None:
    conversation = translation()
    audio = base64.b64encode(SECOND).decode()
    (take,) = send(conversation, "session.input_audio_buffer.append", audio=audio)
    rest, end = send(conversation, "session.close")
    assert isinstance(take, sockets.Take)
    assert isinstance(rest, sockets.Take)
    assert isinstance(take.item, bytes)
    assert isinstance(rest.item, bytes)
    assert abs(len(take.item) + len(rest.item) - 32_000) <= 8
    assert end == sockets.End()


@pytest.mark.parametrize(
    ("language", "kind", "fields", "code"),
    [
        (None, "session.input_audio_buffer.append", {"audio": "AAAA"}, "missing_language"),
        ("de", "session.input_audio_buffer.append", {"audio": "*"}, "invalid_value"),
        ("de", "input_audio_buffer.commit", {}, "invalid_value"),
        ("de", "session.update", {"session": {"voice": "x"}}, "unknown_parameter"),
        ("de", "session.update", {"session": {"type": "realtime"}}, "invalid_value"),
        (
            "de",
            "session.update",
            {"session": {"audio": {"output": {"language": "xx"}}}},
            "invalid_request",
        ),
    ],
)
def test_a_wrong_event_is_answered_and_the_session_goes_on(
    language: str | None, kind: str, fields: dict[str, Any], code: str
) -> None:
    requests = send(translation(language), kind, event_id="e7", **fields)
    (error,) = checked(answers(requests), TRANSLATION)
    assert len(requests) == 1
    assert (error.error.code, error.error.event_id) == (code, "e7")


def test_a_failed_session_is_not_closed_as_if_it_were_complete() -> None:
    messages = told(
        translation(), ev.Error("vad_unavailable", "x", True), ev.SessionClosed("error")
    )
    assert [one.type for one in checked(messages, TRANSLATION)] == ["error"]


# Transcription sessions


def transcription(**options: bool) -> TranscriptionConversation:
    def describe(hearing: Hearing) -> dict[str, Any]:
        audio = hearing.to_wire("m", SegmenterOptions())
        return {"id": "sess_1", "type": "transcription", "audio": audio, "expires_at": 1}

    return TranscriptionConversation(
        lambda hearing: fx.Configure(
            SessionOptions(
                source=next(iter(hearing.languages), None),
                segmenter=hearing.segmenter(SegmenterOptions()),
            ),
            {},
        ),
        describe,
        **options,
    )


def kinds(messages: list[Any]) -> list[str]:
    short = "conversation.item.input_audio_transcription."
    return [message.type.removeprefix(short) for message in messages]


def test_a_detected_turn_is_one_item_from_speech_to_completed() -> None:
    conversation = transcription()
    messages = checked(
        told(
            conversation,
            ev.SessionCreated("s", {}),
            ev.SpeechStarted(300, "s.u0"),
            committed(0, "Good morning.", 900),
            ev.TranscriptPartial("s.u0", " How"),
            ev.SpeechStopped(2_300, "s.u0"),
            committed(1, "How are you?", 2_000),
            ev.UtteranceCompleted("s.u0", 300, 2_300, continued=False),
            ev.SpeechStarted(3_000, "s.u1"),
            ev.SpeechStopped(3_500, "s.u1"),
            ev.UtteranceCompleted("s.u1", 3_000, 3_500, continued=False),
        ),
        TRANSCRIPTION,
    )
    assert kinds(messages) == [
        "session.created",
        *("input_audio_buffer.speech_started", "delta", "input_audio_buffer.speech_stopped"),
        *("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"),
        *("delta", "completed"),
        *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
        *("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"),
        "completed",
    ]
    _, started, delta, stopped, committed_, added, _, later, completed, *second = messages
    assert {started.item_id, delta.item_id, stopped.item_id, added.item.id} == {completed.item_id}
    assert (started.audio_start_ms, stopped.audio_end_ms) == (300, 2_300)
    assert completed.transcript == "Good morning. How are you?" == delta.delta + later.delta
    assert completed.usage.seconds == 2.0
    assert committed_.previous_item_id is None
    assert second[2].previous_item_id == completed.item_id
    assert second[-1].transcript == ""


def test_speech_that_was_cut_for_its_length_stays_one_item() -> None:
    conversation = transcription()
    messages = checked(
        told(
            conversation,
            ev.SpeechStarted(0, "s.u0"),
            committed(0, "One", 900),
            ev.UtteranceCompleted("s.u0", 0, 28_000, continued=True),
            committed(1, "two", 29_000, utterance="s.u9"),
            ev.SpeechStopped(30_000, "s.u9"),
            ev.UtteranceCompleted("s.u9", 28_000, 30_000, continued=False),
        ),
        TRANSCRIPTION,
    )
    assert len({one.item_id for one in messages if hasattr(one, "item_id")}) == 1
    assert messages[-1].transcript == "One two"
    assert messages[-1].usage.seconds == 30.0


def test_lost_speech_fails_its_item() -> None:
    messages = checked(
        told(
            transcription(),
            ev.SpeechStarted(0, "s.u0"),
            ev.SpeechStopped(900, "s.u0"),
            ev.Warning("transcription_failed", "Speech from 0 to 900 ms was lost"),
            ev.UtteranceCompleted("s.u0", 0, 900, continued=False),
        ),
        TRANSCRIPTION,
    )
    assert messages[-1].type.endswith("failed")
    assert messages[-1].error.code == "transcription_failed"


def append(conversation: TranscriptionConversation, data: bytes = SECOND) -> None:
    audio = base64.b64encode(data).decode()
    assert len(send(conversation, "input_audio_buffer.append", audio=audio)) == 1


def manual() -> TranscriptionConversation:
    conversation = transcription()
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    send(conversation, "session.update", session=session)
    return conversation


def test_a_manual_turn_is_what_came_between_two_commits() -> None:
    conversation = manual()
    append(conversation)
    assert told(conversation, ev.SpeechStarted(0, "s.u0"), committed(0, "Good", 400)) == []
    requests = send(conversation, "input_audio_buffer.commit")
    assert sockets.Take(fx.Flush()) in requests
    first = checked(answers(requests), TRANSCRIPTION)
    assert kinds(first) == [
        *("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"),
        "delta",
    ]
    append(conversation)
    second = checked(answers(send(conversation, "input_audio_buffer.commit")), TRANSCRIPTION)
    assert second[0].previous_item_id == first[0].item_id
    rest = checked(
        told(
            conversation,
            committed(0, " morning.", 900),
            ev.Flushed(1_000),
            committed(1, "Bye.", 1_800),
            ev.Flushed(2_000),
        ),
        TRANSCRIPTION,
    )
    assert kinds(rest) == ["delta", "completed", "delta", "completed"]
    assert [one.item_id for one in rest] == [first[0].item_id] * 2 + [second[0].item_id] * 2
    assert [one.transcript for one in rest[1::2]] == ["Good morning.", "Bye."]
    assert rest[1].usage.seconds == 1.0


def test_a_cleared_buffer_is_never_told() -> None:
    conversation = manual()
    append(conversation)
    told(conversation, committed(0, "Never", 400))
    cleared = checked(answers(send(conversation, "input_audio_buffer.clear")), TRANSCRIPTION)
    assert kinds(cleared) == ["input_audio_buffer.cleared"]
    append(conversation)
    send(conversation, "input_audio_buffer.commit")
    rest = checked(
        told(
            conversation,
            committed(0, " mind.", 900),
            ev.Flushed(1_000),
            committed(1, "Hello.", 1_800),
            ev.Flushed(2_000),
        ),
        TRANSCRIPTION,
    )
    assert kinds(rest) == ["delta", "completed"]
    assert rest[1].transcript == "Hello."


def test_an_empty_buffer_cannot_be_committed() -> None:
    conversation = manual()
    append(conversation, bytes(2 * 24 * 99))
    (error,) = checked(answers(send(conversation, "input_audio_buffer.commit")), TRANSCRIPTION)
    assert error.error.code == "input_audio_buffer_commit_empty"


def test_volatile_text_is_ours_and_only_on_request() -> None:
    conversation = transcription(partials=True)
    told(conversation, ev.SpeechStarted(0, "s.u0"))
    (partial,) = told(conversation, ev.TranscriptPartial("s.u0", " How"))
    assert partial.volatile
    assert json.loads(partial.text)["type"] == "ext.transcription.partial"


def test_only_what_is_mentioned_changes() -> None:
    conversation = transcription()
    given = {
        "format": {"type": "audio/pcmu"},
        "transcription": {"model": "gpt-4o-transcribe", "language": "de"},
        "turn_detection": {"type": "server_vad", "threshold": 0.7, "silence_duration_ms": 300},
    }
    session = {"type": "transcription", "audio": {"input": given}}
    (request,) = send(conversation, "session.update", session=session)
    assert isinstance(request, sockets.Take)
    assert isinstance(request.item, fx.Configure)
    options = request.item.options
    assert options.source == "de"
    assert (options.segmenter.start_probability, options.segmenter.min_silence_ms) == (0.7, 300)
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    send(conversation, "session.update", session=session)
    (updated,) = checked(told(conversation, ev.SessionUpdated({})), TRANSCRIPTION)
    heard = updated.session.audio.input
    assert (heard.format.type, heard.transcription.language) == ("audio/pcmu", "de")
    assert heard.turn_detection is None


def test_delay_and_keywords_are_those_of_every_door() -> None:
    service = scripted_service(Script([], length_ms=0))
    fast = Transcription(delay="minimal", keywords=["Zürich", "Genf"], language="de")
    options = preset_of(service, Hearing(transcription=fast), partials=False)
    preset = PRESETS["minimal"]
    assert (options.source, options.hotwords) == ("de", "Zürich, Genf")
    assert (options.policy, options.vad_block_frames) == (preset.policy, preset.vad_block_frames)
    assert options.segmenter == preset.segmenter
    with pytest.raises(ValueError, match="300 characters"):
        Transcription(keywords=["Zürich"] * 100)


@pytest.mark.parametrize(
    ("named", "source", "languages"),
    [
        ({"language": "de-AT"}, "de", ()),
        ({"languages": ["German"]}, "de", ()),
        ({"languages": ["de", "en-US", "de-CH"]}, None, ("de", "en")),
        ({"language": "es", "languages": ["de", "en"]}, "es", ()),
        ({}, None, ()),
    ],
)
def test_the_languages_that_a_client_names_are_those_that_are_heard(
    named: dict[str, Any], source: str | None, languages: tuple[str, ...]
) -> None:
    hearing = Hearing(transcription=Transcription(**named))
    options = preset_of(scripted_service(Script([], 0)), hearing, partials=False)
    assert (options.source, options.languages) == (source, languages)


def test_a_language_that_is_not_served_is_refused() -> None:
    hearing = Hearing(transcription=Transcription(languages=["de", "fi"]))
    with pytest.raises(InvalidRequestError, match="'fi' is not served"):
        preset_of(scripted_service(Script([], 0)), hearing, partials=False)


def test_a_silence_that_was_asked_for_holds_after_sentences_too() -> None:
    preset = PRESETS["minimal"].segmenter
    assert preset.sentence_silence_ms is not None
    asked = Hearing(turn_detection=ServerVad(type="server_vad", silence_duration_ms=900))
    segmenter = asked.segmenter(preset)
    assert (segmenter.min_silence_ms, segmenter.sentence_silence_ms) == (900, None)
    assert Hearing().segmenter(preset).sentence_silence_ms == preset.sentence_silence_ms


def test_a_target_that_changes_in_a_begun_translation_begins_a_new_passage() -> None:
    conversation = translation()
    deltas = told(
        conversation,
        committed(0, "Good morning.", 930),
        translated(0, "Guten"),
        translated(0, "Buenos", "es"),
        translated(0, " Morgen."),
        translated(0, " días.", "es"),
    )
    text = "".join(delta.delta for delta in checked(deltas, TRANSLATION))
    assert text == "Guten Buenos Morgen. días."


def test_the_names_of_the_beta_are_understood() -> None:
    conversation = transcription()
    session = {
        "input_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1", "language": "es"},
        "turn_detection": {"type": "server_vad", "prefix_padding_ms": 100},
    }
    (request,) = send(conversation, "transcription_session.update", session=session)
    assert isinstance(request, sockets.Take)
    assert isinstance(request.item, fx.Configure)
    assert request.item.options.source == "es"
    assert request.item.options.segmenter.pad_ms == 100
    (updated,) = checked(told(conversation, ev.SessionUpdated({})), TRANSCRIPTION)
    assert updated.session.audio.input.format.type == "audio/pcma"


# Audio


@pytest.mark.parametrize(("kind", "codec"), [("audio/pcmu", "mulaw"), ("audio/pcma", "alaw")])
def test_telephone_codes_decode_as_ffmpeg_decodes_them(kind: str, codec: str) -> None:
    codes = np.repeat(np.arange(256, dtype=np.uint8), 64).tobytes()
    decoder: Any = av.CodecContext.create(f"pcm_{codec}", "r")
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    (frame,) = decoder.decode(av.Packet(codes))
    reference = Resampler(8_000).feed(frame.to_ndarray().reshape(-1) / np.float32(32768.0))
    assert RealtimeAudio(kind).feed(codes) == reference


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu"])
def test_audio_does_not_depend_on_how_it_was_cut(kind: str) -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, 20_000, dtype=np.uint8).tobytes()
    whole, pieces = RealtimeAudio(kind), RealtimeAudio(kind)
    expected = whole.feed(data) + whole.finish()
    cut = b"".join(pieces.feed(data[at : at + 7]) for at in range(0, len(data), 7))
    assert cut + pieces.finish() == expected
