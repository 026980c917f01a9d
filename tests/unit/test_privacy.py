"""What people say is found in no log and no metric, on no disk, and nowhere once they have left."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel
from ray._common.formatters import JSONFormatter
from ray.exceptions import ActorDiedError, RayTaskError
from starlette.types import Message

from deployments.logs import discreet, discreet_traceback, set_up_logs
from deployments.metering.prometheus import PrometheusMeters
from deployments.types import AsrRequest, Draft, Hypothesis, MtRequest
from serve_app.api.failures import RequestFailedError
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.metrics import SessionMeters
from serve_app.session.session import Session
from tests.support.doors import ScriptedPort, scripted_service, serving
from tests.support.scripted import Script, Spoken
from tests.support.sockets import talk

SAID = "Marmalade"


class Quoting(BaseModel):
    words: int


class Failing(ScriptedPort):
    """A stage that fails on a sentence, and says so as libraries do: with the sentence."""

    def __init__(self, script: Script, stage: str) -> None:
        super().__init__(script)
        self._stage = stage

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        heard = await super().transcribe(request)
        if self._stage == "asr" and heard.words:
            raise RuntimeError(f"cannot align {heard.words[0].text}")
        return heard

    async def translate(self, request: MtRequest) -> Draft:
        if self._stage == "mt":
            try:
                Quoting.model_validate({"words": request.source})
            except ValueError as error:
                raise KeyError(request.source) from error
        return await super().translate(request)


def script() -> Script:
    return Script([Spoken(SAID, 300, 600)], length_ms=1_500)


def service(failing: str = "none") -> Service:
    plain = scripted_service(script())
    port = Failing(script(), failing)
    ports = replace(plain.ports, vad=port, asr=port, mt=port)
    return replace(plain, ports=ports, meters=SessionMeters(PrometheusMeters()))


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    logger = logging.getLogger("ray.serve")
    filters, level = list(logger.filters), logger.level
    set_up_logs()
    yield
    logger.filters = filters
    logger.setLevel(level)


def lines(caplog: pytest.LogCaptureFixture) -> str:
    """All that this project and Serve write, as it is written. In front of a replica there is
    no uvicorn, whose own log is left out."""
    ours = [one for one in caplog.records if one.name in ("ray.serve", "dragoman.audit")]
    return "\n".join([*map(JSONFormatter().format, ours), *map(logging.Formatter().format, ours)])


@pytest.mark.parametrize("failing", ["none", "asr", "mt"])
async def test_nothing_that_was_said_is_logged_or_measured(
    failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    app = service(failing)
    async with serving(app) as url:
        async with talk(url, f"?hotwords={SAID}&format=pcm_s16le&target=de") as one:
            await one.audio(script().pcm())
            await one.end()
            await one.rest()
        # A server that fails closes the connection.
        closing = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=closing) as http:
            query = f"{url}/v1/stream?format=pcm_s16le&target=de&glossary={SAID}%3DKonfit%C3%BCre"
            await (await http.post(query, data=script().pcm())).read()
            body = {"text": SAID, "source": "en", "target": "de"}
            await (await http.post(f"{url}/v1/translate", json=body)).read()
            await (await http.post(f"{url}/v1/translate", json={**body, SAID: 1})).read()
            await (await http.get(f"{url}/v1/models/{SAID}?q={SAID}")).read()
    said = lines(caplog)
    assert "session " in said
    assert ("Traceback" in said) is (failing != "none")
    assert SAID not in said
    meters = app.meters.meters
    assert isinstance(meters, PrometheusMeters)
    shown = meters.render()
    assert "dragoman_sessions_total" in shown
    assert SAID not in shown


async def test_what_leaves_a_replica_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Serve's proxy logs the message and the traceback of what the application raises."""
    caplog.set_level(logging.INFO)
    body = json.dumps({"text": SAID, "source": "en", "target": "de"}).encode()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/translate", "query_string": b"",
        "root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    with pytest.raises(RequestFailedError) as caught:
        await build_doors(service("mt"))(scope, receive, send)
    assert SAID not in "".join(traceback.format_exception(caught.value))
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["error"]["code"] == "internal_error"
    said = lines(caplog)
    assert "a request failed" in said
    assert "in translate" in said
    assert SAID not in said


def test_at_debug_a_traceback_is_whole(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("ray.serve")
    for level, whole in ((logging.INFO, False), (logging.DEBUG, True)):
        caplog.clear()
        caplog.set_level(level, "ray.serve")
        try:
            raise ValueError(SAID)
        except ValueError:
            logger.exception("it failed")
        assert (SAID in lines(caplog)) is whole


def test_a_traceback_tells_where_and_what_kind_and_no_message() -> None:
    def deep() -> None:
        raise ValueError(SAID)

    def shallow() -> None:
        try:
            deep()
        except ValueError as cause:
            raise KeyError(SAID) from cause

    with pytest.raises(KeyError) as caught:
        shallow()
    assert SAID in "".join(traceback.format_exception(caught.value))
    told = discreet_traceback(caught.value)
    assert SAID not in told
    assert ", in deep" in told
    assert told.index("ValueError") < told.index("which led to") < told.index("KeyError")
    assert "log_level DEBUG" in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(SAID), "ValueError"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (TimeoutError(), "TimeoutError"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("CUDA failed with error out of memory"),
         "RuntimeError: CUDA failed with error out of memory"),
        (RayTaskError("translate", f"Traceback: {SAID}", ValueError(SAID)), "RayTaskError"),
    ],
)  # fmt: skip
def test_errors_of_machines_keep_their_message(error: Exception, told: str) -> None:
    assert discreet(error) == told
    assert discreet(ActorDiedError()).startswith("ActorDiedError: ")


async def test_a_session_leaves_nothing_behind() -> None:
    async with serving(service()) as url, talk(url, "?format=pcm_s16le&target=de") as one:
        await one.audio(script().pcm())
        await one.until("transcript.committed")
        assert sessions() == 1
        await one.end()
        assert await one.rest() == 1000
        async with asyncio.timeout(10):
            while sessions():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)


def sessions() -> int:
    gc.collect()
    return sum(isinstance(one, Session) for one in gc.get_objects())


async def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    opened = __import__("os").open

    def watching(path: Any, flags: int, *rest: Any, **more: Any) -> int:  # noqa: ANN401
        if flags & 0o3:
            written.append(path)
        result: int = opened(path, flags, *rest, **more)
        return result

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.open", watching)
    form = aiohttp.FormData({"model": "whisper-1"})
    # Larger than what Starlette keeps in memory by itself.
    form.add_field("file", io.BytesIO(script().pcm() + bytes(3 << 20)), filename="a.wav")
    async with (
        serving(service()) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/audio/transcriptions", data=form) as answer,
    ):
        await answer.read()
    assert written == []
