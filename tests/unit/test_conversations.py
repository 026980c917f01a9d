"""Two sides of a conversation, each in a language of its own; consent; nobody else reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from deployments.boards import Limits, News, Passage, Report, Scene, Seen, Text
from deployments.hub import HubSettings, LocalHub
from deployments.tables import Table
from deployments.types import StageInfo
from serve_app.api.service import Service
from serve_app.viewers import conversation, lobby, newsroom
from serve_app.viewers.captions import MAX_CURSOR_CHARACTERS, Cursor, Place
from serve_app.viewers.links import Invitation
from tests.support.doors import serving
from tests.support.oracle import (
    EXACT,
    OracleStream,
    account_transcript,
    account_translation,
    speak,
)
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.sockets import Talk, talk
from tests.support.viewers import Viewer, stream_of

ANY = StageInfo("oracle", "1", ())
HOST = speak(session=1, count=16, language="de")
GUEST_LINK = Invitation("c", "guest", float("inf"))
GUEST = speak(session=2, count=16, language="en")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsroom, "BATCH_S", 0.005)
    monkeypatch.setattr(newsroom, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(lobby, "FIND_TIMEOUT_S", 0.5)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    config = oracle_config()
    async with serving(Service(config, OraclePorts(config).ports, ANY, ANY)) as base:
        yield base


async def ask(
    method: str,
    address: str,
    params: dict[str, str] | None = None,
    json: object = None,
    data: bytes | None = None,
) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, address, params=params, json=json, data=data) as answer,
    ):
        if answer.content_type == "application/json":
            return answer.status, await answer.json()
        return answer.status, await answer.text()


async def a_conversation(url: str) -> tuple[str, str, str]:
    """Its address, and the tokens of host and guest."""
    status, created = await ask("POST", f"{url}/v1/conversations")
    assert status == 201
    assert created["host"]["page"] == f"/conversation#{created['id']}.{created['host']['token']}"
    address = f"{url}/v1/conversations/{created['id']}"
    return address, created["host"]["token"], created["guest"]["token"]


@asynccontextmanager
async def speaking(url: str, token: str, language: str) -> AsyncIterator[Talk]:
    async with talk(url, f"?conversation={token}") as speaker:
        await speaker.config(format="pcm_s16le", source=language)
        await speaker.until("session.created")
        yield speaker


def reading(address: str, token: str, language: str) -> AbstractAsyncContextManager[Viewer]:
    return stream_of(f"{address}/events", {"token": token, "language": language})


async def finish(speaker: Talk, stream: OracleStream) -> None:
    await speaker.audio(stream.pcm())
    await speaker.end()
    assert await speaker.rest() == 1000


async def until_closed(viewer: Viewer, count: int) -> None:
    while sum(e["type"] == "session.closed" for e in viewer.told) < count:
        assert await viewer.next() is not None


def of(viewer: Viewer, side: str) -> list[dict[str, Any]]:
    return [e for e in viewer.told if e.get("side") == side]


async def test_each_side_reads_its_own_words_and_the_others_in_its_language(url: str) -> None:
    address, host, guest = await a_conversation(url)
    async with (
        reading(address, host, "de") as by_host,
        reading(address, guest, "en") as by_guest,
        speaking(url, host, "de") as host_speaks,
        speaking(url, guest, "en") as guest_speaks,
    ):
        # What is said before the session knows the other's language has no translation into it.
        assert (await host_speaks.until("session.updated"))["config"]["target"] == ["en"]
        assert (await guest_speaks.until("session.updated"))["config"]["target"] == ["de"]
        await asyncio.gather(finish(host_speaks, HOST), finish(guest_speaks, GUEST))
        for viewer in (by_host, by_guest):
            await until_closed(viewer, 2)
    assert account_transcript(of(by_host, "host"), HOST) == EXACT
    assert account_transcript(of(by_guest, "guest"), GUEST) == EXACT
    for viewer, other, stream, target in (
        (by_host, "guest", GUEST, "de"),
        (by_guest, "host", HOST, "en"),
    ):
        translated = [e for e in of(viewer, other) if e["type"] == "translation.committed"]
        homes = [
            e for e in (host_speaks.wire if other == "host" else guest_speaks.wire)
            if e["type"] == "transcript.committed"
        ]  # fmt: skip
        assert account_translation([*homes, *translated], stream, target) == EXACT
        kinds = {e["type"] for e in of(viewer, other)}
        assert {"speech.started", "speech.stopped"} <= kinds
        assert "transcript.committed" not in kinds
        assert all("said_at_ms" in e for e in translated)


async def test_who_comes_late_reads_all_and_sees_who_is_there(url: str) -> None:
    address, host, guest = await a_conversation(url)
    async with reading(address, guest, "en") as waiting:
        assert (await waiting.until("conversation.updated"))["present"] == {
            "host": False,
            "guest": True,
        }
        async with speaking(url, host, "de") as speaker:
            await speaker.until("session.updated")
            await finish(speaker, HOST)
        async with reading(address, host, "de") as late:
            first = await late.until("conversation.updated")
            assert first["you"] == "host"
            assert first["present"] == {"host": True, "guest": True}
            assert first["languages"] == {"host": "de", "guest": "en"}
            await until_closed(late, 1)
            assert account_transcript(of(late, "host"), HOST) == EXACT
        there = await waiting.until("conversation.updated")
        assert there["present"]["host"] is True


async def test_a_connection_goes_on_where_the_one_before_it_was(url: str) -> None:
    address, host, guest = await a_conversation(url)
    address_of_events = f"{address}/events"
    keys: dict[str, Any] = {"token": guest, "language": "en"}
    half = HOST.length_samples // 2
    async with speaking(url, host, "de") as speaker:
        async with stream_of(address_of_events, keys) as first:
            assert (await speaker.until("session.updated"))["config"]["target"] == ["en"]
            await speaker.audio(HOST.pcm(0, half))
            await first.until("translation.committed")
        await speaker.audio(HOST.pcm(half))
        await speaker.end()
        assert await speaker.rest() == 1000
        async with stream_of(address_of_events, keys, first.last_id) as again:
            await until_closed(again, 1)
        async with stream_of(address_of_events, keys) as anew:
            await until_closed(anew, 1)
        async with stream_of(address_of_events, {**keys, "language": "fr"}, again.last_id) as other:
            await other.until("viewer.joined")
    joins = [e["resumed"] for v in (again, anew, other) for e in v.told if "resumed" in e]
    assert joins == [True, False, False]
    assert again.told[0]["type"] == "conversation.updated"
    told = first.told + again.told
    homes = [e for e in speaker.wire if e["type"] == "transcript.committed"]
    for read in (told, anew.told):
        translated = [e for e in read if e["type"] == "translation.committed"]
        assert account_translation([*homes, *translated], HOST, "en") == EXACT


def test_an_id_of_too_many_sessions_is_that_of_the_newest() -> None:
    cursors = {
        f"s{number:020}": Cursor(number, (("en", Place(number, 1)),)) for number in range(64)
    }
    text = Cursor.encode_all(cursors)
    kept = Cursor.decode_all(text)
    assert len(text) <= MAX_CURSOR_CHARACTERS
    assert kept == dict(list(cursors.items())[-len(kept) :])
    assert len(kept) > 30
    for wrong in ("", "[]", "7", '{"s":1}', '{"s":[1,{"en":[1]},0]}', text[:-1]):
        assert Cursor.decode_all(wrong) == {}
    for wrong in ("[1e999,{},0]", "[" * MAX_CURSOR_CHARACTERS):
        assert Cursor.decode(wrong) is None
        assert Cursor.decode_all(f'{{"s":{wrong}}}') == {}


async def test_a_released_button_ends_the_turn_and_the_indicator(url: str) -> None:
    address, host, guest = await a_conversation(url)
    async with reading(address, guest, "en") as by_guest, speaking(url, host, "de") as speaker:
        word = HOST.words[1]
        await speaker.audio(HOST.pcm(0, word.end_samples + 1_600))
        await by_guest.until("speech.started")
        await speaker.socket.send_json({"type": "flush"})
        await speaker.until("flushed")
        await by_guest.until("speech.stopped")
        told = await by_guest.until("translation.committed")
        assert told["text"].startswith("t[en]")
        await speaker.end()
        assert await speaker.rest() == 1000


async def test_a_transcript_takes_the_consent_of_both(url: str) -> None:
    address, host, guest = await a_conversation(url)
    keys = {"token": host}

    async def says(token: str, action: str) -> dict[str, Any]:
        status, told = await ask(
            "POST", f"{address}/consent", params={"token": token}, json={"action": action}
        )
        assert status == 200
        result: dict[str, Any] = told
        return result

    async def export(**more: str) -> tuple[int, Any]:
        return await ask("GET", f"{address}/transcript", params={**keys, **more})

    async with reading(address, guest, "en") as by_guest:
        await by_guest.until("conversation.updated")
        async with speaking(url, host, "de") as speaker:
            await speaker.until("session.updated")
            await finish(speaker, HOST)
        status, refused = await export()
        assert (status, refused["error"]["code"]) == (403, "consent_missing")
        assert "the host and the guest did not yet" in refused["error"]["message"]
        assert (await says(host, "request"))["consent_asked_by"] == "host"
        assert (await by_guest.until("conversation.updated"))["consent_asked_by"] == "host"
        assert "and the guest did not yet" in (await export())[1]["error"]["message"]
        told = await says(guest, "give")
        assert told["consents"] == {"host": True, "guest": True}
        assert told["consent_asked_by"] is None
        status, text = await export()
        assert status == 200
        status, written = await export(format="json")
        spoken = " ".join(e["text"] for e in written["segments"])
        assert account_words(spoken) == account_words(HOST_TEXT)
        assert {e["side"] for e in written["segments"]} == {"host"}
        assert all(e["translation"].startswith("t[en]") for e in written["segments"])
        assert written["segments"][0]["text"] in text
        await says(guest, "withdraw")
        assert (await export())[0] == 403


HOST_TEXT = " ".join(word.word.text for word in HOST.words)


def account_words(text: str) -> list[str]:
    return [word.strip(".,?") for word in text.split()]


async def test_nobody_else_gets_in(url: str) -> None:
    address, _, guest = await a_conversation(url)
    other_address, other_host, _ = await a_conversation(url)
    for path in ("events", "transcript"):
        keys = {"language": "de"} if path == "events" else {}
        for token, status, code in (
            (other_host, 403, "foreign_link"),
            ("x", 401, "invalid_conversation_token"),
        ):
            answer = await ask("GET", f"{address}/{path}", params={"token": token, **keys})
            assert (answer[0], answer[1]["error"]["code"]) == (status, code)
    async with speaking(url, guest, "en") as speaker:
        created = speaker.wire[0]
        assert created["viewer_token"] is None
        events = f"{url}/v1/sessions/{created['session_id']}/events"
        assert (await ask("GET", events, params={"token": guest}))[0] == 401
        async with reading(other_address, other_host, "de") as stranger:
            await finish(speaker, GUEST)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(until_closed(stranger, 1), 1)
    assert {e["type"] for e in stranger.told} == {"conversation.updated"}
    async with talk(url, f"?conversation={guest}") as turncoat:
        await turncoat.config(format="pcm_s16le", conversation=None)
        assert await turncoat.rest() == 1008
    assert turncoat.wire[0]["code"] == "invalid_request"
    async with talk(url) as thief:
        await thief.config(format="pcm_s16le", conversation="c1.x.y")
        assert await thief.rest() == 1008
    assert thief.wire[0]["code"] == "invalid_conversation_token"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"action": "sell"}', b"[1]"])
async def test_a_word_on_consent_that_is_none_is_refused(url: str, body: bytes) -> None:
    address, host, _ = await a_conversation(url)
    status, told = await ask("POST", f"{address}/consent", params={"token": host}, data=body)
    assert (status, told["error"]["param"]) == (400, "action")


def test_consent_is_each_sides_own() -> None:
    table = Table(0.0)
    table.agree("guest", "give", 1.0)
    assert table.now.asked_by is None
    table.agree("host", "request", 2.0)
    assert table.now.asked_by is None
    assert table.now.is_agreed
    table.agree("guest", "withdraw", 3.0)
    assert not table.now.is_agreed
    table.agree("host", "request", 4.0)
    assert table.now.asked_by == "host"
    table.agree("host", "withdraw", 5.0)
    assert table.now.asked_by is None


async def test_who_does_not_read_any_more_has_gone() -> None:
    class Clock:
        now_s = 0.0

        def __call__(self) -> float:
            return self.now_s

    clock = Clock()
    hub = LocalHub(HubSettings(), clock)
    await hub.attend("c", "guest", "en", None, 0.0)
    clock.now_s = 13.0
    news = await hub.attend("c", "host", "de", None, 0.0)
    assert {side: seat.present for side, seat in news.now.seats.items()} == {
        "host": True,
        "guest": False,
    }
    clock.now_s = 700.0
    assert (await hub.look("c")).seats["host"].language == ""


class Flaky(LocalHub):
    """A hub whose sessions cannot be read while it is down."""

    down = False

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        if self.down:
            raise ConnectionError("down")
        return await super().read(session_id, seen, wait_s, languages)


def said(start: int, text: str, *, whole: bool = False) -> Report:
    texts = {"en": Text(text, True)}
    passage = Passage(f"s.{start}", "s.u0", start, start // 16, start // 16 + 9, "de", 0.0, texts)
    return Report("s", 1.0, (passage,), Scene(), whole=whole, conversation="c", side="host")


async def test_a_hub_that_was_away_for_long_is_heard_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lobby, "LOST_S", 0.05)
    monkeypatch.setattr(lobby, "RETRY_S", 0.01)
    monkeypatch.setattr(lobby, "READ_WAIT_S", 0.02)
    monkeypatch.setattr(conversation, "ATTEND_S", 0.02)
    hub = Flaky()
    await hub.publish((said(16, "one", whole=True),))
    meeting = lobby.Lobby(hub, Limits())
    listener = conversation.Listener(hub, meeting, GUEST_LINK, "en")
    heard: list[str] = []

    async def hear(batches: AsyncGenerator[list[conversation.Told], None], count: int) -> None:
        async for batch in batches:
            wires = [told.wire for told in batch]
            heard.extend(e["text"] for e in wires if e["type"] == "translation.committed")
            if len(heard) == count:
                return

    async with asyncio.timeout(20), aclosing(listener.news(0.01)) as batches:
        await hear(batches, 1)
        hub.down = True
        async with meeting.follow("s") as followed:
            while not followed.lost:
                await followed.changed(followed.version, 1.0)
        hub.down = False
        await hub.publish((said(32, "two"),))
        await hear(batches, 2)
    assert heard == ["one", "two"]


async def test_forgotten_sessions_are_looked_for_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lobby, "FIND_TIMEOUT_S", 0.4)
    monkeypatch.setattr(lobby, "READ_WAIT_S", 0.1)
    hub = LocalHub()
    table = hub._table("c")
    for number in range(12):
        table.speak("host", f"gone{number}", 0.0)
    await hub.publish((said(16, "here", whole=True),))
    listener = conversation.Listener(hub, lobby.Lobby(hub, Limits()), GUEST_LINK, "en")
    texts: list[str] = []
    # One after the other they would take almost five seconds.
    async with asyncio.timeout(3), aclosing(listener.news(0.05)) as batches:
        async for batch in batches:
            wires = [told.wire for told in batch]
            texts += [e["text"] for e in wires if e["type"] == "translation.committed"]
            if texts:
                break
    assert texts == ["here"]


async def test_who_cannot_be_translated_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ATTEND_S", 0.05)
    hub = LocalHub()
    full = Scene(targets=("de", "es", "fr", "it", "pt", "nl", "pl", "cs"))
    await hub.publish((replace(said(16, "eins", whole=True), scene=full),))
    listener = conversation.Listener(hub, lobby.Lobby(hub, Limits()), GUEST_LINK, "en")
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(10), aclosing(listener.news(0.05)) as batches:
        async for batch in batches:
            told += [one.wire for one in batch]
            if any(e["type"] == "warning" for e in told):
                break
        for _ in range(5):
            told += [one.wire for one in await anext(batches)]
    (warning,) = [e for e in told if e["type"] == "warning"]
    assert (warning["code"], warning["side"]) == ("target_not_available", "host")
    assert warning["message"].startswith("What the other side says is not translated into en: ")


async def test_two_readers_of_one_side_do_not_take_turns() -> None:
    hub = LocalHub()
    first = await hub.attend("c", "guest", "en", None, 0.0)
    second = await hub.attend("c", "guest", "fr", None, 0.0)
    assert second.now.seats["guest"].language == "fr"
    again = await hub.attend("c", "guest", "en", first.seen, 0.0)
    assert again.now.seats["guest"].language == "fr"
    settled = await hub.attend("c", "guest", "fr", second.seen, 0.0)
    assert settled.seen == again.seen == second.seen


async def test_a_table_that_had_to_make_room_learns_its_languages_again() -> None:
    hub = LocalHub(HubSettings(max_sessions=1))
    first = await hub.attend("one", "guest", "en", None, 0)
    await hub.attend("another", "guest", "es", None, 0)
    again = await hub.attend("one", "guest", "en", first.seen, 0)
    assert again.now.seats["guest"].language == "en"
