"""The doors on a real socket, in front of scripted stages."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import uvicorn

from deployments.types import (
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.config import AppConfig, with_resume_key
from serve_app.runner import Ports
from tests.support.scripted import Script, translate

ASR_INFO = StageInfo("scripted-asr", "1", ("de", "en", "es"))
MT_INFO = StageInfo("scripted-mt", "1", ("de", "en", "es"))


class ScriptedPort:
    """All three ports of one script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def detect(self, request: VadRequest) -> VadAnswer:
        return self._script.detect(request)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        return self._script.transcribe(request)

    async def translate(self, request: MtRequest) -> Draft:
        return translate(request)

    async def info(self) -> StageInfo:
        return ASR_INFO


def scripted_service(script: Script) -> Service:
    port = ScriptedPort(script)
    return Service(with_resume_key(AppConfig()), Ports(port, port, port), ASR_INFO, MT_INFO)


@asynccontextmanager
async def serving(service: Service, port: int = 0) -> AsyncIterator[str]:
    """The base URL of the doors, on a free port where none is named."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        keyed = replace(service, config=with_resume_key(service.config))
        config = uvicorn.Config(build_doors(keyed), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@contextmanager
def serving_beside(service: Service) -> Iterator[str]:
    """The same on a loop in a thread of its own, for tests that have none."""
    told: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over = asyncio.Event()
        async with serving(service) as url:
            told.set_result((url, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url, loop, over = told.result(timeout=30)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
