"""What a user is told of a session whose connections come and go."""

import json

import pytest

from serve_app.client.continuity import Continuity
from serve_app.client.errors import SessionLostError, SessionRefusedError
from serve_app.client.kept import SLOWED_MS, KeptAudio
from serve_app.client.notices import Reconnected, Reconnecting
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import BYTES_PER_MS
from serve_app.client.wire import Received, UnknownEvent
from serve_app.session import events as ev
from serve_app.session.events import Event, to_wire

OPTIONS = StreamOptions(("de",), source="en", hotwords="Zürich", glossary=("de:a=b",))
CREATED = ev.SessionCreated("s1", {"target": ["de"]}, 0, "token-0")
GOOD = ev.TranscriptCommitted("s1.16", "s1.u0", "Good", 1, 500, "en", closed=False)
MORNING = ev.TranscriptCommitted("s1.16", "s1.u0", " morning.", 1, 900, "en", closed=True)
TRANSLATED = ev.TranslationCommitted("s1.16", "de", "Guten Morgen.")
DONE = ev.SessionClosed("completed")
FAILED = ev.Error("internal_error", "It broke.", retryable=True)
BAD = ev.Error("unsupported_language", "No xx here.", retryable=False)


class Server:
    """Counts what it says from 1 on each connection."""

    def __init__(self, story: Continuity, url: str = "http://a") -> None:
        self.opening = story.connect(url)
        self._story = story
        self._seq = 0

    def say(self, *events: Event) -> list[Received]:
        return [told for event in events for told in self._story.take(self._received(event))]

    def _received(self, event: Event) -> Received:
        self._seq += 1
        return Received(self._seq, event, json.dumps(to_wire(self._seq, event)))


def new_story() -> Continuity:
    return Continuity(OPTIONS, KeptAudio())


def events(told: list[Received]) -> list[Event]:
    return [one.event for one in told]


def test_the_first_message_says_what_is_wanted() -> None:
    assert Server(new_story()).opening == {
        "type": "config", "format": "pcm_s16le", "source": "en", "target": ["de"],
        "partials": True, "hotwords": "Zürich", "glossary": ["de:a=b"],
    }  # fmt: skip


def test_one_connection_is_told_as_it_is() -> None:
    story = new_story()
    server = Server(story)
    said = [CREATED, GOOD, MORNING, TRANSLATED, ev.Ack(900, "token-1")]
    told = server.say(*said)
    assert events(told) == said
    assert [one.seq for one in told] == [1, 2, 3, 4, 5]
    assert [json.loads(one.line) for one in told] == [
        json.loads(json.dumps(to_wire(seq, event))) for seq, event in enumerate(said, 1)
    ]


def test_the_next_connection_goes_on_with_what_is_held() -> None:
    story = new_story()
    Server(story).say(CREATED, GOOD)
    opening = Server(story, "http://b").opening
    assert (opening["type"], opening["resume_token"]) == ("config", "token-0")
    assert [(one["segment_id"], one["text"], one["closed"]) for one in opening["segments"]] == [
        ("s1.16", "Good", False)
    ]


def test_a_session_that_was_never_created_begins_anew() -> None:
    story = new_story()
    first = Server(story).opening
    assert Server(story).opening == first


def test_two_connections_are_one_sequence() -> None:
    story = new_story()
    told = Server(story).say(CREATED, GOOD)
    told.append(story.tell(Reconnecting("cut", "http://b", 1, 20)))
    again = ev.SessionCreated("s1", {}, 32, "token-1")
    told += Server(story, "http://b").say(again, MORNING, TRANSLATED)
    assert events(told) == [
        CREATED, GOOD, Reconnecting("cut", "http://b", 1, 20), Reconnected("http://b", 32),
        MORNING, TRANSLATED,
    ]  # fmt: skip
    numbers = [one.seq for one in told]
    assert numbers == sorted(set(numbers))
    assert [json.loads(one.line)["seq"] for one in told] == numbers
    assert story.acked_ms == 32


def test_speech_that_is_heard_again_does_not_begin_again() -> None:
    story = new_story()
    started, stopped = ev.SpeechStarted(40, "s1.u640"), ev.SpeechStopped(900, "s1.u640")
    completed = ev.UtteranceCompleted("s1.u640", 40, 900, continued=False)
    assert events(Server(story).say(CREATED, started, stopped)) == [CREATED, started, stopped]
    again = Server(story).say(CREATED, started, stopped, completed)
    assert events(again)[1:] == [completed]
    later = ev.SpeechStarted(1_200, "s1.u19200")
    third = Server(story).say(CREATED, ev.Ack(950, "token-1"), completed, later)
    assert events(third)[2:] == [completed, later]


def test_acknowledged_audio_is_forgotten_and_what_is_left_is_sent_again() -> None:
    story = new_story()
    story.audio.add(bytes(2_000 * BYTES_PER_MS))
    server = Server(story)
    assert len(story.audio.next_piece()) == 1_000 * BYTES_PER_MS
    server.say(CREATED, ev.Ack(960, "token-1"))
    story.connect("http://b")
    assert len(story.audio.next_piece() + story.audio.next_piece()) == 1_040 * BYTES_PER_MS


def test_slow_down_is_told_and_heeded() -> None:
    story = new_story()
    story.audio.add(bytes(50_000 * BYTES_PER_MS))
    slow = ev.SlowDown(1_100_000, 16_000_000)
    assert events(Server(story).say(CREATED, slow)) == [CREATED, slow]
    sent_bytes = sum(map(len, iter(story.audio.next_piece, b"")))
    assert sent_bytes == SLOWED_MS * BYTES_PER_MS


def test_what_this_client_does_not_know_is_passed_on() -> None:
    news = UnknownEvent("news", {"text": "from a later version"})
    assert events(Server(new_story()).say(CREATED, news)) == [CREATED, news]


def test_a_server_that_lets_the_session_go_does_not_end_it() -> None:
    story = new_story()
    go_away = ev.GoAway("shutdown", 5_000)
    told = Server(story).say(CREATED, go_away, ev.SessionClosed("go_away"))
    assert events(told) == [CREATED, go_away]
    assert story.closed(1012) == []
    assert not story.over


def test_the_end_is_the_end_whatever_the_connection_does_then() -> None:
    story = new_story()
    story.audio.ended = True
    assert events(Server(story).say(CREATED, DONE)) == [CREATED, DONE]
    assert story.over
    assert story.closed(1006) == []


def test_a_session_that_the_server_ends_well_is_over_once_the_connection_says_so_too() -> None:
    story = new_story()
    story.audio.add(b"more to come")
    assert events(Server(story).say(CREATED, DONE)) == [CREATED]
    assert events(story.closed(1000)) == [DONE]
    assert story.over


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1015])
def test_any_other_loss_is_no_end(code: int) -> None:
    story = new_story()
    Server(story).say(CREATED)
    assert story.closed(code) == []
    assert not story.over


def test_a_failure_of_the_server_is_not_the_users_business() -> None:
    story = new_story()
    assert events(Server(story).say(CREATED, FAILED, ev.SessionClosed("error"))) == [CREATED]
    assert story.trouble == "It broke."
    assert story.closed(1011) == []
    assert events(Server(story).say(CREATED, GOOD))[1:] == [GOOD]
    assert story.trouble == ""


def test_a_refusal_in_the_middle_is_told_with_the_end_of_the_session() -> None:
    story = new_story()
    closed = ev.SessionClosed("error")
    assert events(Server(story).say(CREATED, BAD, closed)) == [CREATED, BAD, closed]
    assert story.over


def test_a_refusal_at_the_beginning_is_an_error() -> None:
    story = new_story()
    assert Server(story).say(BAD) == []
    with pytest.raises(SessionRefusedError, match=r"No xx here\. \(unsupported_language\)"):
        story.closed(1008)


def test_a_refusal_that_is_cut_off_is_one_all_the_same() -> None:
    story = new_story()
    Server(story).say(BAD)
    with pytest.raises(SessionRefusedError):
        story.closed(1006)


def test_a_token_that_is_no_longer_good_loses_the_session() -> None:
    story = new_story()
    Server(story).say(CREATED, ev.Ack(1_500, "token-1"))
    expired = ev.Error("expired_resume_token", "It is too old.", retryable=False)
    assert Server(story).say(expired) == []
    with pytest.raises(SessionLostError, match=r"It is too old\..* from 1\.5 s on"):
        story.closed(1008)


def test_a_close_that_forbids_more_without_a_word_is_an_error() -> None:
    with pytest.raises(SessionRefusedError, match="close code 1008"):
        new_story().closed(1008)
