"""What the hub keeps: merged, bounded, taken over, forgotten; and what one reader is told of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from deployments.boards import (
    SOURCE,
    Limits,
    Passage,
    Passages,
    Receipt,
    Report,
    Scene,
    Seen,
    Tail,
    Text,
)
from deployments.hub import HubSettings, LocalHub, Wish
from deployments.hub_serving import Hub
from deployments.metering import catalogue, process_meters
from deployments.metering.prometheus import PrometheusMeters
from serve_app.session import events as ev
from serve_app.viewers.captions import Copy, Cursor, Reader
from serve_app.viewers.manuscript import Manuscript


def passage(start: int, text: str, *, closed: bool = False, **lanes: str) -> Passage:
    texts = {SOURCE: Text(text, closed)} | {k: Text(v, closed) for k, v in lanes.items()}
    at_ms = start // 16
    return Passage(f"s.{start}", "s.u0", start, at_ms, at_ms + 100, "en", 0.0, texts)


def report(
    *passages: Passage,
    whole: bool = True,
    at_s: float = 1.0,
    acked_ms: int | None = None,
    session: str = "s",
    scene: Scene | None = None,
) -> Report:
    return Report(session, at_s, passages, scene or Scene(), 0, whole, acked_ms)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def texts(hub: LocalHub, session: str = "s") -> list[str] | None:
    news = await hub.read(session, None, 0.0)
    return None if news is None else [p.texts[SOURCE].text for p in news.passages]


async def test_reports_merge_and_saying_it_twice_changes_nothing() -> None:
    hub = LocalHub()
    await hub.publish((report(passage(16, "Good")),))
    for _ in range(2):
        grown = report(passage(16, "Good morning.", closed=True), passage(320, "How"), whole=False)
        await hub.publish((grown,))
    news = await hub.read("s", None, 0.0)
    assert news is not None
    assert await texts(hub) == ["Good morning.", "How"]
    assert await hub.read("s", news.seen, 0.0) is not None
    later = await hub.read("s", news.seen, 0.0)
    assert later is not None
    assert later.passages == ()


async def test_a_hub_that_knows_nothing_asks_for_everything() -> None:
    (receipt,) = await LocalHub().publish((report(passage(16, "more"), whole=False),))
    assert receipt == Receipt(taken=False)


async def test_the_oldest_passages_go_beyond_the_bounds() -> None:
    for settings, kept in (
        (HubSettings(max_passages=10), 10),
        (HubSettings(max_session_bytes=4_096), 4_096 // 512),
    ):
        hub = LocalHub(settings)
        for at in range(30):
            await hub.publish((report(passage(at * 16, "x" * 512), whole=at == 0),))
        news = await hub.read("s", None, 0.0)
        assert news is not None
        assert [p.start for p in news.passages] == [at * 16 for at in range(30 - kept, 30)]
        assert news.complete is False


def test_text_that_goes_while_it_is_read_is_passed_over() -> None:
    passages = Passages(Limits(max_passages=2))
    passages.put(passage(16, "one"))
    passages.put(passage(32, "two"))
    reading = passages.since(0)
    assert next(reading).start == 16
    passages.put(passage(48, "three"))
    passages.put(passage(64, "four"))
    assert list(reading) == []
    assert [p.start for p in passages] == [48, 64]


async def test_one_session_too_many_waits_until_another_has_ended() -> None:
    hub = LocalHub(HubSettings(max_sessions=1))
    await hub.publish((report(session="a"),))
    assert await hub.publish((report(session="b"),)) == (Receipt(taken=False),)
    await hub.publish((report(session="a", scene=Scene(ended="completed")),))
    assert (await hub.publish((report(session="b"),)))[0].taken
    assert await texts(hub, "a") is None


async def test_the_hub_tells_how_many_sessions_it_keeps() -> None:
    meters = process_meters()
    assert isinstance(meters, PrometheusMeters)
    hub = Hub.func_or_class(HubSettings())
    await hub.publish((report(session="a"), report(session="b")))
    assert meters.value("dragoman_hub_sessions") == 2


async def test_what_is_over_is_forgotten_although_nobody_comes_any_more() -> None:
    clock = Clock()
    hub = LocalHub(HubSettings(ended_s=60), clock)
    await hub.publish((report(scene=Scene(ended="completed")),))
    assert hub.sessions == 1
    clock.now_s = 61
    assert hub.sessions == 0
    meters = process_meters()
    assert isinstance(meters, PrometheusMeters)
    meters.set(catalogue.HUB_SESSIONS, 7)
    await Hub.func_or_class(HubSettings()).check_health()
    assert meters.value("dragoman_hub_sessions") == 0


async def test_sessions_are_forgotten_after_their_end_and_when_nobody_tells_of_them() -> None:
    clock = Clock()
    hub = LocalHub(HubSettings(ended_s=60, silent_s=600), clock)
    await hub.publish((report(session="ended", scene=Scene(ended="completed")), report()))
    clock.now_s = 59
    assert await texts(hub, "ended") == []
    clock.now_s = 61
    assert await texts(hub, "ended") is None
    assert await texts(hub) == []
    clock.now_s = 601
    assert await texts(hub) is None


async def test_a_reader_waits_for_news_and_for_a_session_that_is_yet_to_come() -> None:
    hub = LocalHub()
    waiting = asyncio.create_task(hub.read("s", None, 5.0))
    await asyncio.sleep(0)
    await hub.publish((report(passage(16, "Good")),))
    first = await waiting
    assert first is not None
    waiting = asyncio.create_task(hub.read("s", first.seen, 5.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await hub.publish((report(passage(16, "Good morning"), whole=False),))
    second = await waiting
    assert second is not None
    assert [p.texts[SOURCE].text for p in second.passages] == ["Good morning"]
    assert second.whole is False
    assert hub._waiting == {}


async def test_a_reader_of_an_earlier_hub_is_told_everything() -> None:
    hub = LocalHub()
    await hub.publish((report(passage(16, "Good")),))
    news = await hub.read("s", Seen("another", 1), 0.0)
    assert news is not None
    assert news.whole is True


async def test_a_connection_that_takes_the_session_up_has_the_say() -> None:
    hub = LocalHub()
    told = [passage(16, "One.", closed=True), passage(3_200, "Two thr"), passage(6_400, "Four")]
    await hub.publish((report(*told),))
    before = await hub.read("s", None, 0.0)
    # The speaker got nothing behind "Two", which it still holds, and what is acked.
    resumed = report(passage(3_200, "Two"), at_s=2.0, acked_ms=150)
    await hub.publish((resumed,))
    assert await texts(hub) == ["One.", "Two"]
    after = await hub.read("s", before.seen if before else None, 0.0)
    assert before is not None
    assert after is not None
    assert (after.whole, after.edition != before.edition) == (True, True)
    late = report(passage(9_600, "of the dead one"), whole=False, at_s=1.0)
    assert (await hub.publish((late,)))[0].superseded
    assert await texts(hub) == ["One.", "Two"]


async def test_nothing_is_withdrawn_where_the_speaker_got_all() -> None:
    hub = LocalHub()
    await hub.publish((report(passage(16, "One.", closed=True), passage(3_200, "Two")),))
    before = await hub.read("s", None, 0.0)
    await hub.publish((report(passage(3_200, "Two"), at_s=2.0, acked_ms=150),))
    after = await hub.read("s", None, 0.0)
    assert before is not None
    assert after is not None
    assert after.edition == before.edition


async def test_viewers_add_as_many_languages_as_the_owner_allows() -> None:
    hub = LocalHub()
    assert await hub.want("s", ("fr",)) is Wish.UNKNOWN
    await hub.publish((report(scene=Scene(targets=("de",), addable=1)),))
    assert await hub.want("s", ("de",)) is Wish.GRANTED
    assert await hub.want("s", ("fr",)) is Wish.GRANTED
    assert await hub.want("s", ("fr",)) is Wish.GRANTED
    assert await hub.want("s", ("es",)) is Wish.TOO_MANY
    assert (await hub.publish((report(scene=Scene(addable=1)),)))[0].wanted == ("fr",)


async def test_viewers_are_promised_no_language_that_a_session_cannot_have() -> None:
    hub = LocalHub()
    own = ("de", "es", "fr", "it", "pt", "nl")
    await hub.publish((report(scene=Scene(targets=own, addable=4)),))
    assert await hub.want("s", ("pl", "cs")) is Wish.GRANTED
    assert await hub.want("s", ("sv",)) is Wish.FULL
    both = Scene(targets=(*own, "pl", "cs"), added=("pl", "cs"), addable=0)
    await hub.publish((report(scene=both),))
    assert await hub.want("s", ("pl", "de")) is Wish.GRANTED
    assert await hub.want("s", ("sv",)) is Wish.FULL


async def told_wanted(hub: LocalHub, scene: Scene) -> tuple[str, ...]:
    (receipt,) = await hub.publish((report(scene=scene),))
    return receipt.wanted


async def test_a_language_goes_when_nobody_reads_in_it_any_more() -> None:
    clock = Clock()
    hub = LocalHub(HubSettings(unread_s=60), clock)
    own = Scene(targets=("de",), addable=2)
    both = Scene(targets=("de", "fr", "es"), added=("fr", "es"), addable=2)
    assert await told_wanted(hub, own) == ()
    assert await hub.want("s", ("fr", "es")) is Wish.GRANTED
    assert await told_wanted(hub, own) == ("fr", "es")
    clock.now_s = 50
    await hub.read("s", None, 0.0, ("de", "fr"))
    clock.now_s = 60
    assert await told_wanted(hub, both) == ("fr", "es")
    clock.now_s = 61
    assert await told_wanted(hub, both) == ("fr",)
    # Its place is free for another as soon as the session has let it go.
    assert await hub.want("s", ("it",)) is Wish.TOO_MANY
    assert await told_wanted(hub, Scene(("de", "fr"), ("fr",), 2)) == ("fr",)
    assert await hub.want("s", ("it",)) is Wish.GRANTED
    clock.now_s = 111
    assert await told_wanted(hub, Scene(("de", "fr"), ("fr",), 2)) == ("it",)


async def test_a_new_hub_takes_nothing_away_before_readers_have_come_back() -> None:
    clock = Clock()
    hub = LocalHub(HubSettings(unread_s=60), clock)
    added = Scene(targets=("de", "fr"), added=("fr",), addable=1)
    assert await told_wanted(hub, added) == ("fr",)
    clock.now_s = 60
    assert await told_wanted(hub, added) == ("fr",)
    clock.now_s = 61
    assert await told_wanted(hub, added) == ()
    # Whoever reads in a language that was lost on the way has it again.
    await hub.read("s", None, 0.0, ("fr",))
    assert await told_wanted(hub, Scene(targets=("de",), addable=1)) == ("fr",)


async def test_what_the_owner_asks_for_itself_stays() -> None:
    clock = Clock()
    hub = LocalHub(HubSettings(unread_s=60), clock)
    await told_wanted(hub, Scene(targets=("de",), addable=1))
    await hub.want("s", ("fr",))
    assert await told_wanted(hub, Scene(targets=("de", "fr"), addable=1)) == ()
    assert await hub.want("s", ("es",)) is Wish.TOO_MANY
    clock.now_s = 61
    assert await told_wanted(hub, Scene(targets=("de", "fr"), addable=1)) == ()
    assert await hub.want("s", ("es",)) is Wish.GRANTED


def read_all(reader: Reader, copy: Copy) -> list[ev.Event]:
    return list(reader.events(copy))


def written(told: Sequence[ev.Event]) -> tuple[str, str]:
    """Source text and translation."""
    spoken = "".join(e.text for e in told if isinstance(e, ev.TranscriptCommitted))
    return spoken, "".join(e.text for e in told if isinstance(e, ev.TranslationCommitted))


@pytest.mark.parametrize("seed", range(20))
async def test_a_reader_reads_all_once_whenever_it_looks_and_wherever_it_goes_on(seed: int) -> None:
    rng = random.Random(seed)
    hub, copy, seen = LocalHub(), Copy(Limits()), None
    manuscript = Manuscript("s", 1.0, Limits())
    manuscript.note(ev.SessionCreated("s", {"target": ("de",)}), 1.0)
    reader = Reader("s", (SOURCE, "de"))
    told: list[ev.Event] = []
    said = [f"w{at}{'.' if rng.random() < 0.3 else ''} " for at in range(60)] + ["end."]
    start = None
    for at, word in enumerate(said):
        first = start is None
        start = at * 1_600 if start is None else start
        words = (ev.TimedWord(word, (start if first else at * 1_600) // 16, at * 100 + 90, 1.0),)
        closed = "." in word
        manuscript.note(
            ev.TranscriptCommitted(
                f"s.{start}", "s.u0", word, start // 16, at * 100 + 90, "en", closed, words
            ),
            1.0,
        )
        manuscript.note(ev.TranslationCommitted(f"s.{start}", "de", word.upper(), closed), 1.0)
        start = None if closed else start
        if rng.random() < 0.5:
            (receipt,) = await hub.publish((manuscript.report(),))
            manuscript.settle(None if rng.random() < 0.3 else receipt)
        if rng.random() < 0.1:
            hub = LocalHub()
        if rng.random() < 0.4 and (news := await hub.read("s", seen, 0.0)) is not None:
            copy.take(news)
            seen = news.seen
            told += read_all(reader, copy)
        if rng.random() < 0.1:
            cursor = Cursor.decode(reader.cursor.encode())
            assert cursor == reader.cursor
            reader = Reader("s", (SOURCE, "de"), cursor)
    for _ in range(2):  # The heartbeat, after which a new hub has asked for everything.
        (receipt,) = await hub.publish((manuscript.report(),))
        manuscript.settle(receipt)
    assert not manuscript.has_news
    news = await hub.read("s", None, 0.0)
    assert news is not None
    copy.take(news)
    told += read_all(reader, copy)
    assert written(told) == ("".join(said), "".join(said).upper())
    assert all(e.resumed for e in told[1:] if isinstance(e, ev.ViewerJoined))


def test_volatile_text_and_speech_are_told_as_they_are_now() -> None:
    manuscript, copy = Manuscript("s", 1.0, Limits()), Copy(Limits())
    reader = Reader("s", (SOURCE, "de"))
    for tail in ("Go", "Good mor"):
        manuscript.note(ev.TranscriptPartial("s.u0", tail), 1.0)
    manuscript.note(ev.SpeechStarted(10, "s.u0"), 1.0)
    copy.scene = manuscript.scene
    assert read_all(reader, copy)[1:] == [
        ev.SpeechStarted(10, "s.u0"),
        ev.TranscriptPartial("s.u0", "Good mor"),
    ]
    assert read_all(reader, copy) == []
    manuscript.note(ev.TranscriptPartial("s.u0", ""), 1.0)
    manuscript.note(ev.SpeechStopped(20, "s.u0"), 1.0)
    copy.scene = manuscript.scene
    assert read_all(reader, copy) == [
        ev.SpeechStopped(20, "s.u0"),
        ev.TranscriptPartial("s.u0", ""),
    ]
    assert copy.scene.tails == {}
    assert Tail("s.u0", "") not in copy.scene.tails.values()


def test_who_begins_to_share_in_the_middle_of_a_segment_shares_from_the_next() -> None:
    manuscript = Manuscript("s", 1.0, Limits())
    late = ev.TimedWord("world", 500, 600, 1.0)
    manuscript.note(
        ev.TranscriptCommitted("s.16", "s.u0", "world", 1, 600, "en", True, (late,)), 1.0
    )
    manuscript.note(ev.TranslationCommitted("s.16", "de", "Welt"), 1.0)
    assert manuscript.report().passages == ()


def test_a_cursor_of_nobody_knows_what_is_none() -> None:
    for text in ("", "12", "{}", "[1]", '[1,{"de":[1]},0]', "x" * 9_999):
        assert Cursor.decode(text) is None


def test_text_that_was_withdrawn_is_told_anew_with_a_word_about_it() -> None:
    copy = Copy(Limits())
    copy.passages.put(passage(16, "Good morn"))
    reader = Reader("s", (SOURCE,))
    read_all(reader, copy)
    copy.edition = 7
    copy.passages.put(passage(16, "Good evening."))
    told = read_all(reader, copy)
    assert told[0] == ev.ViewerJoined("s", (), resumed=False, complete=True)
    assert written(told) == ("Good evening.", "")
