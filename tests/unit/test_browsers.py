"""Which pages may call, and the headers that browsers heed."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from serve_app.api.browsers import SECURITY_HEADERS
from serve_app.api.service import Service
from serve_app.auth.settings import BrowserSettings
from serve_app.config import AppConfig
from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken

KEY = key_for("kiosk", "stream")
OURS, FOREIGN = "https://captions.example.org", "https://evil.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization",
}


def service(*origins: str, production: bool = False) -> Service:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    keyed = with_keys(scripted_service(script), KEY)
    changed = {
        "browsers": BrowserSettings(origins=origins),
        "profile": "production" if production else "development",
    }
    return replace(keyed, config=keyed.config.model_copy(update=changed))


async def test_every_answer_has_the_headers_and_the_page_its_own() -> None:
    async with serving(service()) as url, aiohttp.ClientSession() as http:
        for path in ("/health/live", "/v1/models", "/v1/none", "/openapi.json"):
            async with http.get(url + path) as answer:
                got = {name: answer.headers.get(name) for name in SECURITY_HEADERS}
                assert got == dict(SECURITY_HEADERS), path
        async with http.get(f"{url}/") as page:
            assert page.status == 200
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert page.headers.getall("x-content-type-options") == ["nosniff"]


async def test_without_origins_no_foreign_page_is_invited() -> None:
    async with serving(service()) as url, aiohttp.ClientSession() as http:
        headers = {"origin": OURS, **PREFLIGHT}
        async with http.options(f"{url}/v1/translate", headers=headers) as answer:
            assert "access-control-allow-origin" not in answer.headers


async def test_a_named_origin_may_call_and_read_refusals() -> None:
    async with serving(service(OURS)) as url, aiohttp.ClientSession() as http:
        headers = {"origin": OURS, **PREFLIGHT}
        async with http.options(f"{url}/v1/translate", headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == OURS
            assert "authorization" in answer.headers["access-control-allow-headers"]
        async with http.post(f"{url}/v1/translate", headers={"origin": OURS}) as answer:
            assert answer.status == 401
            assert answer.headers["access-control-allow-origin"] == OURS
        headers = {"origin": FOREIGN, **PREFLIGHT}
        async with http.options(f"{url}/v1/translate", headers=headers) as answer:
            assert answer.status == 400
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("origins", "origin", "opens"),
    [
        ((), None, True),
        ((), "SAME", True),
        ((), OURS, False),
        ((), "null", False),
        ((), "", False),
        ((OURS,), OURS, True),
        ((OURS,), f"{OURS}.evil.example", False),
        ((OURS,), "http://captions.example.org", False),
        ((OURS,), "SAME", True),
        (("*",), FOREIGN, True),
    ],
)
async def test_production_opens_sockets_to_its_own_pages_and_those_named(
    origins: tuple[str, ...], origin: str | None, opens: bool
) -> None:
    async with (
        serving(service(*origins, production=True)) as url,
        aiohttp.ClientSession() as http,
    ):
        headers = {"authorization": f"Bearer {KEY.key}"}
        if origin is not None:
            headers["origin"] = origin.replace("SAME", url.replace("http:", "https:"))
        if opens:
            await (await http.ws_connect(f"{url}/v1/realtime", headers=headers)).close()
            return
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(f"{url}/v1/realtime", headers=headers)
        assert caught.value.status == 403


async def test_development_asks_no_socket_where_it_comes_from() -> None:
    async with serving(service()) as url, aiohttp.ClientSession() as http:
        headers = {"authorization": f"Bearer {KEY.key}", "origin": FOREIGN}
        await (await http.ws_connect(f"{url}/v1/realtime", headers=headers)).close()


@pytest.mark.parametrize(
    "origin", ["captions.example.org", f"{OURS}/", f"{OURS}/page", "ftp://a.example", ""]
)
def test_an_origin_is_scheme_host_and_port(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        AppConfig.model_validate({"browsers": {"origins": [origin]}})
