"""Every door asks for a key, and lets in who may go through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message

from serve_app.api.guard import OPEN_PATHS, OWN_TOKENS
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.auth.authenticator import KEY_SUBPROTOCOL
from serve_app.auth.keys import SCOPES, Scope, new_key
from serve_app.viewers import lobby
from tests.support.doors import scripted_service, serving
from tests.support.keys import Key, key_for, with_keys
from tests.support.scripted import Script, Spoken

KEYS = {scope: key_for(scope, scope) for scope in SCOPES}
DOORS = {
    "POST /v1/stream": {"stream"},
    "WS /v1/stream": {"stream"},
    "WS /v1/realtime": {"stream"},
    "WS /v1/realtime/translations": {"stream"},
    "POST /v1/realtime/client_secrets": {"stream"},
    "POST /v1/realtime/translations/client_secrets": {"stream"},
    "POST /v1/conversations": {"stream"},
    "GET /v1/conversations/{id}/events": {"stream"},
    "POST /v1/conversations/{id}/consent": {"stream"},
    "GET /v1/conversations/{id}/transcript": {"stream"},
    "GET /v1/sessions/{id}/events": {"view"},
    "POST /v1/audio/transcriptions": {"batch"},
    "POST /v1/audio/translations": {"batch"},
    "POST /v1/translate": {"batch"},
    "GET /v1/models": {"stream", "batch"},
    "GET /v1/models/{model:path}": {"stream", "batch"},
}
"""What a key must have, one of several, at each door that is not for everybody; or `admin`. Doors
of conversations want a link as well."""

Shown = dict[str, str] | list[tuple[str, str]] | None


def service() -> Service:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    return with_keys(scripted_service(script), *KEYS.values())


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(service()) as base:
        yield base


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def answer(
    url: str, path: str, headers: Shown = None, method: str = "POST"
) -> tuple[int, dict[str, Any], str | None]:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url + path, headers=headers) as got,
    ):
        body = await got.json()
        return got.status, body.get("error", {}), got.headers.get("www-authenticate")


def routes() -> list[BaseRoute]:
    return list(build_doors(service()).routes)


@pytest.mark.parametrize(
    "route", [r for r in routes() if isinstance(r, Route)], ids=lambda route: str(route.path)
)
async def test_no_door_opens_without_a_key_but_those_for_everybody(url: str, route: Route) -> None:
    path = route.path.replace("{", "").replace("}", "").replace(":path", "")
    method = "POST" if "POST" in (route.methods or ()) else "GET"
    if path in OPEN_PATHS or path.startswith(("/web/", *OWN_TOKENS)):
        return
    status, error, asks = await answer(url, path, method=method)
    assert (status, error["code"], asks) == (401, "missing_api_key", "Bearer")
    assert "Authorization: Bearer" in error["message"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json"])
async def test_health_and_the_description_are_open(url: str, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(url + path) as got:
        assert got.status == 200


def doors() -> set[str]:
    found = set()
    for route in routes():
        if isinstance(route, WebSocketRoute):
            found.add(f"WS {route.path}")
        elif isinstance(route, Route) and not is_open(route.path):
            found.add(f"{'POST' if 'POST' in (route.methods or ()) else 'GET'} {route.path}")
    return found


def is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith("/web/")


def test_the_table_has_every_door() -> None:
    assert doors() == set(DOORS)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_opens_the_doors_of_its_scope_and_no_other(
    url: str, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "FIND_TIMEOUT_S", 0.1)
    for door, scopes in DOORS.items():
        method, path = door.split(" ")
        path = path.replace("{id}", "x1").replace("{model:path}", "whisper-1")
        if method == "WS":
            status, error = await handshake(url + path, KEYS[scope])
        else:
            status, error, _ = await answer(url, path, bearer(KEYS[scope].key), method)
        opens = scope in scopes or scope == "admin"
        assert (door, status in (401, 403)) == (door, not opens)
        if not opens and error:
            assert error["code"] == "insufficient_scope"
            assert any(f"--scope {one}" in error["message"] for one in scopes)


async def handshake(url: str, key: Key) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as http:
        try:
            async with http.ws_connect(url, headers=bearer(key.key)):
                return 101, {}
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status, {}


async def test_what_is_nowhere_is_told_to_those_with_a_key(url: str) -> None:
    assert (await answer(url, "/v1/none", method="GET"))[0] == 401
    assert (await answer(url, "/v1/none", bearer(KEYS["view"].key), "GET"))[0] == 404


GOOD = KEYS["stream"].key


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {new_key()}",
        f"Bearer {GOOD[:-1]}",
        f"Bearer {GOOD}x",
        f"Bearer {GOOD} {GOOD}",
        f"Bearer {KEYS['stream'].record.sha256}",
        "Bearer dgm_",
        "Bearer ",
        "Bearer",
        f"Basic {GOOD}",
        GOOD,
        "Bearer schlüssel",
    ],
)
async def test_a_wrong_key_is_unknown_and_is_not_repeated(url: str, value: str) -> None:
    status, error, asks = await answer(url, "/v1/stream", {"authorization": value})
    assert (status, error["code"], asks) == (401, "invalid_api_key", "Bearer")
    assert error["type"] == "invalid_request_error"
    assert GOOD[:-1] not in error["message"]


async def test_two_keys_and_keys_in_the_url_open_nothing(url: str) -> None:
    twice = [("authorization", f"Bearer {GOOD}"), ("authorization", f"Bearer {GOOD}")]
    assert (await answer(url, "/v1/stream", twice))[0] == 401
    assert (await answer(url, f"/v1/stream?api_key={GOOD}"))[0] == 401


async def test_the_scheme_is_read_in_any_case(url: str) -> None:
    got = await answer(url, "/v1/models", {"authorization": f"bEARER {GOOD}"}, "GET")
    assert got[0] == 200


SOCKETS = [route.path for route in routes() if isinstance(route, WebSocketRoute)]


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_is_refused_before_it_is_accepted(url: str, path: str) -> None:
    if path.startswith(OWN_TOKENS):
        return
    refusals: list[tuple[dict[str, str] | None, int]] = [
        (None, 401),
        (bearer(new_key()), 401),
        (bearer(KEYS["batch"].key), 403),
    ]
    async with aiohttp.ClientSession() as http:
        for headers, status in refusals:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(url + path, headers=headers)
            assert caught.value.status == status
        async with http.ws_connect(url + path, headers=bearer(GOOD)) as socket:
            assert socket.protocol is None


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_browser_shows_its_key_as_a_subprotocol_and_gets_the_other_back(
    url: str, path: str
) -> None:
    if path.startswith(OWN_TOKENS):
        return
    async with aiohttp.ClientSession() as http:
        offered = ("realtime", KEY_SUBPROTOCOL + GOOD)
        async with http.ws_connect(url + path, protocols=offered) as socket:
            assert socket.protocol == "realtime"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(url + path, protocols=("realtime", f"{KEY_SUBPROTOCOL}dgm_no"))
        assert caught.value.status == 401


async def test_a_server_that_cannot_answer_a_handshake_closes_it() -> None:
    sent: list[Message] = []
    doors = build_doors(service())
    scope = {
        "type": "websocket", "path": "/v1/stream", "headers": [], "subprotocols": [],
        "root_path": "", "query_string": b"",
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await doors(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "missing_api_key"}]


async def test_two_keys_of_a_client_are_good_at_a_time() -> None:
    old, new = key_for("kiosk", "stream", name="old1"), key_for("kiosk", "stream", name="new1")
    async with serving(with_keys(service(), old, new)) as url:
        for key in (old, new):
            assert (await answer(url, "/v1/models", bearer(key.key), "GET"))[0] == 200
    async with serving(with_keys(service(), new)) as url:
        assert (await answer(url, "/v1/models", bearer(old.key), "GET"))[0] == 401


async def test_a_server_without_keys_lets_anybody_in() -> None:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    async with serving(scripted_service(script)) as url:
        for headers in (None, bearer("none"), bearer(new_key())):
            assert (await answer(url, "/v1/models", headers, "GET"))[0] == 200


async def test_a_guest_speaks_with_the_link_of_a_conversation_and_no_key(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        made = await http.post(f"{url}/v1/conversations", headers=bearer(KEYS["stream"].key))
        guest = (await made.json())["guest"]["token"]
        path = f"{url}/v1/stream?format=pcm_s16le&conversation="
        async with http.ws_connect(path + guest) as socket:
            await socket.send_json({"type": "end"})
            assert (await socket.receive_json())["type"] == "session.created"
        for token in ("c1.x.y", ""):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(path + token)
            assert refused.value.status == 401
    status, error, _ = await answer(url, f"/v1/stream?conversation={guest}")
    assert (status, error["code"]) == (401, "missing_api_key")


async def test_a_link_opens_no_session_but_those_of_its_conversation(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{url}/v1/stream", headers=bearer(GOOD)) as socket:
            await socket.send_json({"type": "config", "format": "pcm_s16le"})
            token = (await socket.receive_json())["resume_token"]
        made = await http.post(f"{url}/v1/conversations", headers=bearer(GOOD))
        guest = (await made.json())["guest"]["token"]
        async with http.ws_connect(f"{url}/v1/stream?conversation={guest}") as socket:
            await socket.send_json({"type": "config", "resume_token": token, "segments": []})
            error = await socket.receive_json()
    assert (error["type"], error["code"]) == ("error", "invalid_request")
    assert "session of the resume_token another or none" in error["message"]


async def test_links_end_with_the_key_that_made_them() -> None:
    old, new = key_for("kiosk", "stream", name="old1"), key_for("kiosk", "stream", name="new1")
    async with aiohttp.ClientSession() as http:
        app = with_keys(service(), old, new)
        async with serving(app) as url:
            made = await http.post(f"{url}/v1/conversations", headers=bearer(old.key))
            guest = (await made.json())["guest"]["token"]
        async with serving(with_keys(app, new)) as url:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{url}/v1/stream?conversation={guest}")
    assert refused.value.status == 401
