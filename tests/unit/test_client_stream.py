"""The client against a real socket: duplex, errors before the stream, and streams that break."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from serve_app.client.errors import (
    ConnectionBrokenError,
    MalformedEventError,
    RequestRejectedError,
    ServerUnreachableError,
)
from serve_app.client.options import StreamOptions
from serve_app.client.stream import translate_stream
from serve_app.session import events as ev

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PLAIN = StreamOptions()
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as servers:

        async def start(handler: Handler) -> str:
            app = web.Application()
            app.router.add_post("/v1/stream", handler)
            server = await servers.enter_async_context(TestServer(app))
            return str(server.make_url("/"))

        yield start


def line(seq: int, event: ev.Event) -> bytes:
    return json.dumps(ev.to_wire(seq, event)).encode() + b"\n"


async def answering(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
    await answer.prepare(request)
    return answer


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def events_of(
    url: str, audio: AsyncIterator[bytes], options: StreamOptions = PLAIN
) -> list[ev.Event]:
    return [item.event async for item in translate_stream(url, audio, options)]


async def test_events_arrive_while_the_upload_goes_on(serve: Serve) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        answer = await answering(request)
        seq = 0
        async for data in request.content.iter_any():
            seq += 1
            await answer.write(line(seq, ev.TranscriptPartial("u", data.decode())))
        await answer.write(line(seq + 1, ev.SessionClosed("completed")))
        return answer

    heard: asyncio.Queue[str] = asyncio.Queue()

    async def conversation() -> AsyncIterator[bytes]:
        yield b"first"
        # Only an answer to what was said so far lets the upload go on.
        assert await asyncio.wait_for(heard.get(), 5) == "first"
        yield b"second"

    url = await serve(echo)
    seen = []
    async for received in translate_stream(url, conversation(), StreamOptions()):
        seen.append(received.event)
        if isinstance(received.event, ev.TranscriptPartial):
            heard.put_nowait(received.event.text)
    assert seen == [
        ev.TranscriptPartial("u", "first"),
        ev.TranscriptPartial("u", "second"),
        ev.SessionClosed("completed"),
    ]


async def test_the_options_are_the_query(serve: Serve) -> None:
    asked: list[tuple[str, str]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        asked.extend(request.query.items())
        await request.read()
        answer = await answering(request)
        await answer.write(line(1, ev.SessionClosed("completed")))
        return answer

    url = await serve(note)
    options = StreamOptions(
        ("de", "es"),
        format="pcm_s16le",
        rate_hz=8000,
        partials=False,
        delay="low",
        mt_mode="append",
    )
    await events_of(url, pieces(b"x"), options)
    assert asked == [
        ("source", "auto"),
        ("format", "pcm_s16le"),
        ("target", "de"),
        ("target", "es"),
        ("rate", "8000"),
        ("channels", "1"),
        ("delay", "low"),
        ("mt_mode", "append"),
        ("partials", "false"),
    ]


async def test_an_error_object_is_told_in_its_own_words(serve: Serve) -> None:
    error = {"message": "No xx.", "type": "invalid_request_error", "param": "target", "code": "c"}

    async def reject(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": error}, status=400)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    url = await serve(reject)
    with pytest.raises(RequestRejectedError, match=r"No xx\.") as caught:
        await events_of(url, endless(), StreamOptions(("xx",)))
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, "target", "c")


async def test_an_error_page_of_something_else_is_quoted(serve: Serve) -> None:
    async def reject(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>Bad gateway</h1>", status=502)

    with pytest.raises(RequestRejectedError, match="Bad gateway"):
        await events_of(await serve(reject), pieces(b"x"))


async def test_nobody_there_says_how_to_start_a_server() -> None:
    with pytest.raises(ServerUnreachableError, match=r"Connection refused.*make serve"):
        await events_of(f"http://127.0.0.1:{unused_port()}", pieces(b"x"))


@pytest.mark.parametrize("url", ["talk.wav", "localhost:8000", "ftp://localhost"])
async def test_no_url_is_told_apart(url: str) -> None:
    with pytest.raises(ServerUnreachableError, match="no http:// URL"):
        await events_of(url, pieces(b"x"))


async def test_an_answer_that_ends_early_tells_what_is_acknowledged(serve: Serve) -> None:
    async def stop_early(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = await answering(request)
        await answer.write(line(1, ev.Ack(1500)))
        return answer

    with pytest.raises(ConnectionBrokenError, match=r"1\.5 s") as caught:
        await events_of(await serve(stop_early), pieces(b"x"))
    assert caught.value.acked_ms == 1500


async def test_a_cut_connection_is_no_end_of_session(serve: Serve) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = await answering(request)
        await answer.write(line(1, ev.SpeechStarted(0)))
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def live() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(30)

    with pytest.raises(ConnectionBrokenError):
        await events_of(await serve(cut), live())


async def test_a_line_that_is_no_event_is_an_error(serve: Serve) -> None:
    async def babble(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = await answering(request)
        await answer.write(b"hello\n")
        return answer

    with pytest.raises(MalformedEventError):
        await events_of(await serve(babble), pieces(b"x"))


async def test_trouble_with_the_audio_is_not_blamed_on_the_connection(serve: Serve) -> None:
    async def listen(request: web.Request) -> web.StreamResponse:
        answer = await answering(request)
        await request.read()
        return answer

    async def unreadable() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        await events_of(await serve(listen), unreadable())


async def test_leaving_early_hangs_up(serve: Serve) -> None:
    hung_up = asyncio.Event()

    async def listen(request: web.Request) -> web.StreamResponse:
        answer = await answering(request)
        await answer.write(line(1, ev.SpeechStarted(0)))
        try:
            await request.read()
        finally:
            hung_up.set()
        return answer

    async def live() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    url = await serve(listen)
    async with aclosing(translate_stream(url, live(), StreamOptions())) as events:
        await anext(events)
    await asyncio.wait_for(hung_up.wait(), 5)
