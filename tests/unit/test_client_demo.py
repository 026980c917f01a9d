"""The demo from end to end, with a server that knows the answers and half a second of sound."""

import io
import json
import os
import re
import signal
import wave
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from serve_app.client import demo
from serve_app.client.server import ChildServer, ServerFailedError
from serve_app.config import AppConfig, with_environment
from serve_app.session import events as ev

MANIFEST = {
    "seed": 1,
    "samples": [
        {
            "file": "en.wav",
            "language": "en",
            "duration_ms": 500,
            "sentences": [
                {
                    "start_ms": 100,
                    "end_ms": 400,
                    "voice": "v",
                    "text": "The train leaves at five.",
                    "translations": {"de": "Der Zug fährt um fünf ab."},
                }
            ],
        }
    ],
}


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    with wave.open(str(tmp_path / "en.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    return tmp_path


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The demo is a process of its own in real life, and keeps its handlers."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def server_saying(text: str, translation: str) -> Callable[..., object]:
    async def talk(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await request.read()
        words = tuple(ev.TimedWord(word, 100, 400, 1.0) for word in text.split())
        said = (
            ev.SessionCreated("s", {}),
            ev.TranscriptCommitted("a", "u", text, 100, 400, "en", True, words),
            ev.TranslationCommitted("a", "de", translation),
            ev.SessionClosed("completed"),
        )
        for seq, event in enumerate(said):
            await answer.write(json.dumps(ev.to_wire(seq, event)).encode() + b"\n")
        return answer

    @asynccontextmanager
    async def child(*_: object) -> AsyncIterator[ChildServer]:
        app = web.Application()
        app.router.add_post("/v1/stream", talk)
        async with TestServer(app) as server:
            yield ChildServer(str(server.make_url("/")), Path("server.log"), 0.1)

    return child


def run(samples: Path) -> tuple[int, str]:
    out = io.StringIO()
    arguments = Namespace(config=Path("serve_config.yaml"), samples=samples)
    return demo.run(arguments, Console(file=out, width=100)), out.getvalue()


def test_right_answers_end_with_ok(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = server_saying("The train leaves at five.", "Der Zug fährt um fünf ab.")
    monkeypatch.setattr(demo, "child_server", right)
    code, out = run(samples)
    last = out.splitlines()[-1]
    assert code == 0
    assert re.fullmatch(
        r"demo: ok WER 0\.0 % chrF 100\.0 lag_p50_ms (\d+) lag_p95_ms (\d+)", last
    ), last
    # The last piece is due at 480 ms, 80 ms after the last word.
    assert 80 <= int(last.split()[-1]) < 5_000
    assert "-> de: Der Zug fährt um fünf ab." in out
    assert "first translated word" in out


@pytest.mark.parametrize("asked_by", ["API_KEYS_FILE", "DRAGOMAN__AUTH__KEYS_FILE", "the file"])
def test_a_server_that_asks_for_keys_lets_its_own_demo_in(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_by: str
) -> None:
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    config = tmp_path / "config.yaml"
    auth = {"keys_file": "/etc/keys.yaml"} if asked_by == "the file" else {}
    application = {"import_path": "serve_app.app:build_app", "args": {"auth": auth}}
    config.write_text(yaml.safe_dump({"applications": [application]}))
    if asked_by != "the file":
        monkeypatch.setenv(asked_by, "/etc/keys.yaml")
    shown: list[str] = []

    @asynccontextmanager
    async def keyed(
        path: Path, port: int, tell: object, variables: dict[str, str]
    ) -> AsyncIterator[ChildServer]:
        with_them = with_environment(
            AppConfig.model_validate(application["args"]), {**os.environ, **variables}
        )
        ring = with_them.auth.source().ring()

        async def talk(request: web.Request) -> web.StreamResponse:
            found = ring.find(request.headers["authorization"].removeprefix("Bearer "))
            shown.extend(found.scopes if found else ())
            return web.json_response({"error": {"message": "no more", "code": "no"}}, status=400)

        app = web.Application()
        app.router.add_post("/v1/stream", talk)
        async with TestServer(app) as server:
            yield ChildServer(str(server.make_url("/")), Path("server.log"), 0.1)

    monkeypatch.setattr(demo, "child_server", keyed)
    arguments = Namespace(config=config, samples=samples)
    assert demo.run(arguments, Console(file=io.StringIO())) == 1
    assert shown == ["stream"]


def test_wrong_answers_end_with_failed(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "child_server", server_saying("Something else.", "Etwas anderes."))
    code, out = run(samples)
    assert (code, out.splitlines()[-1]) == (1, "demo: failed WER 100.0 % is over 15 %")


def test_a_server_that_does_not_start_ends_with_the_reason(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def broken(*_: object) -> AsyncIterator[ChildServer]:
        raise ServerFailedError("the server did not start: no model")
        yield

    monkeypatch.setattr(demo, "child_server", broken)
    code, out = run(samples)
    assert code == 1
    assert out.splitlines()[-1] == "demo: failed the server did not start: no model"


def test_no_samples_end_with_failed(tmp_path: Path) -> None:
    code, out = run(tmp_path)
    assert code == 1
    assert out.startswith("demo: failed There is no sample speech")
