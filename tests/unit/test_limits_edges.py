"""Every limit one below, at, and one above: those that no other file tests at the doors."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from deployments.types import StageInfo
from serve_app.api.boxes import (
    ClientTooSlowError,
    Inbox,
    Message,
    Outbox,
    Reading,
    TooFarAheadError,
)
from serve_app.api.rest.upload import _FORM_BYTES, UploadMemory
from serve_app.api.service import Service
from serve_app.config import AppConfig
from serve_app.errors import BusyError
from serve_app.limits.audio import (
    Free,
    IdleError,
    SessionExpiredError,
    SessionLimits,
    within,
)
from serve_app.limits.ledger import Ask, ClientLimits, Ledger, Report
from serve_app.limits.settings import LimitSettings
from tests.support.doors import scripted_service, serving
from tests.support.oracle import speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.scripted import Script, Spoken
from tests.support.sockets import talk

TESTED_IN = {
    "upload_bytes": "here",
    "file_audio_s": "here",
    "json_bytes": "test_limits_doors.test_json_bytes",
    "json_depth": "test_limits_doors.test_json_depth_of_a_body",
    "query_bytes": "test_limits_doors.test_query_bytes",
    "header_bytes": "test_limits_doors.test_header_bytes",
    "min_rate_hz": "test_limits_doors.test_rates_and_channels, and here in containers",
    "max_rate_hz": "test_limits_doors.test_rates_and_channels, and here in containers",
    "max_channels": "test_limits_doors.test_rates_and_channels, and here in containers",
    "decoder_bytes": "test_decoders.test_a_decoder_has_what_it_needs_and_no_more",
    "decoder_cpu_s": "test_decoders.test_a_decoder_has_what_it_needs_and_no_more",
    "message_bytes": "test_limits_doors.test_message_bytes",
    "session_s": "here",
    "idle_s": "here",
    "audio_ahead_s": "test_limits_audio.test_audio_ahead_of_its_time_waits",
    "waiting_audio_bytes": "here",
    "waiting_body_bytes": "here",
    "unsent_events": "here",
    "unread_events": "here",
    "client_sessions": "here",
    "client_requests_per_minute": "here",
    "client_audio_s_per_day": "here",
}
ANY = StageInfo("oracle", "1", (), takes_open=True)
EDGES = [-1, 0, 1]
"""One below the limit, at it, one above."""


def test_no_limit_is_forgotten() -> None:
    assert set(TESTED_IN) == set(LimitSettings.model_fields)


def wav(rate: int, channels: int, frames: int) -> bytes:
    size = frames * channels * 2
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", size) + bytes(size)
    )  # fmt: skip


async def transcribed(audio: bytes, **limits: int) -> tuple[int, str, str]:
    """The status of a file, and the code and message of its refusal."""
    script = Script([Spoken("Good", 300, 600)], length_ms=1_500)
    service = scripted_service(script)
    config = AppConfig.model_validate({"limits": limits})
    form = aiohttp.FormData({"model": "whisper-1"})
    form.add_field("file", io.BytesIO(audio), filename="a.wav")
    async with (
        serving(replace(service, config=config)) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/audio/transcriptions", data=form) as answer,
    ):
        error = json.loads(await answer.text()).get("error", {})
        return answer.status, error.get("code", ""), error.get("message", "")


@pytest.mark.parametrize("by", EDGES)
async def test_upload_bytes(by: int) -> None:
    audio = wav(16_000, 1, 1_000)
    status, code, message = await transcribed(audio, upload_bytes=len(audio) - by)
    assert (status, code) == ((413, "file_too_large") if by > 0 else (200, ""))
    assert by <= 0 or "(limits.upload_bytes)" in message


@pytest.mark.parametrize("by", EDGES)
async def test_file_audio_s(by: int) -> None:
    status, code, message = await transcribed(wav(16_000, 1, 2 * 16_000 + by), file_audio_s=2)
    assert (status, code) == ((413, "audio_too_long") if by > 0 else (200, ""))
    assert by <= 0 or "limits.file_audio_s" in message


@pytest.mark.parametrize(
    ("rate", "channels", "setting"),
    [
        (15_999, 1, "limits.min_rate_hz"),
        (16_000, 1, None),
        (16_001, 1, None),
        (23_999, 1, None),
        (24_000, 1, None),
        (24_001, 1, "limits.max_rate_hz"),
        (16_000, 2, None),
        (16_000, 3, None),
        (16_000, 4, "limits.max_channels"),
    ],
)
async def test_rates_and_channels_in_a_container(
    rate: int, channels: int, setting: str | None
) -> None:
    limits = {"min_rate_hz": 16_000, "max_rate_hz": 24_000, "max_channels": 3}
    status, _, message = await transcribed(wav(rate, channels, rate // 2), **limits)
    assert status == (400 if setting else 200)
    assert setting is None or setting in message


@pytest.mark.parametrize("by", EDGES)
def test_held_bytes(by: int) -> None:
    memory = UploadMemory(10_000)
    memory.take(9_000 + _FORM_BYTES)
    if by <= 0:
        memory.take(1_000 + by)
        return
    with pytest.raises(BusyError, match=r"10000 bytes .* \(files\.held_bytes\)"):
        memory.take(1_000 + by)
    assert memory.held_bytes == 9_000 + _FORM_BYTES


def test_a_file_that_could_never_be_held_is_refused_at_the_start() -> None:
    for by in (-1, 0, 1):
        tree = {"limits": {"upload_bytes": 5_000}, "files": {"held_bytes": 5_000 + by}}
        if by >= 0:
            AppConfig.model_validate(tree)
            continue
        with pytest.raises(ValueError, match=r"held_bytes=4999 .* limits\.upload_bytes=5000"):
            AppConfig.model_validate(tree)


SECOND = bytes(32_000)


async def heard(at_s: list[float], limits: SessionLimits, items: list[bytes | str]) -> int:
    """How many items a session takes that come at these times."""
    now_s, taken = 0.0, 0

    async def coming() -> AsyncIterator[bytes | str]:
        nonlocal now_s
        for time_s, item in zip(at_s, items, strict=True):
            now_s = time_s
            yield item

    async for _ in within(coming(), limits, Free(), clock=lambda: now_s):
        taken += 1
    return taken


@pytest.mark.parametrize("by", EDGES)
async def test_session_s(by: int) -> None:
    limits = SessionLimits(session_s=60, idle_s=1_000, ahead_s=None)
    coming = heard([0.0, 60.0 + by], limits, [SECOND, SECOND])
    if by < 0:
        assert await coming == 2
        return
    # At the limit the session has lasted as long as one may.
    with pytest.raises(SessionExpiredError, match=r"60 s, as long as .* \(limits\.session_s\)"):
        await coming


@pytest.mark.parametrize("by", EDGES)
async def test_idle_s(by: int) -> None:
    now_s = 0.0

    async def speaker() -> AsyncIterator[bytes | str]:
        nonlocal now_s
        yield SECOND
        now_s = 20.0 + by
        # Anything but audio.
        yield "update"
        await asyncio.sleep(0.02)
        yield SECOND

    limits = SessionLimits(session_s=1_000, idle_s=20, ahead_s=None)
    taken: list[bytes | str] = []

    async def take() -> None:
        async for item in within(speaker(), limits, Free(), clock=lambda: now_s):
            taken.append(item)

    if by < 0:
        await take()
        assert taken == [SECOND, "update", SECOND]
        return
    with pytest.raises(IdleError, match=r"No audio came for 20 s \(limits\.idle_s\)"):
        await take()
    assert taken == [SECOND, "update"]


@pytest.mark.parametrize("by", EDGES)
@pytest.mark.parametrize("setting", ["waiting_audio_bytes", "waiting_body_bytes"])
def test_what_waits_to_be_taken(setting: str, by: int) -> None:
    limit = getattr(LimitSettings.model_validate({setting: 1 << 21}), setting)
    inbox: Inbox[str] = Inbox(limit, f"limits.{setting}")
    inbox.put(bytes(limit - 100))
    if by <= 0:
        inbox.put(bytes(100 + by))
        assert inbox.waiting_bytes == limit + by
        return
    with pytest.raises(TooFarAheadError, match=rf"2097152 bytes .* \(limits\.{setting}\)"):
        inbox.put(bytes(100 + by))


@pytest.mark.parametrize("by", EDGES)
def test_unsent_events(by: int) -> None:
    limit = LimitSettings(unsent_events=16).unsent_events
    outbox = Outbox(limit)
    for number in range(min(limit, limit + by)):
        outbox.put(Message(str(number)))
    if by > 0:
        with pytest.raises(ClientTooSlowError, match=r"16 events .* \(limits\.unsent_events\)"):
            outbox.put(Message("one more"))


@pytest.mark.parametrize("by", EDGES)
def test_unread_events(by: int) -> None:
    reading = Reading(LimitSettings(unread_events=16).unread_events)
    for seq in range(1, 101):
        reading.tell(seq)
    # A client cannot have read what it was not told.
    reading.has_read(10_000)
    reading.has_read(5)
    if by <= 0:
        reading.tell(116 + by)
        return
    with pytest.raises(ClientTooSlowError, match=r"16 events .* \(limits\.unread_events\)"):
        reading.tell(116 + by)


@pytest.mark.parametrize(("says", "code"), [(True, 1013), (False, 1000)])
async def test_a_client_that_says_it_reads_and_does_not_is_closed(says: bool, code: int) -> None:
    stream = speak(session=3, count=24)
    config = oracle_config().model_copy(update={"limits": LimitSettings(unread_events=16)})
    service = Service(config, OraclePorts(config).ports, ANY, ANY)
    async with serving(service) as url, talk(url) as one:
        await one.config(format="pcm_s16le", target=["de"])
        await one.until("session.created")
        if says:
            await one.socket.send_json({"type": "received", "seq": 1})
        await one.audio(stream.pcm())
        await one.end()
        assert await one.rest() == code


@pytest.mark.parametrize("message", ['"seq":"1"', '"seq":true', '"sec":1', '"seq":1,"x":2'])
async def test_what_was_read_is_said_with_a_number(message: str) -> None:
    service = scripted_service(Script([Spoken("Good", 300, 600)], length_ms=1_500))
    async with serving(service) as url, talk(url) as one:
        await one.config(format="pcm_s16le")
        await one.socket.send_str('{"type":"received",' + message + "}")
        error = await one.until("error")
        assert (error["code"], await one.rest()) == ("invalid_message", 1008)


@pytest.mark.parametrize("by", EDGES)
def test_shares_of_a_client(by: int) -> None:
    limits = ClientLimits(sessions=3, requests_per_minute=5, audio_s_per_day=100)

    def refused(share: str, ledger: Ledger, asks: list[Ask]) -> None:
        answers = [ledger.admit(ask, 0.0) for ask in asks]
        told = [answer.share for answer in answers if answer is not None]
        assert told == ([share] if by > 0 else [])

    sessions = [Ask("kiosk", f"lease{number}") for number in range(3 + by)]
    refused("client_sessions", Ledger(limits), sessions)
    refused("client_requests_per_minute", Ledger(limits), [Ask("kiosk")] * (5 + by))
    ledger = Ledger(limits)
    # A request with audio wants a second of it to be left.
    ledger.report(Report(audio_s={"kiosk": 99.0 + by}), 0.0)
    refused("client_audio_s_per_day", ledger, [Ask("kiosk", audio=True)])
    exhausted = ledger.report(Report(audio_s={"kiosk": 1.0}), 0.0)
    assert ("kiosk" in exhausted) is (by > 0)
