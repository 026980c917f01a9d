"""WS /v1/stream over a real socket: the events of the POST door, updates, resume, bounds, codes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import aiohttp
import pytest
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from deployments.types import Draft, MtRequest, StageInfo, VadAnswer, VadRequest
from serve_app.api import boxes, sockets
from serve_app.api.native_socket import NativeConversation, opening_of
from serve_app.api.query import StreamQuery, session_options
from serve_app.api.resume import Resuming, TokenWriter
from serve_app.api.service import Service
from serve_app.api.viewers import Audience
from serve_app.client.resume import Memory
from serve_app.limits.settings import LimitSettings
from serve_app.session import effects as fx
from serve_app.session.audio import BYTES_PER_SAMPLE, to_samples
from serve_app.session.events import Event
from serve_app.session.options import SessionOptions
from serve_app.session.presets import PRESETS
from serve_app.session.resume import ResumePoint
from serve_app.session.session import Session
from tests.support.doors import ScriptedPort, scripted_service, serving
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.scripted import Script, Spoken
from tests.support.sockets import Talk, talk

WORDS = [Spoken("Good", 300, 600), Spoken("morning.", 600, 1100)]
ANY = StageInfo("oracle", "1", ())


def script() -> Script:
    return Script(list(WORDS), length_ms=2500)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(script())) as base:
        yield base


def said(one: Talk) -> str:
    return "".join(e["text"] for e in one.wire if e["type"] == "transcript.committed")


def translated(one: Talk) -> list[tuple[str, str]]:
    return [(e["target"], e["text"]) for e in one.wire if e["type"] == "translation.committed"]


async def test_config_audio_and_end_give_the_events_of_the_other_door(url: str) -> None:
    async with talk(url) as one:
        await one.config(format="pcm_s16le", target=["de", "es"], source="en")
        await one.audio(script().pcm())
        await one.end()
        assert await one.rest() == 1000
    assert one.wire[0]["type"] == "session.created"
    assert one.wire[0]["config"]["target"] == ["de", "es"]
    assert one.wire[0]["acked_ms"] == 0
    assert one.wire[0]["resume_token"].startswith("d1.")
    assert [e["seq"] for e in one.wire] == list(range(1, len(one.wire) + 1))
    assert said(one) == "Good morning."
    assert translated(one) == [("de", "<de>Good morning."), ("es", "<es>Good morning.")]
    assert one.wire[-1]["usage"]["audio_ms"] == 2500
    assert [e["type"] for e in one.wire if "utterance_id" in e and "text" not in e] == [
        "speech.started",
        "speech.stopped",
        "utterance.completed",
    ]


async def test_query_keys_do_instead_of_a_config_message(url: str) -> None:
    async with talk(url, "?format=pcm_s16le&target=de&partials=false") as one:
        await one.audio(script().pcm())
        await one.end()
        assert await one.rest() == 1000
    assert said(one) == "Good morning."
    assert "transcript.partial" not in {e["type"] for e in one.wire}


async def test_targets_change_in_the_middle(url: str) -> None:
    async with talk(url) as one:
        await one.config(format="pcm_s16le", target="de")
        await one.until("session.created")
        await one.config(target=["es"])
        updated = await one.until("session.updated")
        assert updated["config"]["target"] == ["es"]
        assert updated["config"]["format"] == "pcm_s16le"
        await one.audio(script().pcm())
        await one.end()
        assert await one.rest() == 1000
    assert translated(one) == [("es", "<es>Good morning.")]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "config", "sauce": "en"}, "unknown_parameter"),
        ({"type": "config", "source": "xx"}, "unsupported_language"),
        ({"type": "config", "rate": 1, "format": "pcm_s16le"}, "unsupported_rate"),
        ({"type": "config", "resume_token": "d1.x.y"}, "invalid_resume_token"),
        ({"type": "config", "resume_token": "d1.x.y", "segments": [{}]}, "invalid_segment"),
        ({"type": "hello"}, "invalid_message"),
        (["config"], "invalid_message"),
    ],
)
async def test_a_bad_opening_is_told_why_and_closed_with_1008(
    url: str, first: object, code: str
) -> None:
    async with talk(url) as one:
        await one.socket.send_json(first)
        assert await one.rest() == 1008
    assert [(e["type"], e["code"]) for e in one.wire] == [("error", code)]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_message"),
        ('{"type":"config","rate":8000}', "not_changeable"),
        ('{"type":"config","target":["xx"]}', "unsupported_language"),
    ],
)
async def test_a_bad_message_in_the_middle_ends_the_session_after_what_was_said(
    url: str, message: str, code: str
) -> None:
    async with talk(url, "?format=pcm_s16le&target=de") as one:
        await one.audio(script().pcm())
        await one.until("translation.committed")
        await one.socket.send_str(message)
        assert await one.rest() == 1008
    assert [e.get("code") for e in one.wire if e["type"] == "error"] == [code]
    assert one.wire[-1]["reason"] == "error"


async def test_audio_that_is_none_is_refused(url: str) -> None:
    async with talk(url) as one:
        await one.audio(b"no audio, just words")
        assert await one.rest() == 1008
    assert [e["code"] for e in one.wire if e["type"] == "error"] == ["unknown_format"]


class Stuck(ScriptedPort):
    """Hears nothing until it may."""

    def __init__(self, free: asyncio.Event) -> None:
        super().__init__(script())
        self._free = free

    async def detect(self, request: VadRequest) -> VadAnswer:
        await self._free.wait()
        return await super().detect(request)


async def test_audio_that_runs_ahead_is_slowed_down_and_then_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boxes, "SLOW_DOWN_BYTES", 100_000)
    free = asyncio.Event()
    service = scripted_service(script())
    limits = LimitSettings().model_copy(update={"waiting_audio_bytes": 400_000})
    service = replace(service, config=service.config.model_copy(update={"limits": limits}))
    object.__setattr__(service.ports, "vad", Stuck(free))
    async with serving(service) as url, talk(url, "?format=pcm_s16le") as one:
        held_bytes = 60 * 32_000
        await one.audio(script().pcm() + bytes(held_bytes + 100_000), 32_000)
        slow = await one.until("slow_down")
        assert 100_000 < slow["waiting_bytes"] <= 132_000
        await one.audio(bytes(400_000), 32_000)
        assert (await one.until("error"))["code"] == "too_far_ahead"
        free.set()
        assert await one.rest() == 1013
    assert said(one) == "Good morning."


async def test_a_first_message_that_is_too_much_is_told_as_any_other() -> None:
    service = scripted_service(script())
    limits = LimitSettings().model_copy(
        update={"waiting_audio_bytes": 30_000, "message_bytes": 100_000}
    )
    service = replace(service, config=service.config.model_copy(update={"limits": limits}))
    async with serving(service) as url, talk(url, "?format=pcm_s16le") as one:
        await one.audio(bytes(50_000), 50_000)
        assert (await one.until("error"))["code"] == "too_far_ahead"
        assert await one.rest() == 1013


class Deaf:
    """A connection whose client reads nothing."""

    application_state = WebSocketState.CONNECTED

    def __init__(self, pcm: bytes) -> None:
        self._messages = [{"type": "websocket.receive", "bytes": pcm}]
        self.closed: list[tuple[int, str]] = []

    async def receive(self) -> dict[str, object]:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def send_text(self, text: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class Gone(Deaf):
    """A connection whose client has left."""

    async def send_text(self, text: str) -> None:
        raise WebSocketDisconnect(1006)


async def test_who_has_gone_is_told_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    service = scripted_service(script())
    assert not await sockets.send(cast("WebSocket", Gone(b"")), "{}")
    socket = Gone(script().pcm())
    with service.open(Session("s", SessionOptions()), "ws") as runner:
        conversation = Quiet()
        call = sockets.Call(
            cast("WebSocket", socket), conversation, runner, lambda items: items, LimitSettings()
        )
        await asyncio.wait_for(call.run({}), 30)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


class Quiet:
    """A conversation that tells every event in the same words."""

    def receive(self, message: str | bytes) -> list[sockets.Request]:
        return []

    def tell(self, emit: fx.Emit) -> list[boxes.Message]:
        return [boxes.Message("{}")]


async def test_a_stage_that_breaks_ends_the_session_with_1011() -> None:
    class Broken(ScriptedPort):
        async def translate(self, request: MtRequest) -> Draft:
            raise ZeroDivisionError

    service = scripted_service(script())
    object.__setattr__(service.ports, "mt", Broken(script()))
    async with serving(service) as url, talk(url, "?format=pcm_s16le&target=de") as one:
        await one.audio(script().pcm())
        await one.end()
        assert await one.rest() == 1011
    assert [e["type"] for e in one.wire[-2:]] == ["error", "session.closed"]
    assert one.wire[-2]["retryable"] is True


async def test_a_client_that_reads_nothing_is_cut() -> None:
    service = scripted_service(script())
    socket = Deaf(script().pcm())
    query = StreamQuery(format="pcm_s16le", target=("de",))
    tokens = TokenWriter(Resuming(service.config.resume.signer()), "s", {})
    sharing = Audience(service).share("s", lambda _: None, ())
    conversation = NativeConversation(service, query, tokens, sharing)
    limits = LimitSettings().model_copy(update={"unsent_events": 2})
    with service.open(Session("s", SessionOptions()), "ws") as runner:
        call = sockets.Call(
            cast("WebSocket", socket), conversation, runner, lambda items: items, limits
        )
        await asyncio.wait_for(call.run({}), 30)
    assert [code for code, _ in socket.closed] == [1013]


class Broken:
    """A conversation with a defect."""

    def receive(self, message: str | bytes) -> list[sockets.Request]:
        raise TypeError("a defect")

    def tell(self, emit: fx.Emit) -> list[boxes.Message]:
        return []


async def test_a_defect_is_no_normal_end() -> None:
    service = scripted_service(script())
    socket = Deaf(script().pcm())
    with service.open(Session("s", SessionOptions()), "ws") as runner:
        call = sockets.Call(
            cast("WebSocket", socket), Broken(), runner, lambda items: items, LimitSettings()
        )
        await asyncio.wait_for(call.run({}), 30)
    assert socket.closed == [(1011, "internal_error")]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("[" * 100_000, "json_too_deep"),
        ('{"type": "config", "source": "\\ud800"}', "invalid_message"),
        ('{"type": "config"', "invalid_message"),
    ],
    ids=["deep", "surrogate", "cut"],
)
async def test_no_message_is_too_odd_to_be_refused(url: str, message: str, code: str) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/v1/stream") as socket:
        await socket.send_str(message)
        told = await socket.receive_json()
        assert (told["type"], told["code"]) == ("error", code)
        assert (await socket.receive()).data == 1008


async def test_a_client_may_end_at_once(url: str) -> None:
    query = "format=pcm_s16le&target=de"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/stream?{query}") as socket,
    ):
        await socket.send_json({"type": "end"})
        told = [message.json() async for message in socket]
    assert [event["type"] for event in told] == ["session.created", "session.closed"]


def test_a_resumed_session_keeps_every_option() -> None:
    service = scripted_service(script())
    service = replace(service, mt=replace(service.mt, takes_glossary=True, takes_open=True))
    resuming = Resuming(service.config.resume.signer())
    config = {
        **{"type": "config", "target": ["de", "es"], "source": "en", "hotwords": "Zürich"},
        **{"delay": "low", "policy": "alignatt", "glossary": ["de:morning=Morgen"]},
    }
    none = QueryParams("")
    first = opening_of(none, config, service, resuming)
    point = ResumePoint.beginning(first.query.target)
    token = resuming.token(first.session_id, first.query.model_dump(mode="json"), point)
    # The replica that takes over was configured otherwise since.
    other = replace(service, mt=replace(service.mt, takes_open=False))
    again = opening_of(none, {"type": "config", "resume_token": token}, other, resuming)
    assert again.query == first.query
    options = session_options(other, again.query)
    assert options == session_options(service, first.query)
    assert (options.mt_mode, options.policy.name, options.hotwords) == (
        "append",
        "alignatt",
        "Zürich",
    )
    assert options.glossary == {"de": (("morning", "Morgen"),)}
    assert options.window == PRESETS["low"].window


def oracle_service() -> Service:
    config = oracle_config(asr={"delay_ms": 2, "unsure_rate": 0.3}, mt={"delay_ms": 5})
    return Service(config, OraclePorts(config).ports, ANY, ANY)


async def test_a_client_that_is_cut_again_and_again_loses_and_doubles_nothing() -> None:
    stream, rng = speak(7, 40), random.Random(7)
    memory, told = Memory(), []
    connections = 0

    def hear(one: Talk, known: int) -> int:
        for event in one.events[known:]:
            memory.note(event)
            told.append(event)
        return len(one.wire)

    service = oracle_service()
    async with serving(service) as first, serving(service) as second:
        while not told or told[-1].type != "session.closed":
            connections += 1
            async with talk((first, second)[connections % 2]) as one:
                await open_or_resume(one, memory)
                begin = memory.acked_ms * BYTES_PER_SAMPLE * to_samples(1)
                await one.audio(stream.pcm()[begin:], 32_000)
                await one.end()
                known, events = 0, rng.randint(5, 30) if connections < 8 else 10_000
                while len(one.wire) < events and await one.next() is not None:
                    known = hear(one, known)
    assert connections > 2
    assert account_transcript(told, stream) == EXACT
    assert account_translation(told, stream, "de") == EXACT


async def open_or_resume(one: Talk, memory: Memory) -> None:
    if memory.resume_token is None:
        await one.config(format="pcm_s16le", target=["de"])
    else:
        await one.socket.send_json(memory.message())


async def test_a_resumed_session_keeps_its_name_and_options(url: str) -> None:
    memory = Memory()
    async with talk(url) as one:
        await one.config(format="pcm_s16le", target=["de"], partials=False)
        await one.until("session.created")
        note_all(memory, one.events)
    async with talk(url, "?target=es&format=wav") as two:
        await two.socket.send_json(memory.message())
        created = await two.until("session.created")
        await two.audio(script().pcm())
        await two.end()
        assert await two.rest() == 1000
    assert created["session_id"] == one.wire[0]["session_id"]
    assert created["config"] == one.wire[0]["config"]
    assert translated(two) == [("de", "<de>Good morning.")]


def note_all(memory: Memory, events: list[Event]) -> None:
    for event in events:
        memory.note(event)
