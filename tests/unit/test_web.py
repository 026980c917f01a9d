"""The page's door: what is served, under which headers, and that the page asks for nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from posixpath import dirname, join, normpath

import aiohttp
import pytest
import segno

from serve_app.api.web import assets
from tests.support.doors import scripted_service, serving
from tests.support.scripted import Script, Spoken


@pytest.fixture
async def url() -> AsyncIterator[str]:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_000)
    async with serving(scripted_service(script)) as base:
        yield base


async def test_the_page_and_all_that_it_is_made_of(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ["/", *(f"/web/{name}" for name in assets())]:
            async with http.get(url + path) as answer:
                assert answer.status == 200, path
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-cache"
                policy = answer.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'")
                assert "unsafe" not in policy
                known = {"if-none-match": f'"other", W/{answer.headers["etag"]}'}
            async with http.get(url + path, headers=known) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
                assert answer.headers["etag"]
            async with http.head(url + path) as answer:
                assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/view", "text/html; charset=utf-8"),
        ("/conversation", "text/html; charset=utf-8"),
        ("/web/page/main.js", "text/javascript; charset=utf-8"),
        ("/web/style/base.css", "text/css; charset=utf-8"),
        ("/web/icon.svg", "image/svg+xml"),
    ],
)
async def test_content_types(url: str, path: str, media_type: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(url + path) as answer:
        assert answer.headers["content-type"] == media_type


async def test_a_link_becomes_a_code_that_says_it(url: str) -> None:
    link = "http://127.0.0.1:8000/view#s1.v1.abc"
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/web/qr", data=link) as answer:
            rows = (await answer.json())["rows"]
        async with http.post(f"{url}/web/qr", data="x" * 1_025) as answer:
            assert answer.status == 413
    assert {len(row) for row in rows} == {len(rows)}
    assert {row[:7] for row in (rows[0], rows[6])} == {"1111111"}
    assert rows == [
        "".join(map(str, row)) for row in segno.make(link, error="m", micro=False).matrix
    ]


@pytest.mark.parametrize("path", ["/web/", "/web/none.js", "/web/../app.py", "/web/%2e%2e/app.py"])
async def test_nothing_else_is_served(url: str, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(url + path) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"


def test_what_the_page_asks_for_is_there() -> None:
    """A module whose name is wrong would only be missed where it is used."""
    pages = {name for name in assets() if name.endswith(".html")}
    asked = {
        name.removeprefix("web/")
        for page in pages
        for name in re.findall(r'(?:href|src)="(web/[^"]+)"', assets()[page].body.decode())
    }
    assert {"page/main.js", "style/base.css", "icon.svg"} <= asked
    for name, asset in assets().items():
        if name.endswith(".js"):
            text = asset.body.decode()
            for other in re.findall(r'(?:from |URL\()"(\./[^"]+|\.\./[^"]+)"', text):
                asked.add(normpath(join(dirname(name), other)))
    assert asked | pages == set(assets())


def test_the_page_asks_nobody_else() -> None:
    for name, asset in assets().items():
        foreign = re.findall(r"https?://(?!www\.w3\.org/|localhost)[\w.]+", asset.body.decode())
        assert foreign == [], name


async def test_languages_by_name(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/v1/languages") as answer:
        assert await answer.json() == {
            "source": [
                {"code": "en", "name": "English"},
                {"code": "de", "name": "German"},
                {"code": "es", "name": "Spanish"},
            ],
            "target": [
                {"code": "en", "name": "English"},
                {"code": "de", "name": "German"},
                {"code": "es", "name": "Spanish"},
            ],
        }
