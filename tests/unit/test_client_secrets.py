"""Client secrets: what they open, what they are bound to, and how they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import time
from typing import Any, Literal

import aiohttp
import pytest

from serve_app.api.guard import Guard
from serve_app.api.quotas import Quotas
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.auth.authenticator import KEY_SUBPROTOCOL, KeyAuthenticator
from serve_app.auth.client_secrets import ClientSecret, Holder, SecretSigner
from serve_app.auth.store import FixedKeys
from serve_app.config import with_resume_key
from serve_app.errors import UnauthorizedError
from serve_app.tokens import TokenSigner
from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken

KEY = key_for("kiosk", "stream", "batch")
TRANSCRIPTION = "/v1/realtime/client_secrets"
TRANSLATION = "/v1/realtime/translations/client_secrets"


def service() -> Service:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    return with_keys(scripted_service(script), KEY)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(service()) as base:
        yield base


async def ask(url: str, path: str, body: object, key: str = KEY.key) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(url + path, json=body, headers={"authorization": f"Bearer {key}"}) as got,
    ):
        return got.status, await got.json()


async def first_event(url: str, path: str, secret: str) -> dict[str, Any]:
    """The first event of a browser's socket."""
    async with aiohttp.ClientSession() as http:
        protocols = ("realtime", KEY_SUBPROTOCOL + secret)
        async with http.ws_connect(url + path, protocols=protocols) as socket:
            event: dict[str, Any] = await socket.receive_json()
            return event


async def test_a_transcription_session_begins_as_the_secret_says(url: str) -> None:
    session = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"language": "de", "model": "gpt-realtime-whisper"},
                "turn_detection": None,
            }
        },
    }
    status, made = await ask(url, TRANSCRIPTION, {"session": session})
    assert status == 200
    assert made["value"].startswith("ek_")
    assert made["session"]["audio"]["input"]["turn_detection"] is None
    created = await first_event(url, "/v1/realtime", made["value"])
    assert created["type"] == "session.created"
    heard = created["session"]["audio"]["input"]
    assert heard == made["session"]["audio"]["input"]
    assert heard["format"] == {"type": "audio/pcmu"}
    assert heard["transcription"]["language"] == "de"


async def test_a_translation_session_begins_as_the_secret_says(url: str) -> None:
    session = {
        "model": "gpt-realtime-translate",
        "audio": {"input": {"transcription": {"model": "w"}}, "output": {"language": "es"}},
    }
    _, made = await ask(url, TRANSLATION, {"session": session})
    created = await first_event(url, "/v1/realtime/translations?model=other", made["value"])
    for shown in (made["session"], created["session"]):
        assert shown["model"] == "gpt-realtime-translate"
        assert shown["type"] == "translation"
        assert shown["audio"]["output"]["language"] == "es"
        assert shown["audio"]["input"]["transcription"] == {"model": "w"}


async def test_a_secret_opens_the_doors_of_its_sessions_and_no_other(url: str) -> None:
    made = {
        "transcription": (await ask(url, TRANSCRIPTION, {}))[1]["value"],
        "translation": (await ask(url, TRANSLATION, {"session": {"model": "m"}}))[1]["value"],
    }
    doors = {
        "/v1/realtime": {"transcription"},
        "/v1/realtime/translations": {"translation"},
        "/v1/stream": {"transcription", "translation"},
    }
    async with aiohttp.ClientSession() as http:
        for kind, secret in made.items():
            headers = {"authorization": f"Bearer {secret}"}
            for path, kinds in doors.items():
                if kind in kinds:
                    await (await http.ws_connect(url + path, headers=headers)).close()
                    continue
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    await http.ws_connect(url + path, headers=headers)
                assert caught.value.status == 403
    for secret in made.values():
        for path in (TRANSCRIPTION, TRANSLATION, "/v1/translate", "/v1/audio/transcriptions"):
            status, answer = await ask(url, path, {}, secret)
            assert (status, answer["error"]["code"]) == (403, "wrong_client_secret")


UNKNOWN_TARGET = {"output": {"language": "xx"}}
LONG_PROMPT = {"input": {"transcription": {"prompt": "x" * 3_000}}}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (TRANSCRIPTION, {"expires_after": {"seconds": 9}}, "expires_after.seconds"),
        (TRANSCRIPTION, {"expires_after": {"seconds": 7_201}}, "expires_after.seconds"),
        (TRANSCRIPTION, {"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
        (TRANSCRIPTION, {"session": {"type": "realtime"}}, "session.type"),
        (TRANSCRIPTION, {"model": "x"}, "model"),
        (TRANSLATION, {}, "session"),
        (TRANSLATION, {"session": {}}, "session.model"),
        (TRANSLATION, {"session": {"model": "m", "audio": UNKNOWN_TARGET}}, "target"),
        (TRANSCRIPTION, {"session": {"audio": LONG_PROMPT}}, "session"),
        (TRANSCRIPTION, [], None),
    ],
)
async def test_what_no_session_can_be_is_refused(
    url: str, path: str, body: object, param: str | None
) -> None:
    status, answer = await ask(url, path, body)
    assert status == 400
    assert answer["error"]["param"] == param


@pytest.mark.parametrize("seconds", [10, 600, 7_200])
async def test_a_secret_lasts_as_long_as_asked(url: str, seconds: int) -> None:
    body = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
    before_s = time()
    for wanted, lasts_s in ((body, seconds), ({}, 600)):
        _, made = await ask(url, TRANSCRIPTION, wanted)
        assert before_s - 1 <= made["expires_at"] - lasts_s <= time()


def test_a_secret_ends_with_its_time_and_with_its_key() -> None:
    now = 1_000.0
    signer = SecretSigner(["a" * 32], clock=lambda: now)
    holder = Holder("kiosk", KEY.record.id, ClientSecret("transcription", {}))
    value = signer.issue(holder, 60).value
    keys = KeyAuthenticator(FixedKeys([KEY.record]), signer)
    assert keys.principal(value).client == "kiosk"
    assert not keys.principal(value).may("batch")
    with pytest.raises(UnauthorizedError, match="has been revoked"):
        KeyAuthenticator(FixedKeys([]), signer).principal(value)
    now += 61
    with pytest.raises(UnauthorizedError, match=r"The client secret expired 1 s ago") as caught:
        keys.principal(value)
    assert caught.value.code == "expired_client_secret"


def test_a_resume_token_is_no_secret_and_a_secret_no_resume_token() -> None:
    signer = SecretSigner(["a" * 32])
    keys = KeyAuthenticator(FixedKeys([KEY.record]), signer)
    resume = TokenSigner(["a" * 32], 60).sign({"client": "kiosk", "key": KEY.record.id})
    with pytest.raises(UnauthorizedError):
        keys.principal(resume)
    with pytest.raises(UnauthorizedError, match="was not signed by this server"):
        keys.principal("ek_1" + resume.removeprefix("d1"))


async def test_a_secret_of_one_replica_opens_another() -> None:
    keyed = service()
    config = with_resume_key(keyed.config)
    assert config is keyed.config, "both replicas must have the same key"
    async with serving(keyed) as one, serving(keyed) as other:
        _, made = await ask(one, TRANSCRIPTION, {})
        assert (await first_event(other, "/v1/realtime", made["value"]))[
            "type"
        ] == "session.created"


@pytest.mark.parametrize(
    ("kind", "path"),
    [("transcription", "/v1/realtime"), ("translation", "/v1/realtime/translations")],
)
async def test_a_secret_for_a_session_of_another_version_is_refused(
    kind: Literal["transcription", "translation"], path: str
) -> None:
    keyed = service()
    signer = keyed.config.resume.secret_signer()
    bound = ClientSecret(kind, {"audio": {"smell": "roses"}})
    secret = signer.issue(Holder("kiosk", KEY.record.id, bound), 60).value
    async with serving(keyed) as url, aiohttp.ClientSession() as http:
        protocols = ("realtime", KEY_SUBPROTOCOL + secret)
        async with http.ws_connect(url + path, protocols=protocols) as socket:
            told = await socket.receive_json()
            assert told["error"]["message"] == "Unknown parameter: 'audio.smell'."
            assert (await socket.receive()).data == 1008


async def test_a_server_without_keys_gives_and_honours_secrets() -> None:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    async with serving(scripted_service(script)) as url:
        session = {"model": "m", "audio": {"output": {"language": "de"}}}
        _, made = await ask(url, TRANSLATION, {"session": session}, "none")
        created = await first_event(url, "/v1/realtime/translations", made["value"])
        assert created["session"]["audio"]["output"]["language"] == "de"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await first_event(url, "/v1/realtime/translations", made["value"][:-1] + "!")
        assert caught.value.status == 401


def test_shares_are_counted_behind_the_guard() -> None:
    layers = [layer.cls for layer in build_doors(service()).user_middleware]
    assert layers[-2:] == [Guard, Quotas]
