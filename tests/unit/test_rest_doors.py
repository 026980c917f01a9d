"""The REST doors over a real socket: every format, every kind of error, openapi.json."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message

from deployments.types import (
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    StageUnavailableError,
)
from serve_app.api.rest.openapi import description
from serve_app.api.rest.upload import UploadMemory, read_upload
from serve_app.api.routes import build_doors
from serve_app.api.web import WEB_ROUTES
from serve_app.config import AppConfig
from serve_app.limits.settings import LimitSettings
from serve_app.runner import Ports
from tests.support.doors import ScriptedPort, scripted_service, serving
from tests.support.scripted import Script, Spoken
from tests.unit.test_decoders import silence
from tests.unit.test_stream_door import wav

TRANSCRIBE = "/v1/audio/transcriptions"
TRANSLATE = "/v1/audio/translations"
TEXT = "Good morning. Where now?"


def script() -> Script:
    words = [
        *[Spoken("Good", 300, 600), Spoken("morning.", 600, 1_100)],
        *[Spoken("Where", 2_500, 2_800), Spoken("now?", 2_900, 3_300)],
    ]
    return Script(words, length_ms=5_000)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(scripted_service(script())) as base:
        yield base


Fields = list[tuple[str, str]]


def form(fields: Fields, audio: bytes | None) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in fields:
        data.add_field(name, value)
    if audio is not None:
        data.add_field("file", audio, filename="speech.wav")
    return data


async def post(
    url: str, fields: Fields, audio: bytes | None = None, *, model: str = "whisper-1"
) -> tuple[int, str, str]:
    audio = wav(script().pcm()) if audio is None else audio
    data = form([("model", model), *fields], audio)
    async with aiohttp.ClientSession() as http, http.post(url, data=data) as answer:
        return answer.status, answer.content_type, await answer.text()


async def answered(url: str, *fields: tuple[str, str]) -> Any:  # noqa: ANN401 - JSON
    status, _, text = await post(url, list(fields))
    assert status == 200, text
    return json.loads(text)


def schema(name: str) -> Draft202012Validator:
    components = description()["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(event.removeprefix("data: ")) for event in body.strip().split("\n\n")]


async def test_json(url: str) -> None:
    told = await answered(url + TRANSCRIBE)
    assert told == {
        "text": TEXT,
        "languages": [{"code": "en"}],
        "usage": {"type": "duration", "seconds": 5.0},
    }
    schema("Transcription").validate(told)


async def test_logprobs(url: str) -> None:
    told = await answered(url + TRANSCRIBE, ("include[]", "logprobs"))
    assert "".join(entry["token"] for entry in told["logprobs"]).strip() == TEXT
    assert told["logprobs"][0] == {
        "token": " Good",
        "logprob": -0.1054,
        "bytes": list(b" Good"),
    }
    schema("Transcription").validate(told)


@pytest.mark.parametrize(
    ("response_format", "media_type", "body"),
    [
        ("text", "text/plain", f"{TEXT}\n"),
        (
            "srt",
            "text/plain",
            "1\n00:00:00,300 --> 00:00:01,100\nGood morning.\n\n"
            "2\n00:00:02,500 --> 00:00:03,300\nWhere now?\n\n",
        ),
        (
            "vtt",
            "text/vtt",
            "WEBVTT\n\n00:00:00.300 --> 00:00:01.100\nGood morning.\n\n"
            "00:00:02.500 --> 00:00:03.300\nWhere now?\n\n",
        ),
    ],
)
async def test_text_formats(url: str, response_format: str, media_type: str, body: str) -> None:
    answer = await post(url + TRANSCRIBE, [("response_format", response_format)])
    assert answer == (200, media_type, body)


@pytest.mark.parametrize("granularities", [(), ("segment",), ("word",), ("word", "segment")])
async def test_verbose_json(url: str, granularities: tuple[str, ...]) -> None:
    asked = [("timestamp_granularities[]", name) for name in granularities]
    told = await answered(url + TRANSCRIBE, ("response_format", "verbose_json"), *asked)
    schema("TranscriptionVerbose").validate(told)
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "english", 5.0)
    assert ("words" in told) == ("word" in granularities)
    assert ("segments" in told) == (granularities != ("word",))
    if "words" in told:
        assert told["words"][2] == {"word": "Where", "start": 2.5, "end": 2.8}
    if "segments" in told:
        assert "".join(segment["text"] for segment in told["segments"]).strip() == TEXT
        assert (told["segments"][1]["start"], told["segments"][1]["end"]) == (2.5, 3.3)
        assert told["segments"][1]["seek"] == 233  # 160 ms before the word, on a frame of 32 ms


@pytest.mark.parametrize("door", [TRANSCRIBE, TRANSLATE])
async def test_stream(url: str, door: str) -> None:
    status, media_type, body = await post(url + door, [("stream", "true")])
    assert (status, media_type) == (200, "text/event-stream")
    *deltas, done = events(body)
    assert "".join(event["delta"] for event in deltas) == done["text"] == TEXT
    assert len(deltas) == 2
    for event in deltas:
        schema("TranscriptTextDelta").validate(event)
    schema("TranscriptTextDone").validate(done)
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + 4 == 54


async def test_translations_into_any_language(url: str) -> None:
    assert await answered(url + TRANSLATE) == {"text": TEXT}
    german = await answered(url + TRANSLATE, ("target_language", "de-AT"))
    assert german == {"text": "<de>Good morning. <de>Where now?"}
    verbose = await answered(
        url + TRANSLATE,
        ("target_language", "Spanish"),
        ("source_language", "en"),
        ("response_format", "verbose_json"),
    )
    schema("TranslationVerbose").validate(verbose)
    assert (verbose["task"], verbose["language"]) == ("translate", "spanish")
    assert verbose["segments"][0]["text"] == " <es>Good morning."


async def test_fields_go_where_they_belong() -> None:
    said = script()
    async with serving(scripted_service(said)) as url:
        await answered(
            url + TRANSCRIBE,
            *[("languages[]", "de"), ("languages[]", "es")],
            *[("keywords", "Zürich"), ("keywords", "Genf"), ("prompt", "On trains.")],
            *[("temperature", "0.5"), ("language", ""), ("chunking_strategy", "auto")],
            *[("known_speaker_names[]", "me"), ("known_speaker_references[]", "data:,")],
        )
        await answered(url + TRANSCRIBE, ("language", "German"))
        await answered(url + TRANSCRIBE, ("languages", "es"))
    first, last, only = said.requests[0], said.requests[2], said.requests[-1]
    assert (first.language, first.languages) == (None, ("de", "es"))
    assert (first.context, first.hotwords) == ("On trains.", "Zürich, Genf")
    assert (last.language, last.languages) == ("de", ())
    assert (only.language, only.languages) == ("es", ())


@pytest.mark.parametrize(
    "vad",
    [
        [
            ("chunking_strategy[type]", "server_vad"),
            ("chunking_strategy[silence_duration_ms]", "2000"),
        ],
        [("chunking_strategy", '{"type":"server_vad","silence_duration_ms":2000}')],
    ],
)  # fmt: skip
async def test_longer_silences_join_utterances(vad: Fields) -> None:
    said = script()
    async with serving(scripted_service(said)) as url:
        assert (await answered(url + TRANSCRIBE, *vad))["text"] == TEXT
    assert len(said.requests) == 1


async def test_full_windows_where_short_ones_cost_the_same() -> None:
    said = script()
    service = scripted_service(said)
    fixed = replace(service.asr, fixed_window_samples=480_000)
    async with serving(replace(service, asr=fixed)) as url:
        assert (await answered(url + TRANSCRIBE))["text"] == TEXT
    assert len(said.requests) == 1


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ([("response_format", "diarized_json")], "response_format", "unsupported_value"),
        ([("response_format", "docx")], "response_format", "invalid_value"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities", "unsupported_value"),
        ([("include[]", "logprobs"), ("response_format", "text")], "include", "unsupported_value"),
        ([("include[]", "smells")], "include", "invalid_value"),
        ([("stream", "true"), ("response_format", "srt")], "stream", "unsupported_value"),
        ([("stream", "perhaps")], "stream", "invalid_value"),
        ([("temperature", "2")], "temperature", "invalid_value"),
        ([("language", "xx")], "language", "unsupported_language"),
        ([("languages[]", "xx")], "languages", "unsupported_language"),
        ([("langauge", "en")], "langauge", "unknown_parameter"),
        ([("langauge", "")], "langauge", "unknown_parameter"),
        ([("target_language", "de")], "target_language", "unknown_parameter"),
        ([("a[b][c]", "x")], "a[b][c]", "unknown_parameter"),
        ([("language[x]", "en")], "language", "invalid_value"),
        ([("keywords[x]", "en")], "keywords[x]", "unknown_parameter"),
        ([("language", "en"), ("language", "de")], "language", "repeated_field"),
        ([("chunking_strategy[type]", "magic")], "chunking_strategy", "invalid_value"),
        ([("chunking_strategy", "{")], "chunking_strategy", "invalid_value"),
    ],
)  # fmt: skip
async def test_a_bad_field_is_told_which_and_why(
    url: str, fields: Fields, param: str, code: str
) -> None:
    status, _, text = await post(url + TRANSCRIBE, fields)
    answer = json.loads(text)
    schema("ErrorAnswer").validate(answer)
    assert status == 400, text
    assert (answer["error"]["param"], answer["error"]["code"]) == (param, code)
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("audio", "code"),
    [
        (b"", "empty_audio"),
        (b"this is no audio at all", "unknown_format"),
        (wav(b"")[:20], "invalid_audio"),
        (wav(b""), "empty_audio"),
        (b"fLaC" + bytes(100), "invalid_audio"),
    ],
)
@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_bad_file_is_told_so(url: str, audio: bytes, code: str, stream: str) -> None:
    status, _, text = await post(url + TRANSCRIBE, [("stream", stream)], audio)
    error = json.loads(text)["error"]
    assert (status, error["code"], error["param"]) == (400, code, "file")


async def test_an_unknown_model_is_told_which_there_are(url: str) -> None:
    status, _, text = await post(url + TRANSCRIBE, [], model="gpt-9")
    error = json.loads(text)["error"]
    assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "whisper-1" in error["message"]


async def test_requests_without_a_form_a_model_or_a_file(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for body, code in (
            ({"json": {"model": "whisper-1"}}, "unsupported_content_type"),
            ({"data": form([("model", "whisper-1")], None)}, "unsupported_content_type"),
            ({"data": form([], wav(script().pcm()))}, "missing_parameter"),
            ({"data": b"x", "headers": {"content-type": "multipart/form-data"}}, "invalid_form"),
            (
                {"data": b"x", "headers": {"content-type": "multipart/form-data; boundary=a"}},
                "invalid_form",
            ),
            (
                {
                    "data": b'--a\r\ncontent-disposition: form-data; name="file"; filename="f"'
                    b"\r\n\r\nRIFF",
                    "headers": {"content-type": "multipart/form-data; boundary=a"},
                },
                "invalid_form",
            ),
        ):  # fmt: skip
            async with http.post(url + TRANSCRIBE, **body) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["code"] == code


async def test_limits_of_size_and_length() -> None:
    audio = wav(script().pcm())
    service = scripted_service(script())

    async def status(**limits: int) -> tuple[int, str]:
        config = AppConfig.model_validate({"limits": limits})
        async with serving(replace(service, config=config)) as url:
            code, _, text = await post(url + TRANSCRIBE, [], audio)
            return code, json.loads(text).get("error", {}).get("code", "")

    assert await status(upload_bytes=len(audio), file_audio_s=5) == (200, "")
    assert await status(upload_bytes=len(audio) - 1) == (413, "file_too_large")
    assert await status(file_audio_s=4) == (413, "audio_too_long")


class Gone(ScriptedPort):
    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        raise StageUnavailableError("no replica")


class GoneLater(ScriptedPort):
    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        heard = await super().transcribe(request)
        if "Where" in heard.words[0].text:
            raise StageUnavailableError("no replica")
        return heard


class Waiting(ScriptedPort):
    """Hears nothing until it may."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        self.asked.set()
        await self.may.wait()
        return await super().transcribe(request)


async def test_one_file_too_many_is_429_with_a_time_to_come_back() -> None:
    port = Waiting(script())
    service = replace(
        scripted_service(script()),
        ports=Ports(port, port, port),
        config=AppConfig.model_validate({"files": {"max_files": 1}}),
    )
    async with serving(service) as url, aiohttp.ClientSession() as http:
        first = asyncio.create_task(post(url + TRANSCRIBE, []))
        await port.asked.wait()
        data = form([("model", "whisper-1")], wav(script().pcm()))
        async with http.post(url + TRANSCRIBE, data=data) as answer:
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) > 0
            assert (await answer.json())["error"]["type"] == "rate_limit_error"
        port.may.set()
        assert (await first)[0] == 200


async def test_an_upload_takes_no_place_until_it_has_come() -> None:
    config = AppConfig.model_validate({"files": {"max_files": 1}})
    whole = form([("model", "whisper-1")], wav(script().pcm()))()
    part_sent, rest_may_go = asyncio.Event(), asyncio.Event()
    body = await whole.as_bytes()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:-1_000]
        part_sent.set()
        await rest_may_go.wait()
        yield body[-1_000:]

    async with (
        serving(replace(scripted_service(script()), config=config)) as url,
        aiohttp.ClientSession() as http,
    ):
        headers = {"content-type": whole.content_type}
        slow = asyncio.create_task(http.post(url + TRANSCRIBE, data=slowly(), headers=headers))
        await part_sent.wait()
        async with http.get(f"{url}/v1/models") as answer:  # by now it has begun to read
            assert answer.status == 200
        assert (await answered(url + TRANSCRIBE))["text"] == TEXT
        rest_may_go.set()
        async with await slow as answer:
            assert answer.status == 200


async def test_a_file_that_is_no_audio_is_refused_before_all_of_it_has_come(url: str) -> None:
    never = asyncio.Event()
    whole = form([("model", "whisper-1")], b"words, words, words" + bytes(1_000_000))()
    body = await whole.as_bytes()

    async def part() -> AsyncIterator[bytes]:
        yield body[:100_000]
        await never.wait()

    headers = {"content-type": whole.content_type}
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as http,
        http.post(url + TRANSCRIBE, data=part(), headers=headers) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "unknown_format"


async def test_an_empty_file_is_told_as_one_whatever_comes_behind_it(url: str) -> None:
    body = (
        b'--a\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\r\n'
        b'--a\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-4o-transcribe\r\n--a--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=a"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url + TRANSCRIBE, data=body, headers=headers) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "empty_audio"


@pytest.mark.parametrize("size", [1, 3, 7, 11, 12, 13, 1_000])
async def test_a_file_is_whole_in_whatever_pieces_it_comes(size: int) -> None:
    # What looks like the beginning of a boundary makes the parser hand it over in parts.
    audio = b"RIFF\r\n--WAVE\r\n--\r\r\n-" + bytes(range(256))
    whole = form([("model", "whisper-1")], audio)()
    body = await whole.as_bytes()
    messages = [
        {"type": "http.request", "body": body[at : at + size], "more_body": at + size < len(body)}
        for at in range(0, len(body), size)
    ]
    headers = [(b"content-type", whole.content_type.encode())]

    async def receive() -> Message:
        return messages.pop(0)

    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    memory = UploadMemory(10_000)
    upload = await read_upload(request, 10_000, 10, memory)
    assert upload.file.read() == audio
    assert upload.fields == (("model", "whisper-1"),)
    assert memory.held_bytes == len(body)
    upload.close()
    assert memory.held_bytes == 0


async def test_a_bomb_is_413() -> None:
    config = AppConfig.model_validate({"limits": {"file_audio_s": 600}})
    service = replace(scripted_service(script()), config=config)
    async with serving(service) as url:
        status, _, text = await post(url + TRANSCRIBE, [], silence("flac", "flac", 20))
    assert (status, json.loads(text)["error"]["code"]) == (413, "audio_too_long")


async def test_a_stage_that_is_away_is_503_with_a_time_to_come_back() -> None:
    port = Gone(script())
    service = replace(scripted_service(script()), ports=Ports(port, port, port))
    async with (
        serving(service) as url,
        aiohttp.ClientSession() as http,
        http.post(
            url + TRANSCRIBE, data=form([("model", "whisper-1")], wav(script().pcm()))
        ) as answer,
    ):
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        schema("ErrorAnswer").validate(await answer.json())


async def test_a_stage_that_goes_away_ends_the_stream_with_an_error() -> None:
    port = GoneLater(script())
    service = replace(scripted_service(script()), ports=Ports(port, port, port))
    async with serving(service) as url:
        status, _, body = await post(url + TRANSCRIBE, [("stream", "true")])
    first, last = events(body)
    assert (status, first["delta"]) == (200, "Good morning.")
    assert last["error"]["code"] == "unavailable"


async def test_models(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/v1/models") as answer:
            listed = await answer.json()
        async with http.get(f"{url}/v1/models/scripted-asr") as answer:
            assert await answer.json() in listed["data"]
        async with http.get(f"{url}/v1/models/org/name") as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (
                404,
                "model_not_found",
            )
    schema("ModelList").validate(listed)
    assert {"scripted-asr", "scripted-mt", "whisper-1"} <= {m["id"] for m in listed["data"]}


async def translated(url: str, **asked: object) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/translate", json=asked) as answer,
    ):
        return answer.status, await answer.json()


async def test_text_to_text(url: str) -> None:
    status, told = await translated(
        url, text=["Good day. How so?\n\nFine!", "Yes"], source="en", target=["de", "en"]
    )
    assert status == 200
    schema("TranslateAnswer").validate(told)
    assert [(t["index"], t["target"], t["text"]) for t in told["translations"]] == [
        (0, "de", "<de>Good day. <de>How so?\n\n<de>Fine!"),
        (0, "en", "Good day. How so?\n\nFine!"),
        (1, "de", "<de>Yes"),
        (1, "en", "Yes"),
    ]
    status, told = await translated(url, text="", source="en", target="de")
    assert told["translations"] == [{"index": 0, "target": "de", "text": ""}]


async def test_texts_let_live_speech_go_first() -> None:
    asked: list[MtRequest] = []

    class Listening(ScriptedPort):
        async def translate(self, request: MtRequest) -> Draft:
            asked.append(request)
            return await super().translate(request)

    service = scripted_service(script())
    object.__setattr__(service.ports, "mt", Listening(script()))
    async with serving(service) as url:
        await translated(url, text="One. Two.", source="en", target="de")
    assert [(request.source, request.background) for request in asked] == [
        ("One.", True),
        ("Two.", True),
    ]


async def test_sentences_run_together_where_the_language_has_no_spaces() -> None:
    service = replace(scripted_service(script()), mt=StageInfo("any", "1", ()))
    async with serving(service) as url:
        _, told = await translated(url, text="One. Two.", source="en", target="zh")
    assert told["translations"][0]["text"] == "<zh>One.<zh>Two."


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"source": "en", "target": "de"}, 400, "text"),
        ({"text": [], "source": "en", "target": "de"}, 400, "text"),
        ({"text": "x", "source": "xx", "target": "de"}, 400, "source"),
        ({"text": "x", "source": "en", "target": ["de", "xx"]}, 400, "target"),
        ({"text": "x", "source": "en", "target": "de", "sauce": 1}, 400, "sauce"),
        ({"text": "x", "source": "en", "target": "de", "model": "gpt"}, 404, "model"),
        ({"text": "x" * 20_001, "source": "en", "target": "de"}, 400, "text"),
    ],
)
async def test_bad_texts(url: str, asked: dict[str, Any], status: int, param: str) -> None:
    got, told = await translated(url, **asked)
    schema("ErrorAnswer").validate(told)
    assert (got, told["error"]["param"]) == (status, param)


async def test_a_text_too_large(url: str) -> None:
    body = io.BytesIO(b" " * (LimitSettings().json_bytes + 1))
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/translate", data=body) as answer,
    ):
        assert answer.status == 413


async def test_openapi_lists_every_rest_door(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/openapi.json") as answer:
        listed = await answer.json()
    doors = {
        (route.path.replace(":path", ""), method.lower())
        for route in build_doors(scripted_service(script())).routes
        if isinstance(route, Route) and route not in WEB_ROUTES
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, item in listed["paths"].items() for method in item}
    assert described == doors
    for name in listed["components"]["schemas"]:
        Draft202012Validator.check_schema(listed["components"]["schemas"][name])
