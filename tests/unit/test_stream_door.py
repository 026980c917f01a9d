"""POST /v1/stream over a real socket: duplex, formats, and errors that say how to mend them."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import aiohttp
import pytest
from starlette.types import Message

from deployments.types import Draft, EngineError, MtRequest, StageInfo
from serve_app.api.boxes import TooFarAheadError
from serve_app.api.health import SHARED_S, Readiness
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.api.stream import _held
from serve_app.config import AppConfig
from serve_app.limits.settings import LimitSettings
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay
from tests.support.doors import ASR_INFO, MT_INFO, ScriptedPort, scripted_service, serving
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.scripted import Script, Spoken, cut

WORDS = [Spoken("Good", 300, 600), Spoken("morning.", 600, 1100)]
PCM = "format=pcm_s16le"
REVISE = {"session": {"mt_mode": "revise"}}


def script() -> Script:
    return Script(list(WORDS), length_ms=2500)


def wav(pcm: bytes) -> bytes:
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    data = b"WAVE" + head + b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", len(data)) + data


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(script())) as base:
        yield base


async def post(
    url: str, body: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status, answer.content_type, await answer.text()


async def get(url: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.json()


async def stream(url: str, body: bytes | AsyncIterator[bytes]) -> list[dict[str, Any]]:
    status, _, text = await post(url, body)
    assert status == 200, text
    return [json.loads(line) for line in text.splitlines()]


def said(events: list[dict[str, Any]]) -> str:
    return "".join(e["text"] for e in events if e["type"] == "transcript.committed")


def translated(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["target"], e["text"]) for e in events if e["type"] == "translation.committed"]


async def test_speech_in_text_and_translations_out(url: str) -> None:
    events = await stream(f"{url}/v1/stream?{PCM}&target=de&target=es", script().pcm())
    assert events[0]["type"] == "session.created"
    assert events[0]["config"]["target"] == ["de", "es"]
    assert said(events) == "Good morning."
    assert translated(events) == [("de", "<de>Good morning."), ("es", "<es>Good morning.")]
    assert events[-1]["type"] == "session.closed"
    assert events[-1]["usage"]["audio_ms"] == 2500


async def test_a_body_that_is_far_ahead_ends_with_a_word_about_it() -> None:
    config = oracle_config(vad={"delay_ms": 30})
    config = config.model_copy(update={"limits": LimitSettings(waiting_body_bytes=1 << 20)})
    service = Service(config, OraclePorts(config).ports, ASR_INFO, MT_INFO)

    async def burst() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    async with serving(service) as url, aiohttp.ClientSession() as http:
        told = []
        with suppress(aiohttp.ClientError):
            async with http.post(f"{url}/v1/stream?{PCM}", data=burst()) as answer:
                told = [json.loads(line) async for line in answer.content]
    error = next(event for event in told if event["type"] == "error")
    assert error["code"] == "too_far_ahead"
    assert error["message"].startswith(
        "Over 1048576 bytes of audio wait to be heard (limits.waiting_body_bytes)."
    )
    assert told[-1]["type"] == "session.closed"


async def test_what_comes_of_a_body_that_was_too_far_ahead_is_taken_off_and_dropped() -> None:
    too_much, all_of_it = asyncio.Event(), asyncio.Event()

    async def burst() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(100)
        too_much.set()
        yield bytes(10_000)
        all_of_it.set()

    async with asyncio.timeout(10), _held(burst(), 1_000) as body:
        await too_much.wait()
        with pytest.raises(TooFarAheadError):
            await anext(body)
        await all_of_it.wait()


async def test_a_wav_is_known_by_its_first_bytes(url: str) -> None:
    assert said(await stream(f"{url}/v1/stream", wav(script().pcm()))) == "Good morning."


async def test_put_works_as_curl_sends_it(url: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.put(f"{url}/v1/stream?{PCM}", data=script().pcm()) as answer,
    ):
        events = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert said(events) == "Good morning."


async def test_events_come_while_the_upload_goes_on(url: str) -> None:
    heard = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for piece in cut(script().pcm(), 6400):
            yield piece
        await asyncio.wait_for(heard.wait(), 10)

    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/stream?{PCM}&target=de", data=body()) as answer,
    ):
        async for line in answer.content:
            if json.loads(line)["type"] == "translation.committed":
                heard.set()
    assert heard.is_set()


async def test_server_sent_events_on_request(url: str) -> None:
    status, content_type, text = await post(
        f"{url}/v1/stream?{PCM}", script().pcm(), {"accept": "text/event-stream"}
    )
    assert (status, content_type) == (200, "text/event-stream")
    first, *_ = text.split("\n\n")
    name, number, data = first.split("\n")
    assert (name, number) == ("event: session.created", "id: 1")
    assert json.loads(data.removeprefix("data: "))["type"] == "session.created"


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        (f"{PCM}&source=xx", "source", "unsupported_language"),
        (f"{PCM}&target=klingon", "target", "unsupported_language"),
        (f"{PCM}&sauce=en", "sauce", "unknown_parameter"),
        ("format=midi", "format", "invalid_value"),
        (f"{PCM}&rate=fast", "rate", "invalid_value"),
        (f"{PCM}&rate=1", "rate", "unsupported_rate"),
        (f"{PCM}&channels=0", "channels", "unsupported_channels"),
        (f"{PCM}&partials=perhaps", "partials", "invalid_value"),
        (f"{PCM}&delay=soon", "delay", "invalid_value"),
        (f"{PCM}&policy=la3", "policy", "invalid_value"),
        (f"{PCM}&hotwords={'x' * 301}", "hotwords", "invalid_value"),
        (f"{PCM}&source=en&source=de", "source", "invalid_request"),
        (PCM + "&target=de" * 3 + "".join(f"&target=x{i}" for i in range(8)), "target", None),
    ],
)
async def test_a_bad_query_is_told_which_key_and_why(
    url: str, query: str, param: str, code: str | None
) -> None:
    status, _, text = await post(f"{url}/v1/stream?{query}", script().pcm())
    error = json.loads(text)["error"]
    assert status == 400
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert code is None or error["code"] == code
    assert param in error["message"]


@pytest.mark.parametrize(("key", "names"), [("delay", Delay), ("policy", PolicyName)])
async def test_an_unknown_choice_is_told_all_there_are(url: str, key: str, names: object) -> None:
    _, _, text = await post(f"{url}/v1/stream?{PCM}&{key}=none", script().pcm())
    assert all(name in json.loads(text)["error"]["message"] for name in get_args(names))


async def test_delay_and_policy_are_the_sessions_own(url: str) -> None:
    events = await stream(f"{url}/v1/stream?{PCM}&delay=xhigh&policy=utterance", script().pcm())
    assert (events[0]["config"]["delay"], events[0]["config"]["policy"]) == ("xhigh", "utterance")
    [committed] = [e for e in events if e["type"] == "transcript.committed"]
    assert committed["text"] == "Good morning."


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_audio"),
        (b"this is not audio at all", "unknown_format"),
        (wav(b"")[:20], "invalid_audio"),
        (wav(b""), "empty_audio"),
    ],
)
async def test_a_bad_body_is_told_so_and_the_next_request_is_served(
    url: str, body: bytes, code: str
) -> None:
    status, _, text = await post(f"{url}/v1/stream", body)
    assert (status, json.loads(text)["error"]["code"]) == (400, code)
    assert said(await stream(f"{url}/v1/stream?{PCM}", script().pcm())) == "Good morning."


async def test_a_model_for_any_language_is_asked_only_for_languages() -> None:
    service = replace(scripted_service(script()), mt=StageInfo("any", "1", ()))
    async with serving(service) as url:
        status, _, text = await post(f"{url}/v1/stream?{PCM}&target=klingon", script().pcm())
        assert (status, json.loads(text)["error"]["code"]) == (400, "unsupported_language")
        events = await stream(f"{url}/v1/stream?{PCM}&target=yue", script().pcm())
    assert translated(events) == [("yue", "<yue>Good morning.")]


async def test_a_translator_that_cannot_go_on_is_not_asked_to_append() -> None:
    stuck = replace(MT_INFO, takes_prefix=False)
    async with serving(replace(scripted_service(script()), mt=stuck)) as url:
        ask = f"{url}/v1/stream?{PCM}&target=de"
        status, _, text = await post(f"{ask}&mt_mode=append", script().pcm())
        error = json.loads(text)["error"]
        assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "mt_mode")
        assert "use revise or final" in error["message"]
        events = await stream(ask, script().pcm())
    assert events[0]["config"]["mt_mode"] == "final"
    assert translated(events) == [("de", "<de>Good morning.")]


async def test_the_mode_of_translation_is_chosen_by_the_client_the_server_or_the_model() -> None:
    scripted = scripted_service(script())
    made_for_it = replace(scripted, mt=replace(MT_INFO, takes_open=True))
    server_says = replace(made_for_it, config=AppConfig.model_validate(REVISE))
    cases = [(scripted, "", "final"), (made_for_it, "", "append"), (server_says, "", "revise"),
             (server_says, "&mt_mode=final", "final")]  # fmt: skip
    for service, key, mode in cases:
        async with serving(service) as url:
            events = await stream(f"{url}/v1/stream?{PCM}&target=de{key}", script().pcm())
        assert events[0]["config"]["mt_mode"] == mode
        texts = [e for e in events if e["type"] == "translation.committed"]
        assert "".join(e["text"] for e in texts) == "<de>Good morning."
        assert [e["closed"] for e in texts][-1:] == [True]
        partial = [e for e in events if e["type"] == "translation.partial"]
        assert bool(partial) == (mode != "final")


async def test_a_glossary_reaches_the_model_that_takes_one_and_no_other() -> None:
    asked: list[MtRequest] = []

    class Noting(ScriptedPort):
        async def translate(self, request: MtRequest) -> Draft:
            asked.append(request)
            return await super().translate(request)

    service = scripted_service(script())
    object.__setattr__(service.ports, "mt", Noting(script()))
    terms = "target=de&glossary=morning%3DMorgen&glossary=de:good%3Dgut"
    async with serving(service) as url:
        status, _, text = await post(f"{url}/v1/stream?{PCM}&{terms}", script().pcm())
    error = json.loads(text)["error"]
    assert (status, error["param"]) == (400, "glossary")
    assert "instruction-tuned" in error["message"]
    async with serving(replace(service, mt=replace(MT_INFO, takes_glossary=True))) as url:
        await stream(f"{url}/v1/stream?{PCM}&{terms}", script().pcm())
    assert {request.glossary for request in asked} == {(("morning", "Morgen"), ("good", "gut"))}


async def test_a_client_that_is_gone_before_its_audio_is_no_fault_of_the_server() -> None:
    doors = build_doors(scripted_service(script()))
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/stream", "query_string": b"",
             "headers": []}  # fmt: skip
    await doors(scope, receive, send)
    assert answered[0]["status"] == 499


async def test_unknown_paths_and_methods_are_answered_in_the_same_shape(url: str) -> None:
    status, answer = await get(f"{url}/v1/nothing")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    status, answer = await get(f"{url}/v1/stream")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in answer["error"]["message"]


async def test_ready_names_the_stage_that_is_not() -> None:
    class Broken(ScriptedPort):
        async def info(self) -> StageInfo:
            raise EngineError("no replica answered")

    service = scripted_service(script())
    async with serving(service) as url:
        assert await get(f"{url}/health/ready") == (
            200,
            {"status": "ready", "stages": {"vad": "ready", "asr": "ready", "mt": "ready"}},
        )
    object.__setattr__(service.ports, "mt", Broken(script()))
    async with serving(service) as url:
        status, answer = await get(f"{url}/health/ready")
    assert status == 503
    assert answer["stages"] == {"vad": "ready", "asr": "ready", "mt": "no replica answered"}


async def test_whoever_asks_whether_it_is_ready_shares_the_answer_for_a_second() -> None:
    asked = 0
    now_s = 0.0

    class Counting(ScriptedPort):
        async def info(self) -> StageInfo:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.01)
            return await super().info()

    service = scripted_service(script())
    object.__setattr__(service.ports, "mt", Counting(script()))
    readiness = Readiness(service, clock=lambda: now_s)
    answers = await asyncio.gather(*(readiness.stages() for _ in range(100)))
    assert {answer["mt"] for answer in answers} == {"ready"}
    now_s = SHARED_S - 0.1
    await readiness.stages()
    assert asked == 1
    now_s = SHARED_S
    await readiness.stages()
    assert asked == 2


async def test_a_stage_that_breaks_its_contract_ends_the_session_with_an_error() -> None:
    class Broken(ScriptedPort):
        async def translate(self, request: MtRequest) -> Draft:
            raise ZeroDivisionError

    service = scripted_service(script())
    object.__setattr__(service.ports, "mt", Broken(script()))
    async with serving(service) as url:
        events = await stream(f"{url}/v1/stream?{PCM}&target=de", script().pcm())
    assert [e["type"] for e in events[-2:]] == ["error", "session.closed"]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
