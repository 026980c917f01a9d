"""The audit log: who, where, which door, and how it ended; never what was said or shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from logging.handlers import MemoryHandler, RotatingFileHandler
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from serve_app import audit
from serve_app.api.service import Service
from serve_app.audit import set_up_audit
from serve_app.auth.authenticator import KEY_SUBPROTOCOL
from serve_app.auth.keys import new_key
from serve_app.client.resume import Memory
from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken
from tests.support.sockets import Talk

KEY = key_for("kiosk", "stream", name="kiosk1")
DESK = key_for("desk", "batch", name="desk1")
BEARER = {"authorization": f"Bearer {KEY.key}"}


def script() -> Script:
    return Script([Spoken("Marmalade", 300, 600)], length_ms=1_500)


def service() -> Service:
    return with_keys(scripted_service(script()), KEY, DESK)


class Log:
    """What the audit log says."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def text(self) -> str:
        return "\n".join(r.message for r in self._caplog.records if r.name == "dragoman.audit")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def told(self, *names: str) -> list[tuple[Any, ...]]:
        return [tuple(line.get(name) for name in names) for line in self.lines()]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.INFO, "dragoman.audit")
    return Log(caplog)


@pytest.fixture
def own_file(tmp_path: Path) -> Iterator[Path]:
    """Serve's logger as a replica has it, in a folder of its own."""
    serve_logger = logging.getLogger("ray.serve")
    path = tmp_path / "replica_dragoman_Ingress_1.log"
    handler = MemoryHandler(1, target=RotatingFileHandler(path, maxBytes=1_000, backupCount=2))
    serve_logger.addHandler(handler)
    yield tmp_path
    serve_logger.removeHandler(handler)
    for one in (handler, handler.target, *audit.logger.handlers):
        one.close()
    audit.logger.handlers.clear()
    audit.logger.propagate = True


async def test_a_session_is_noted_when_it_opens_goes_on_and_ends(log: Log) -> None:
    memory = Memory()
    async with serving(service()) as url, aiohttp.ClientSession(headers=BEARER) as http:
        async with http.ws_connect(f"{url}/v1/stream?format=pcm_s16le") as socket:
            one = Talk(socket)
            await one.config()
            created = await one.until("session.created")
            memory.note(one.events[-1])
        async with http.ws_connect(f"{url}/v1/stream") as socket:
            one = Talk(socket)
            await one.socket.send_json(memory.message())
            await one.audio(script().pcm())
            await one.end()
            assert await one.rest() == 1000
    session = created["session_id"]
    assert sorted(log.told("event", "session", "outcome")) == [
        ("ended", session, "client_gone"),
        ("ended", session, "completed"),
        ("opened", session, None),
        ("resumed", session, None),
    ]
    assert set(log.told("door", "client", "key", "peer")) == {
        ("WS /v1/stream", "kiosk", "kiosk1", "127.0.0.1")
    }


async def test_an_upload_is_a_session_like_any_other(log: Log) -> None:
    async with (
        serving(service()) as url,
        aiohttp.ClientSession(headers=BEARER) as http,
        http.post(f"{url}/v1/stream?format=pcm_s16le", data=script().pcm()) as answer,
    ):
        assert "Marmalade" in await answer.text()
    assert log.told("event", "door", "outcome") == [
        ("opened", "POST /v1/stream", None),
        ("ended", "POST /v1/stream", "completed"),
    ]
    assert "Marmalade" not in log.text


async def test_refusals_are_noted_with_their_code_and_without_what_was_shown(log: Log) -> None:
    wrong = new_key()
    async with serving(service()) as url, aiohttp.ClientSession() as http:
        for method, path, headers in (
            ("POST", "/v1/stream?hotwords=secret-hotword", {}),
            ("GET", "/v1/models", {"authorization": f"Bearer {wrong}"}),
            ("POST", "/v1/audio/transcriptions", BEARER),
            ("POST", "/v1/stream?sauce=secret-sauce", BEARER),
            ("GET", "/v1/secret-path", BEARER),
            ("GET", "/v1/sessions/s1/events?token=secret-token", {}),
        ):
            await (await http.request(method, url + path, headers=headers)).read()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{url}/v1/realtime", protocols=(KEY_SUBPROTOCOL + wrong,))
        async with http.ws_connect(f"{url}/v1/stream?sauce=secret", headers=BEARER) as socket:
            one = Talk(socket)
            await one.config()
            assert await one.rest() == 1008
    assert log.told("event", "door", "code", "status", "client") == [
        ("refused", "POST /v1/stream", "missing_api_key", 401, None),
        ("refused", "GET /v1/models", "invalid_api_key", 401, None),
        ("refused", "POST /v1/audio/transcriptions", "insufficient_scope", 403, None),
        ("refused", "POST /v1/stream", "unknown_parameter", 400, "kiosk"),
        ("refused", "GET unknown", "not_found", 404, "kiosk"),
        ("refused", "GET /v1/sessions/{id}/events", "invalid_viewer_token", 401, None),
        ("refused", "WS /v1/realtime", "invalid_api_key", 401, None),
        ("refused", "WS /v1/stream", "unknown_parameter", 1008, "kiosk"),
    ]
    assert "secret" not in log.text
    assert wrong not in log.text
    assert KEY.key not in log.text


async def test_what_fails_in_a_session_is_noted(log: Log) -> None:
    async with (
        serving(service()) as url,
        aiohttp.ClientSession(headers=BEARER) as http,
        http.ws_connect(f"{url}/v1/stream?format=wav") as socket,
    ):
        one = Talk(socket)
        await one.socket.send_bytes(b"no audio" * 100)
        assert await one.rest() == 1008
    assert log.told("event", "outcome", "code")[-1] == ("ended", "error", "invalid_audio")


async def test_what_is_for_everybody_is_not_noted(log: Log) -> None:
    async with serving(service()) as url, aiohttp.ClientSession() as http:
        for path in ("/", "/health/live", "/web/page/main.js", "/v1/languages"):
            await (await http.get(url + path)).read()
        await (await http.get(f"{url}/v1/models", headers=BEARER)).read()
    assert log.told("event", "door", "status", "key") == [
        ("served", "GET /v1/models", 200, "kiosk1")
    ]


def test_a_replica_writes_it_to_a_file_of_its_own(own_file: Path) -> None:
    set_up_audit()
    set_up_audit()
    audit.Call("WS /v1/stream", "10.0.0.1").note("refused", status=401)
    [line] = (own_file / "audit_dragoman_Ingress_1.log").read_text().splitlines()
    assert json.loads(line)["peer"] == "10.0.0.1"
    assert (own_file / "replica_dragoman_Ingress_1.log").read_text() == ""


async def test_what_the_server_fails_at_is_its_own_failure(log: Log) -> None:
    broken = service()
    broken.floor.admit = Mock(side_effect=RuntimeError("a defect"))  # type: ignore[method-assign]
    async with (
        serving(broken) as url,
        aiohttp.ClientSession(headers=BEARER) as http,
        http.post(f"{url}/v1/stream?format=pcm_s16le", data=script().pcm()) as answer,
    ):
        assert answer.status == 500
    assert log.told("event", "status", "code") == [("refused", 500, "internal_error")]
