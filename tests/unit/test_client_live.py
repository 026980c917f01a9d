"""The client against real doors: whole sessions, cut connections, servers that come and go."""

from __future__ import annotations

import asyncio
import io
import random
import threading
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from deployments.types import StageInfo
from serve_app.api.service import Service
from serve_app.client import (
    AsyncClient,
    Client,
    Reconnected,
    Reconnecting,
    RetryPolicy,
    connection,
    live,
)
from serve_app.client.errors import (
    ConnectionBrokenError,
    KeptAudioFullError,
    MalformedEventError,
    NoSessionError,
    RequestRejectedError,
    ServerUnreachableError,
    SessionRefusedError,
    UsageError,
)
from serve_app.client.pacing import BYTES_PER_MS
from serve_app.config import SessionSettings
from serve_app.session import events as ev
from serve_app.session.events import Event
from tests.support.doors import scripted_service, serving
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.relay import relay, relays
from tests.support.scripted import Script, Spoken

WORDS = [Spoken("Good", 300, 600), Spoken("morning.", 600, 1100)]
ANY = StageInfo("oracle", "1", ())
QUICK = RetryPolicy(first_s=0.01, longest_s=0.05, give_up_after_s=20)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


def script() -> Script:
    return Script(list(WORDS), length_ms=2500)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(script())) as base:
        yield base


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A door that does as the test says."""
    async with AsyncExitStack() as servers:

        async def start(handler: Handler) -> str:
            app = web.Application()
            app.router.add_get("/v1/stream", handler)
            server = await servers.enter_async_context(TestServer(app))
            return str(server.make_url("/"))

        yield start


async def pieces(pcm: bytes, piece_bytes: int = 6_400) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), piece_bytes):
        yield pcm[at : at + piece_bytes]
        await asyncio.sleep(0)


async def gather(events: AsyncIterator[Event], told: list[Event]) -> None:
    async for event in events:
        told.append(event)


def said(told: list[Event]) -> str:
    return "".join(event.text for event in told if isinstance(event, ev.TranscriptCommitted))


def translated(told: list[Event]) -> list[tuple[str, str]]:
    return [(e.target, e.text) for e in told if isinstance(e, ev.TranslationCommitted)]


async def test_a_session_from_the_first_sample_to_the_last_word(url: str) -> None:
    async with AsyncClient(url).stream(targets=("de", "es"), source="en") as session:
        assert session.session_id
        await session.send(script().pcm())
        await session.end()
        told = [event async for event in session]
        assert session.acked_ms >= 1100
    assert isinstance(told[0], ev.SessionCreated)
    assert told[0].config["target"] == ["de", "es"]
    assert said(told) == "Good morning."
    assert translated(told) == [("de", "<de>Good morning."), ("es", "<es>Good morning.")]
    assert told[-1] == ev.SessionClosed("completed", ev.Usage(2500, 1152, 1))


async def test_a_whole_source_through_one_session(url: str) -> None:
    audio = pieces(script().pcm(), 777)
    told = [event async for event in AsyncClient(url).translate(audio, targets=("de",))]
    assert (said(told), translated(told)) == ("Good morning.", [("de", "<de>Good morning.")])


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(script().pcm())
    return file.getvalue()


async def test_a_file_is_decoded_here(url: str, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav())
    told = [event async for event in AsyncClient(url).translate(tmp_path / "talk.wav")]
    assert said(told) == "Good morning."
    told = [event async for event in AsyncClient(url).translate(io.BytesIO(wav()))]
    assert said(told) == "Good morning."


async def test_what_is_no_audio_says_so(url: str) -> None:
    text = io.BytesIO(b"this is text, not audio" * 100)
    with pytest.raises(UsageError, match=r"cannot be read: .* any audio format known here"):
        await gather(AsyncClient(url).translate(text), [])


async def test_what_could_be_read_is_told_before_reading_fails(url: str) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield script().pcm()
        raise OSError("disk gone")

    told: list[Event] = []
    with pytest.raises(OSError, match="disk gone"):
        await gather(AsyncClient(url).translate(breaking()), told)
    assert said(told) == "Good morning."
    assert told[-1].type == "session.closed"


def oracle_service() -> Service:
    config = oracle_config(asr={"delay_ms": 2, "unsure_rate": 0.3}, mt={"delay_ms": 5})
    return Service(config, OraclePorts(config).ports, ANY, ANY)


async def test_a_client_that_is_cut_at_random_is_told_everything_once() -> None:
    stream, rng = speak(7, 60), random.Random(7)
    service = oracle_service()
    told: list[Event] = []
    async with (
        serving(service) as first,
        serving(service) as second,
        relays([first, second]) as ways,
    ):
        client = AsyncClient([way.url for way in ways], retry=QUICK)
        events = client.translate(pieces(stream.pcm()), targets=("de",))
        cut_after = rng.randint(1, 15)
        async with aclosing(events) as events:
            async for event in events:
                told.append(event)
                cut_after -= 1
                if cut_after == 0:
                    cut_after = rng.randint(5, 30)
                    for way in ways:
                        way.cut()
    assert account_transcript(told, stream) == EXACT
    assert account_translation(told, stream, "de") == EXACT
    assert sum(isinstance(event, ev.SessionCreated) for event in told) == 1
    assert told[-1].type == "session.closed"
    losses = [event for event in told if isinstance(event, Reconnecting)]
    assert len(losses) > 3
    assert {event.url for event in told if isinstance(event, Reconnected)} == {
        way.url for way in ways
    }
    assert all("cut" in event.why or "reset" in event.why.lower() for event in losses)


async def test_servers_that_let_their_sessions_go_again_and_again_lose_none() -> None:
    stream = speak(8, 60)
    service = oracle_service()
    aged = {**dict(service.config.session), "max_age_s": 0.4}
    session = SessionSettings.model_construct(**aged)
    config = service.config.model_copy(update={"session": session})

    async def speaking() -> AsyncIterator[bytes]:
        for piece in stream.pieces(3_200):
            yield piece
            await asyncio.sleep(0.01)

    told: list[Event] = []
    async with (
        serving(replace(service, config=config)) as first,
        serving(replace(service, config=config)) as second,
    ):
        client = AsyncClient([first, second], retry=QUICK)
        await gather(client.translate(speaking(), targets=("de",)), told)
    assert account_transcript(told, stream) == EXACT
    assert account_translation(told, stream, "de") == EXACT
    assert told[-1] == ev.SessionClosed("completed", told[-1].usage)
    kinds = [event.type for event in told]
    # The last may come when all is said.
    assert kinds.count("go_away") >= kinds.count("client.reconnected") > 1
    assert kinds.count("session.closed") == 1


async def test_a_server_that_comes_back_goes_on_with_the_session() -> None:
    service = scripted_service(script())
    port = unused_port()
    client = AsyncClient(f"http://127.0.0.1:{port}", retry=QUICK)
    async with AsyncExitStack() as stack:
        async with serving(service, port):
            session = await stack.enter_async_context(client.stream(targets=("de",)))
            await session.send(script().pcm()[: 800 * BYTES_PER_MS])
        told = session.received()
        while not isinstance((await anext(told)).event, Reconnecting):
            pass
        await session.send(script().pcm()[800 * BYTES_PER_MS :])
        await session.end()
        async with serving(service, port):
            rest = [received.event async for received in told]
    assert said(rest) == "Good morning."
    assert translated(rest) == [("de", "<de>Good morning.")]


async def test_a_connection_that_is_dead_and_does_not_say_so_is_found_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_S", 0.2)
    async with relay(url) as way, AsyncClient(way.url, retry=QUICK).stream() as session:
        way.freeze()
        await session.send(script().pcm())
        await session.end()
        told = [event async for event in session]
    assert said(told) == "Good morning."
    assert way.accepted == 2


async def test_a_source_that_goes_on_is_left_when_the_server_ends_the_session(
    serve: Serve,
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_json(ev.to_wire(1, ev.SessionCreated("s", {})))
        idle = ev.Error("idle_timeout", "No audio came.", retryable=False)
        await socket.send_json(ev.to_wire(2, idle))
        await socket.send_json(ev.to_wire(3, ev.SessionClosed("error")))
        await socket.close(code=1008)
        return socket

    async def silent() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    told: list[Event] = []
    async with asyncio.timeout(10):
        await gather(AsyncClient(await serve(refuse)).translate(silent()), told)
    assert [event.type for event in told] == ["session.created", "error", "session.closed"]


async def test_a_first_address_where_nobody_is_does_not_matter(url: str) -> None:
    client = AsyncClient([f"http://127.0.0.1:{unused_port()}", url], retry=QUICK)
    told = [event async for event in client.translate(pieces(script().pcm()))]
    assert said(told) == "Good morning."
    assert told[0].type == "session.created"


async def test_nobody_there_is_told_at_once() -> None:
    client = AsyncClient(f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(ServerUnreachableError, match=r"Connection refused.*make serve"):
        async with client.stream():
            pass


@pytest.mark.parametrize("address", ["talk.wav", "localhost:8000", "ftp://localhost"])
async def test_no_url_is_told_apart(address: str) -> None:
    with pytest.raises(ServerUnreachableError, match="no http:// URL"):
        async with AsyncClient(address).stream():
            pass


async def test_a_language_that_is_not_served_is_refused(url: str) -> None:
    with pytest.raises(SessionRefusedError, match=r"target='xx' .*unsupported_language"):
        async with AsyncClient(url).stream(targets=("xx",)):
            pass


async def test_the_key_is_sent_and_a_missing_one_is_named(serve: Serve) -> None:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer sesame":
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_json(ev.to_wire(1, ev.SessionCreated("s", {})))
        await socket.send_json(ev.to_wire(2, ev.SessionClosed("completed")))
        return socket

    address = await serve(guarded)
    async with AsyncClient(address, api_key="sesame").stream() as session:
        assert [event.type async for event in session] == ["session.created", "session.closed"]
    with pytest.raises(RequestRejectedError, match=r"DRAGOMAN_API_KEY.*401") as caught:
        async with AsyncClient(address).stream():
            pass
    assert caught.value.status == 401


async def test_a_server_that_is_busy_is_asked_again(serve: Serve) -> None:
    asked: list[int] = []

    async def busy(request: web.Request) -> web.StreamResponse:
        asked.append(1)
        if len(asked) == 1:
            return web.Response(status=503, headers={"Retry-After": "1"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        if len(asked) == 2:
            full = ev.Error("too_many_sessions", "All taken.", retryable=True)
            await socket.send_json(ev.to_wire(1, full))
            await socket.close(code=1013)
            return socket
        await socket.send_json(ev.to_wire(1, ev.SessionCreated("s", {})))
        await socket.send_json(ev.to_wire(2, ev.SessionClosed("completed")))
        return socket

    began_s = time.monotonic()
    async with AsyncClient(await serve(busy), retry=QUICK).stream() as session:
        assert [event.type async for event in session] == ["session.created", "session.closed"]
    assert len(asked) == 3
    assert time.monotonic() - began_s >= 1


async def test_servers_that_stay_busy_are_given_up_on(serve: Serve) -> None:
    async def full(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429)

    impatient = RetryPolicy(first_s=0.01, longest_s=0.02, begin_within_s=0.1)
    with pytest.raises(NoSessionError, match=r"within 0\.1 s; .* said: HTTP 429"):
        async with AsyncClient(await serve(full), retry=impatient).stream():
            pass


async def test_a_server_that_only_fails_is_given_up_on_with_its_own_words(serve: Serve) -> None:
    async def failing(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_json(ev.to_wire(1, ev.SessionCreated("s", {}, 0, "token")))
        error = ev.Error("internal_error", "It broke.", retryable=True)
        await socket.send_json(ev.to_wire(2, error))
        await socket.close(code=1011)
        return socket

    impatient = RetryPolicy(first_s=0.01, longest_s=0.02, give_up_after_s=0.2)
    client = AsyncClient(await serve(failing), retry=impatient)
    told: list[Event] = []
    with pytest.raises(ConnectionBrokenError, match=r"It broke\..*from 0\.0 s on"):
        await gather(client.translate(pieces(b"")), told)
    assert {event.type for event in told} == {
        "session.created", "client.reconnecting", "client.reconnected"
    }  # fmt: skip


async def test_what_is_no_event_is_told_as_such(serve: Serve) -> None:
    async def babble(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_str("hello")
        await socket.receive()
        return socket

    with pytest.raises(MalformedEventError, match="hello"):
        async with AsyncClient(await serve(babble)).stream():
            pass


async def test_audio_is_kept_up_to_a_bound_and_a_live_source_is_told_so(url: str) -> None:
    async with AsyncClient(url, max_kept_s=60).stream() as session:
        session.send_nowait(bytes(60_000 * BYTES_PER_MS))
        with pytest.raises(KeptAudioFullError, match="60 s of audio wait"):
            session.send_nowait(b"xx")
        # Whoever can wait is let on as soon as some of it is dealt with.
        await session.send(script().pcm())
        await session.end()
        assert said([event async for event in session]) == "Good morning."


def test_a_bound_that_an_utterance_does_not_fit_in_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 60"):
        AsyncClient(max_kept_s=10)


async def test_audio_after_the_end_is_a_mistake(url: str) -> None:
    async with AsyncClient(url).stream() as session:
        await session.end()
        with pytest.raises(UsageError, match="has ended"):
            await session.send(b"more")


async def test_who_reads_after_hanging_up_comes_to_the_end(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_UNREAD", 1)
    async with AsyncClient(url).stream() as session:
        pass
    async with asyncio.timeout(10):
        told = [event async for event in session]
    assert [type(event) for event in told] == [ev.SessionCreated]


async def test_leaving_early_hangs_up(serve: Serve) -> None:
    hung_up = asyncio.Event()

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_json(ev.to_wire(1, ev.SessionCreated("s", {})))
        async for _ in socket:
            pass
        hung_up.set()
        return socket

    async with AsyncClient(await serve(listen)).stream() as session:
        await session.send(b"xx")
    await asyncio.wait_for(hung_up.wait(), 5)
    assert [event.type async for event in session] == ["session.created"]


# Without an event loop.


class Background:
    """The doors on a loop in a thread of their own."""

    def __init__(self) -> None:
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with serving(scripted_service(script())) as self.url:
            self._ready.set()
            await self._done.wait()

    def __enter__(self) -> str:
        self._thread.start()
        assert self._ready.wait(10)
        return self.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()


@pytest.fixture
def blocking_url() -> Iterator[str]:
    with Background() as url:
        yield url


def client_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "dragoman-client"]


def test_a_program_without_a_loop_speaks_and_listens(blocking_url: str) -> None:
    with Client(blocking_url).stream(targets=("de",)) as session:
        session.send(script().pcm())
        session.end()
        told = list(session)
        assert session.acked_ms >= 1100
        assert session.session_id == told[0].session_id
    assert (said(told), translated(told)) == ("Good morning.", [("de", "<de>Good morning.")])
    assert client_threads() == []


def test_a_program_without_a_loop_translates_sources(blocking_url: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav())
    client = Client(blocking_url)
    pcm = script().pcm()
    halves = (pcm[:30_001], pcm[30_001:])
    with path.open("rb") as file:
        for source in (path, str(path), file, halves):
            assert said(list(client.translate(source))) == "Good morning."
    assert client_threads() == []


def test_leaving_early_ends_the_thread(blocking_url: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(640)
            time.sleep(0.01)

    told = Client(blocking_url).translate(endless())
    assert next(told).type == "session.created"
    told.close()
    assert client_threads() == []


def test_errors_come_out_of_the_thread() -> None:
    with pytest.raises(ServerUnreachableError):
        list(Client(f"http://127.0.0.1:{unused_port()}").translate([b""]))
    assert client_threads() == []
