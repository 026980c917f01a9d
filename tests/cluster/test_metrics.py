"""What a scrape says under load agrees with what the clients counted."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest

from serve_app.session.events import TranscriptCommitted
from tests.cluster.conftest import free_port
from tests.cluster.oracle_server import oracle_server
from tests.support.oracle import EXACT, OracleStream, account_transcript, speak
from tests.support.scrape import Scrape, scrape
from tests.support.sockets import Talk, talk

pytestmark = pytest.mark.cluster

STREAMS = 6
PACE = 4.0
"""Times the speed of speech."""
PIECE_SAMPLES = 1_600
SETTLED_S = 15.0
AUDIO, DROPPED = (
    "ray_dragoman_audio_seconds_total",
    "ray_dragoman_audio_dropped_seconds_total",
)


async def say(url: str, stream: OracleStream) -> Talk:
    async with talk(url) as one:
        await one.config(format="pcm_s16le", target=["de"])

        async def speaking() -> None:
            for piece in stream.pieces(PIECE_SAMPLES):
                await one.socket.send_bytes(piece)
                await asyncio.sleep(PIECE_SAMPLES / 16_000 / PACE)
            await one.end()

        task = asyncio.create_task(speaking())
        assert await one.rest() == 1000
        await task
        return one


def settled(port: int) -> Scrape:
    """The first scrape that has heard of the end of all sessions: reports come once a second."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        seen = scrape(port)
        if seen.total("ray_dragoman_sessions_total") >= STREAMS:
            return seen
        assert time.monotonic() < deadline, "the figures did not arrive"
        time.sleep(0.5)


async def test_the_sums_of_a_scrape_are_those_of_the_clients(short_directory: Path) -> None:
    port = free_port()
    # From 1: the first word of session 0 is seven zeros, which logs are full of.
    streams = [speak(number, 30) for number in range(1, STREAMS + 1)]
    sent_s = sum(stream.length_samples for stream in streams) / 16_000
    with oracle_server(short_directory, port, encoding="JSON") as server:
        talks = await asyncio.gather(*(say(server.url, stream) for stream in streams))
        for one, stream in zip(talks, streams, strict=True):
            assert account_transcript(one.wire, stream) == EXACT
        events = [event for one in talks for event in one.events]
        words = sum(len(e.words) for e in events if isinstance(e, TranscriptCommitted))
        seen = await asyncio.to_thread(settled, port)
    assert words == STREAMS * 30
    assert seen.total(AUDIO, stage="received") == pytest.approx(sent_s, abs=0.01)
    assert seen.total(AUDIO, stage="transcribed") == pytest.approx(sent_s, abs=0.01)
    assert seen.total(DROPPED) == 0
    assert seen.total("ray_dragoman_committed_words_total", src="en") == words
    assert seen.total("ray_dragoman_commit_lag_seconds_count", deployment="Ingress") == words
    completed = seen.total("ray_dragoman_sessions_total", transport="ws", outcome="completed")
    assert completed == STREAMS
    assert seen.total("ray_dragoman_sessions_active") == 0
    assert seen.total("ray_dragoman_closes_total", code="1000", by="server") == STREAMS
    assert seen.total("ray_dragoman_errors_total") == 0
    for stage in ("vad", "asr", "mt"):
        batches = seen.total("ray_dragoman_batch_size_count", stage=stage)
        assert batches == seen.total("ray_dragoman_stage_seconds_count", stage=stage) > 0
        requests = seen.total("ray_dragoman_stage_seconds_count", stage=f"queue_{stage}")
        assert requests >= batches
    assert seen.total("ray_dragoman_model_info", stage="asr", model="oracle-asr") == 1
    require_quiet_logs(short_directory, talks, streams)


def require_quiet_logs(directory: Path, talks: list[Talk], streams: list[OracleStream]) -> None:
    """Every session is in the ingress' log, as JSON, and nothing that was said is in any."""
    files = [path for path in directory.rglob("*") if path.is_file() and "logs" in path.parts]
    text = "\n".join(path.read_text(errors="replace") for path in files)
    lines = [json.loads(line) for line in text.splitlines() if '"service": "dragoman"' in line]
    opened = [line for line in lines if " opened: " in line["message"]]
    written = set(re.findall(r"[a-z0-9]+", text))
    sessions = {line["session_id"] for line in opened}
    assert sessions == {one.wire[0]["session_id"] for one in talks}
    for line in opened:
        assert {"timestamp", "level", "request_id", "deployment", "replica"} <= line.keys()
    for stream in streams:
        assert not {word.word.text for word in stream.words} & written
