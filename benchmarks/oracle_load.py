"""Servers whose engines are oracles, and paced streams of words to them, for what is no model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from benchmarks.environment import ROOT
from deployments.engines.oracle_audio import OracleWord, WordId, encode
from serve_app.client.pacing import PIECE_BYTES, Pacer
from serve_app.session.audio import to_samples

WORD_MS, SENTENCE_WORDS = 450, 6
SENTENCE_PAUSE_MS = 700


def oracle_config(directory: Path, changes: dict[str, Any]) -> Path:
    """serve_config.yaml with oracles; `args` and `deployments` (by name) of it are replaced."""
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    (application,) = config["applications"]
    application["args"] = {stage: {"engine": "oracle"} for stage in ("vad", "asr", "mt")}
    for section, values in changes.get("args", {}).items():
        application["args"][section] = {**application["args"].get(section, {}), **values}
    for deployment in application["deployments"]:
        change = dict(changes.get("deployments", {}).get(deployment["name"], {}))
        if "num_replicas" in change:
            deployment.pop("autoscaling_config", None)
        if scaling := change.pop("autoscaling_config", None):
            deployment["autoscaling_config"] = {**deployment["autoscaling_config"], **scaling}
        deployment.update(change)
    path = directory / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def speech(session: int, length_ms: int) -> bytes:
    """Words without end, sentence by sentence, as the oracle hears them."""
    words: list[OracleWord] = []
    at_ms = 500
    while at_ms + WORD_MS < length_ms:
        index = len(words)
        ends = index % SENTENCE_WORDS == SENTENCE_WORDS - 1
        begin, end = to_samples(at_ms), to_samples(at_ms + WORD_MS)
        words.append(OracleWord(WordId(session, index), begin, end, "en", "." if ends else ""))
        at_ms += WORD_MS + (SENTENCE_PAUSE_MS if ends else 0)
    return encode(words, 0, to_samples(length_ms)).astype("<i2").tobytes()


@dataclass(slots=True)
class Listening:
    """One paced stream and what came of it."""

    began_s: float = 0.0
    """On the loop's clock: when the first sample was spoken."""
    lags_ms: list[tuple[float, float]] = field(default_factory=list)
    """For each committed word when it came, on the loop's clock, and how long after it was said."""
    lateness_ms: list[float] = field(default_factory=list)
    refused: bool = False
    close_code: int | None = None


async def listen(url: str, pcm: bytes, into: Listening) -> None:
    """Send audio as it is spoken, on a WebSocket, and note when its words are committed."""
    loop = asyncio.get_running_loop()
    pacer = Pacer(clock=loop.time)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/stream?format=pcm_s16le&target=de") as socket,
    ):
        sending = asyncio.create_task(_send(socket, pacer, pcm))
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] == "error":
                into.refused = into.refused or event["code"] == "overloaded"
            elif event["type"] == "transcript.committed" and pacer.schedule is not None:
                into.began_s = pacer.schedule.start_s
                now_s = loop.time()
                into.lags_ms += [
                    (now_s, pacer.schedule.lag_ms(now_s, word["end_ms"])) for word in event["words"]
                ]
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        into.close_code = socket.close_code
    into.lateness_ms = pacer.lateness_ms


async def _send(socket: aiohttp.ClientWebSocketResponse, pacer: Pacer, pcm: bytes) -> None:
    with suppress(ConnectionError):  # Whoever listens notices how the connection ended.
        async for piece in pacer.pace(_pieces(pcm)):
            await socket.send_bytes(piece)
        await socket.send_json({"type": "end"})


async def _pieces(pcm: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), PIECE_BYTES):
        yield pcm[at : at + PIECE_BYTES]


@asynccontextmanager
async def together(tasks: list[asyncio.Task[None]]) -> AsyncIterator[None]:
    """Streams that run meanwhile; they are ended with it, whatever happens."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
