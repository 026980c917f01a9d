"""Limits at the doors: one below, at and one above, with the code and the setting's name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import aiohttp
import pytest

from serve_app.api.bounds import require_depth
from serve_app.api.service import Service
from serve_app.api.sockets import close_code
from serve_app.client.kept import AHEAD_MS
from serve_app.client.pacing import BYTES_PER_MS
from serve_app.config import AppConfig
from serve_app.errors import InvalidRequestError
from serve_app.limits.audio import AudioUsedUpError
from serve_app.limits.settings import MIN_WAITING_BYTES, LimitSettings
from serve_app.session.events import Error
from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken
from tests.support.sockets import talk

KEY = key_for("kiosk", "stream", "batch")
SPARE = key_for("kiosk", "stream", "batch", name="spare")
BEARER = {"authorization": f"Bearer {KEY.key}"}
TEXT = {"text": "Good.", "source": "en", "target": "de"}


def script() -> Script:
    return Script([Spoken("Good", 300, 600)], length_ms=1_500)


def limited(service: Service, **limits: Any) -> Service:  # noqa: ANN401 - of every type
    settings = LimitSettings.model_validate(limits)
    return replace(service, config=service.config.model_copy(update={"limits": settings}))


@asynccontextmanager
async def server(*, keyed: bool = False, **limits: Any) -> AsyncIterator[str]:  # noqa: ANN401
    service = scripted_service(script())
    if keyed:
        service = with_keys(service, KEY, SPARE)
    async with serving(limited(service, **limits)) as url:
        yield url


async def outcome(method: str, url: str, **request: Any) -> tuple[int, dict[str, Any], Any]:  # noqa: ANN401
    async with aiohttp.ClientSession() as http, http.request(method, url, **request) as answer:
        text = await answer.text()
        error = json.loads(text).get("error", {}) if answer.status >= 400 else {}
        return answer.status, error, answer.headers


@pytest.mark.parametrize(("by", "status"), [(-1, 200), (0, 200), (1, 414)])
async def test_query_bytes(by: int, status: int) -> None:
    async with server(query_bytes=256) as url:
        got, error, _ = await outcome("GET", f"{url}/v1/models?{'q' * (256 + by)}")
        assert got == status
        assert ("(limits.query_bytes)" in error.get("message", "")) is (status == 414)


@pytest.mark.parametrize(("by", "status"), [(-1, 200), (0, 200), (1, 431)])
async def test_header_bytes(by: int, status: int) -> None:
    async with server(header_bytes=2_048) as url:
        host = url.removeprefix("http://")
        sent = {"host": host, "accept": "*/*", "accept-encoding": "a", "user-agent": "t"}
        used = sum(len(name) + len(value) for name, value in sent.items())
        sent["x"] = "y" * (2_048 - used - 1 + by)
        got, error, _ = await outcome("GET", f"{url}/v1/models", headers=sent)
        assert got == status
        assert ("2048 (limits.header_bytes)" in error.get("message", "")) is (status == 431)


@pytest.mark.parametrize(("by", "status"), [(-1, 200), (0, 200), (1, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_json_bytes(by: int, status: int, announced: bool) -> None:
    body = json.dumps(TEXT).encode()
    body += b" " * (1_024 + by - len(body))

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:500]
        yield body[500:]

    async with server(json_bytes=1_024) as url:
        data = body if announced else pieces()
        got, error, _ = await outcome("POST", f"{url}/v1/translate", data=data)
        assert got == status
        assert ("1024 bytes (limits.json_bytes)" in error.get("message", "")) is (status == 413)


@pytest.mark.parametrize(("depth", "code"), [(5, "invalid_value"), (6, "invalid_value"),
                                             (7, "json_too_deep")])  # fmt: skip
async def test_json_depth_of_a_body(depth: int, code: str) -> None:
    async with server(json_depth=6) as url:
        # Brackets in texts are text.
        inner = '"[[[[[[[[[[ \\" {{{{{{{"'
        body = '{"a":' + "[" * (depth - 1) + inner + "]" * (depth - 1) + "}"
        got, error, _ = await outcome("POST", f"{url}/v1/translate", data=body)
        assert (got, error["code"]) == (400, code)


async def test_json_depth_of_a_message() -> None:
    async with server(json_depth=6) as url, talk(url) as one:
        await one.socket.send_str('{"type":"config","target":' + "[" * 6 + "]" * 6 + "}")
        assert (await one.until("error"))["code"] == "json_too_deep"
        assert await one.rest() == 1008


@pytest.mark.timeout(30)
def test_a_text_without_an_end_is_looked_through_once() -> None:
    """A pattern that begins anew at every quote would take hours."""
    limits = LimitSettings(json_depth=6)
    quotes = '\\"' * 500_000
    require_depth("{" * 6 + '"{{' + quotes, limits)
    with pytest.raises(InvalidRequestError, match="6 deep"):
        require_depth("{" * 7 + '"' + quotes, limits)


@pytest.mark.parametrize(("by", "closed"), [(-1, 1000), (0, 1000), (1, 1009)])
@pytest.mark.parametrize("opening", [True, False])
async def test_message_bytes(by: int, closed: int, opening: bool) -> None:
    async with server(message_bytes=4_096) as url, talk(url, "?format=pcm_s16le") as one:
        if not opening:
            await one.audio(bytes(320))
        await one.socket.send_bytes(bytes(4_096 + by))
        await one.end()
        assert await one.rest() == closed
        if closed == 1009:
            [error] = [event for event in one.wire if event["type"] == "error"]
            assert error["code"] == "message_too_large"
            assert "4097 bytes, and may have 4096 (limits.message_bytes)" in error["message"]


@pytest.mark.parametrize(
    ("rate", "channels", "setting"),
    [
        (15_999, 1, "limits.min_rate_hz"),
        (16_000, 1, None),
        (16_001, 1, None),
        (23_999, 2, None),
        (24_000, 2, None),
        (24_001, 2, "limits.max_rate_hz"),
        (16_000, 3, "limits.max_channels"),
    ],
)
async def test_rates_and_channels(rate: int, channels: int, setting: str | None) -> None:
    limits = {"min_rate_hz": 16_000, "max_rate_hz": 24_000, "max_channels": 2}
    query = f"?format=pcm_s16le&rate={rate}&channels={channels}"
    audio = bytes(rate * channels * 2)
    async with server(**limits) as url:
        got, error, _ = await outcome("POST", f"{url}/v1/stream{query}", data=audio)
        assert got == (400 if setting else 200)
        assert setting is None or setting in error["message"]
        async with talk(url, query) as one:
            await one.socket.send_bytes(audio)
            await one.end()
            assert await one.rest() == (1008 if setting else 1000)


async def test_an_idle_session_is_closed_with_1008_and_an_idle_upload_gets_408() -> None:
    async def nothing(begun: bytes = bytes(2)) -> AsyncIterator[bytes]:
        yield begun
        await asyncio.sleep(30)

    async with server(idle_s=1) as url:
        async with talk(url, "?format=pcm_s16le") as one:
            await one.audio(bytes(320))
            assert await one.rest() == 1008
            [error] = [event for event in one.wire if event["type"] == "error"]
            assert error["code"] == "idle_timeout"
            assert "1 s (limits.idle_s)" in error["message"]
        got, error, _ = await outcome("POST", f"{url}/v1/stream", data=nothing())
        assert (got, error["code"]) == (408, "idle_timeout")
        form = {"content-type": "multipart/form-data; boundary=x"}
        begun = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF'
        got, error, _ = await outcome(
            "POST", f"{url}/v1/audio/transcriptions", data=nothing(begun), headers=form
        )
        assert (got, error["code"]) == (408, "idle_timeout")
        assert "upload came for 1 s (limits.idle_s)" in error["message"]


async def test_the_end_of_a_realtime_session_is_announced() -> None:
    before_s = time()
    async with (
        server(session_s=100) as url,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/realtime") as socket,
    ):
        created = await socket.receive_json()
        assert before_s + 99 <= created["session"]["expires_at"] <= time() + 100


async def test_a_session_that_lasted_long_enough_ends_with_1012() -> None:
    service = scripted_service(script())
    limits = LimitSettings().model_copy(update={"session_s": 0.3})
    config = service.config.model_copy(update={"limits": limits})
    async with (
        serving(replace(service, config=config)) as url,
        talk(url, "?format=pcm_s16le") as one,
    ):
        await one.audio(script().pcm())
        assert await one.rest() == 1012
    [error] = [event for event in one.wire if event["type"] == "error"]
    assert (error["code"], error["retryable"]) == ("session_expired", True)
    assert "".join(e["text"] for e in one.wire if e["type"] == "transcript.committed") == "Good"


def test_audio_that_is_used_up_in_a_session_closes_it_with_1013() -> None:
    error = AudioUsedUpError("used up")
    assert close_code(Error(error.code, error.message, error.retryable)) == 1013


async def test_requests_per_minute_are_counted_for_all_keys_of_a_client() -> None:
    async with server(keyed=True, client_requests_per_minute=3) as url:
        for headers in (BEARER, BEARER, {"authorization": f"Bearer {SPARE.key}"}):
            assert (await outcome("GET", f"{url}/v1/models", headers=headers))[0] == 200
        status, error, headers = await outcome("GET", f"{url}/v1/models", headers=BEARER)
        assert (status, error["type"]) == (429, "rate_limit_error")
        assert error["code"] == "requests_per_minute_exceeded"
        assert "3 requests within a minute" in error["message"]
        assert 1 <= int(headers["retry-after"]) <= 20
        assert (await outcome("GET", f"{url}/health/live"))[0] == 200
        assert (await outcome("GET", f"{url}/v1/models"))[0] == 401


async def test_sessions_of_a_client_are_counted_at_all_doors() -> None:
    async with server(keyed=True, client_sessions=2) as url, aiohttp.ClientSession() as http:
        one = await http.ws_connect(f"{url}/v1/realtime", headers=BEARER)
        two = await http.ws_connect(f"{url}/v1/stream", headers=BEARER)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(f"{url}/v1/realtime/translations", headers=BEARER)
        assert caught.value.status == 429
        assert caught.value.headers is not None
        assert caught.value.headers["retry-after"] == "5"
        status, error, _ = await outcome(
            "POST", f"{url}/v1/stream?format=pcm_s16le", data=script().pcm(), headers=BEARER
        )
        assert (status, error["code"]) == (429, "sessions_exceeded")
        assert "(limits.client_sessions)" in error["message"]
        await one.close()
        async with asyncio.timeout(20):
            while status == 429:
                status, _, _ = await outcome(
                    "POST", f"{url}/v1/stream?format=pcm_s16le", data=script().pcm(), headers=BEARER
                )
        assert status == 200
        await two.close()


async def test_without_keys_nobody_is_counted() -> None:
    async with server(client_requests_per_minute=1) as url:
        for _ in range(3):
            assert (await outcome("GET", f"{url}/v1/models"))[0] == 200


@pytest.mark.parametrize(
    "limits",
    [
        {"idle_s": 0.9},
        {"message_bytes": (16 << 20) + 1},
        {"waiting_audio_bytes": MIN_WAITING_BYTES - 1},
        {"min_rate_hz": 7_999},
        {"max_rate_hz": 96_001},
        {"max_channels": 9},
        {"client_sessions": 0},
        {"min_rate_hz": 24_000, "max_rate_hz": 16_000},
        {"idle_seconds": 5},
    ],
)
def test_impossible_limits_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"limits"):
        AppConfig.model_validate({"limits": limits})


def test_every_limit_lets_the_projects_own_clients_send_as_they_do() -> None:
    assert MIN_WAITING_BYTES > AHEAD_MS * BYTES_PER_MS


def test_the_page_on_security_names_every_limit_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    for name, field in LimitSettings.model_fields.items():
        default = "none" if field.default is None else f"{field.default:,}".removesuffix(".0")
        assert f"| `{name}` | {default} |" in page, name


async def test_who_speaks_in_a_conversation_uses_the_share_of_whoever_began_it() -> None:
    async with server(keyed=True, client_sessions=1) as url, aiohttp.ClientSession() as http:
        made = await (await http.post(f"{url}/v1/conversations", headers=BEARER)).json()
        path = f"{url}/v1/stream?format=pcm_s16le&conversation="
        async with http.ws_connect(path + made["host"]["token"]):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(path + made["guest"]["token"])
        assert refused.value.status == 429
