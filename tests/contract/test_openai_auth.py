"""Keys and client secrets as the unmodified `openai` package sends and asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken

pytestmark = pytest.mark.contract

TIMEOUT_S = 30
KEY = key_for("kiosk", "stream")
OTHER = key_for("desk", "batch")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    async with (
        asyncio.timeout(TIMEOUT_S),
        serving(with_keys(scripted_service(script), KEY, OTHER)) as base,
    ):
        yield base


def client(url: str, key: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=key, base_url=f"{url}/v1", websocket_base_url=f"ws{url[4:]}/v1", max_retries=0
    )


async def test_a_key_opens_what_its_scope_says(url: str) -> None:
    async with client(url, KEY.key) as ours:
        assert [model.id for model in (await ours.models.list()).data]
        with pytest.raises(openai.PermissionDeniedError) as forbidden:
            await ours.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
    assert forbidden.value.code == "insufficient_scope"
    assert "batch" in forbidden.value.message


async def test_an_unknown_key_is_an_authentication_error(url: str) -> None:
    async with client(url, "dgm_unknown") as theirs:
        with pytest.raises(openai.AuthenticationError) as unknown:
            await theirs.models.list()
        assert (unknown.value.code, unknown.value.type) == (
            "invalid_api_key",
            "invalid_request_error",
        )
        with pytest.raises(InvalidStatus) as refused:
            async with theirs.realtime.translations.connect(model="any"):
                pass
        assert refused.value.response.status_code == 401
    async with client(url, OTHER.key) as theirs:
        with pytest.raises(InvalidStatus) as refused:
            async with theirs.realtime.connect(model="any"):
                pass
        assert refused.value.response.status_code == 403


async def test_a_transcription_secret_opens_a_session_that_begins_as_it_says(url: str) -> None:
    async with client(url, KEY.key) as ours:
        made = await ours.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-realtime-whisper", "language": "de"},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
                    }
                },
            },
        )
    assert made.value.startswith("ek_")
    bound: Any = made.session
    assert bound.type == "transcription"
    assert bound.audio.input.turn_detection.silence_duration_ms == 700
    async with client(url, made.value) as browser:
        async with browser.realtime.connect(model="any") as talk:
            created: Any = await talk.recv()
        assert created.type == "session.created"
        assert created.session.audio.input.transcription.language == "de"
        assert created.session.audio.input.turn_detection.silence_duration_ms == 700
        with pytest.raises(openai.PermissionDeniedError):
            await browser.models.list()


async def test_a_translation_secret_opens_a_session_that_begins_as_it_says(url: str) -> None:
    async with client(url, KEY.key) as ours:
        made = await ours.realtime.translations.client_secrets.create(
            session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}}
        )
        assert made.session.type == "translation"
        assert made.session.audio.output
        assert made.session.audio.output.language == "es"
    async with (
        client(url, made.value) as browser,
        browser.realtime.translations.connect(model="any") as talk,
    ):
        created: Any = await talk.recv()
        assert created.session.model == "gpt-realtime-translate"
        assert created.session.audio.output.language == "es"


async def test_what_no_secret_can_be_is_a_bad_request(url: str) -> None:
    async with client(url, KEY.key) as ours:
        with pytest.raises(openai.BadRequestError) as refused:
            await ours.realtime.client_secrets.create(session={"type": "realtime"})
        assert refused.value.param == "session.type"
        with pytest.raises(openai.BadRequestError) as refused:
            await ours.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 5}
            )
        assert refused.value.param == "expires_after.seconds"
