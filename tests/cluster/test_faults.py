"""Single faults while people speak: no committed word is lost, doubled, moved or told to others."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deployments.engines.oracle_audio import OracleWord, WordId
from serve_app.client.health import ask
from tests.cluster.conftest import Server, free_port
from tests.cluster.oracle_server import oracle_server
from tests.support.faults import (
    Speakers,
    called,
    kill,
    record,
    row_of,
    suffer,
    true,
    wait_until_well,
)
from tests.support.oracle import EXACT, Account, account_transcript, account_translation, speak
from tests.support.scrape import scrape
from tests.support.sockets import Wire, talk
from tests.support.traveller import Traveller

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

STREAMS, WORDS = 4, 18
FAILING, DEADLY, HANGING = 901, 902, 903
"""Sessions in which a word is said that a stage fails at, dies of or is stuck with."""
WORD_AT = 6
"""Which word of these sessions that is."""
WAITING_BYTES = 1 << 21
IDLE_S = 8
HANG_S = 4
HANGS_S = 10

CHANGES: dict[str, Any] = {
    "args": {
        "resume": {"keys": ["k" * 64]},
        "asr": {
            "oracle": {
                "delay_ms": 20,
                "failing_words": [WordId(FAILING, WORD_AT).text],
                "deadly_words": [WordId(DEADLY, WORD_AT).text],
            },
        },
        "mt": {
            "oracle": {"delay_ms": 20, "hanging_words": [WordId(HANGING, WORD_AT).text]},
            "hang_s": HANG_S,
        },
        "timeouts": {"mt_s": 4, "patience_s": 120},
        "limits": {"waiting_audio_bytes": WAITING_BYTES, "idle_s": IDLE_S},
        # Everybody comes back at a time.
        "admission": {"ramp_sessions": 1_000, "max_answer_s": 60, "max_backlog_s": 60},
    },
    "deployments": {
        "Ingress": {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.1}},
        "Asr": {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.1}},
        "Vad": {"ray_actor_options": {"num_cpus": 0.1}},
        "Mt": {"ray_actor_options": {"num_cpus": 0.1}},
    },
}
PROCESSES = {"Ingress": 2, "Asr": 2, "Vad": 1, "Mt": 1, "ServeController": 1, "ProxyActor": 1}


@dataclass
class Patient:
    """A server that is well before each test."""

    server: Server
    metrics_port: int
    census: Counter[str]
    numbers: int = 1

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pid(self) -> int:
        return self.server.process.pid

    def speakers(self, streams: int = STREAMS, words: int = WORDS) -> Speakers:
        """Sessions that nobody had before."""
        self.numbers += streams
        return Speakers.begin(self.url, streams, words, self.numbers - streams)

    async def kill(self, name: str) -> None:
        """One process of that name."""
        kill(self.pid, name)

    def get_well(self) -> float:
        return wait_until_well(self.pid, self.census, lambda: ask(self.url).ready)

    def sessions(self) -> float:
        return scrape(self.metrics_port).total("ray_dragoman_sessions_active")


@pytest.fixture(scope="module")
def hospital() -> Iterator[Patient]:
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    metrics_port = free_port()
    try:
        with oracle_server(directory, metrics_port, **CHANGES) as server:
            yield Patient(server, metrics_port, Counter(PROCESSES))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def patient(hospital: Patient) -> Patient:
    hospital.get_well()
    return hospital


@pytest.mark.parametrize(
    ("name", "fault", "seen"),
    [
        ("Asr", "an ASR replica is killed (of 2)", "nothing; its windows go to the other replica"),
        ("Mt", "the MT replica is killed", "text without translations until it is back"),
        ("Vad", "the VAD replica is killed", "nothing new until it is back, then all of it"),
        ("ServeController", "Serve's controller is killed", "nothing"),
    ],
)
async def test_no_client_notices_that_a_process_was_killed(
    patient: Patient, name: str, fault: str, seen: str
) -> None:
    row = await suffer(fault, seen, patient.speakers(), lambda: patient.kill(name))
    assert row.sound, row
    assert row.signs == {}


async def test_the_sessions_of_a_killed_ingress_go_on_at_the_other(patient: Patient) -> None:
    speakers = patient.speakers(2 * STREAMS)

    def cut() -> int:
        return sum(client.codes.count(1006) for client in speakers.clients)

    async def kill_one_with_sessions() -> float:
        for pid in called(patient.pid, "Ingress"):
            at_s = asyncio.get_running_loop().time()
            os.kill(pid, signal.SIGKILL)
            # On a busy machine all sessions may have come to the replica that answered first.
            with suppress(TimeoutError):
                await true(lambda: cut() > 0, within_s=5)
                return at_s
        raise AssertionError("no ingress replica had a session")

    row = await suffer(
        "an ingress replica is killed (of 2)",
        "its sockets end with 1006 and are taken up again at the other; others see nothing",
        speakers,
        kill_one_with_sessions,
    )
    assert row.sound, row
    assert set(row.signs) <= {"1006", "1011", "refused"}
    assert all(client.codes[-1] == 1000 for client in speakers.clients)


@pytest.mark.slow
async def test_sessions_wait_for_a_killed_proxy(patient: Patient) -> None:
    row = await suffer(
        "the only proxy is killed",
        "1006, then nobody answers until it is back; with a proxy on each of two nodes, the other",
        patient.speakers(),
        lambda: patient.kill("ProxyActor"),
    )
    assert row.sound, row
    assert row.signs["1006"] == STREAMS


async def test_text_flows_while_mt_hangs_and_translations_catch_up(patient: Patient) -> None:
    speakers = patient.speakers(words=2 * WORDS)

    def heard() -> list[int]:
        return [len(client.lags_ms) for client in speakers.clients]

    async def freeze() -> None:
        frozen = kill(patient.pid, "Mt", signal.SIGSTOP)
        before = heard()
        try:
            await asyncio.sleep(HANGS_S)
            assert all(now > then for then, now in zip(before, heard(), strict=True))
            health = await asyncio.to_thread(ask, patient.url)
            assert not health.ready
            assert health.stages["mt"] != "ready", health
        finally:
            os.kill(frozen, signal.SIGCONT)

    row = await suffer(
        f"the MT replica hangs for {HANGS_S} s",
        "text without translations, which catch up in order",
        speakers,
        freeze,
    )
    assert row.sound, row
    assert row.signs == {}


@pytest.mark.slow
async def test_an_engine_that_is_stuck_is_replaced(patient: Patient) -> None:
    stuck = Traveller(patient.url, speak(HANGING, WORDS))
    neighbours = patient.speakers(words=6 * WORDS)
    row = await suffer(
        "a segment that MT is stuck with",
        "a `translation_failed` for it after two tries; translations of others wait until the "
        "replica is replaced, twice",
        neighbours,
        stuck.travel,
    )
    assert row.sound, row
    assert row.signs == {}
    assert account_transcript(stuck.told, stuck.stream) == EXACT
    [warning] = [event for event in stuck.told if event["type"] == "warning"]
    assert warning["code"] == "translation_failed"
    assert "did not answer this twice" in warning["message"]


@pytest.mark.parametrize(
    ("session", "fault", "reason"),
    [
        (FAILING, "a window that ASR fails at", "told to fail at a word"),
        (DEADLY, "a window that ASR dies of", "replicas were lost with this request"),
    ],
)
async def test_a_window_that_asr_cannot_bear_is_passed_over(
    patient: Patient, session: int, fault: str, reason: str
) -> None:
    neighbours = patient.speakers(2, words=2 * WORDS)
    await neighbours.under_way()
    one = Traveller(patient.url, speak(session, WORDS))
    began_s = asyncio.get_running_loop().time()
    await one.travel()
    await neighbours.finish()
    warnings = [event for event in one.told if event["type"] == "warning"]
    assert {warning["code"] for warning in warnings} == {"transcription_failed"}
    assert all(reason in warning["message"] for warning in warnings)
    unbearable = one.stream.words[WORD_AT]
    for account in one.accounts:
        assert unbearable.word in account.lost
        assert {told_of(word, warnings) for word in words(one, account)} == {True}
    row = row_of(
        fault,
        "a `warning` with the stretch of audio that has no text; its neighbours see nothing",
        [one, *neighbours.clients],
        began_s,
    )
    warned = len(one.accounts[0].lost)
    row = replace(row, lost=row.lost - 2 * warned, warned=warned)
    record(row)
    assert row.sound, row
    assert set(row.signs) == {"transcription_failed"}
    # Each death is a request's first, second or third; after that it is not asked again.
    assert patient.get_well() < 60


def words(one: Traveller, account: Account) -> list[OracleWord]:
    return [word for word in one.stream.words if word.word in account.lost]


def told_of(word: OracleWord, warnings: list[Wire]) -> bool:
    """Whether a warning names the stretch of audio that the word lies in, at least in part."""
    spans = [re.search(r"from (\d+) to (\d+) ms", warning["message"]) for warning in warnings]
    return any(
        span is not None
        and word.start_samples / 16 < int(span[2])
        and word.end_samples / 16 > int(span[1])
        for span in spans
    )


async def test_clients_that_misbehave_harm_nobody_else(patient: Patient) -> None:
    neighbours = patient.speakers(2, words=3 * WORDS)
    await neighbours.under_way()
    loop = asyncio.get_running_loop()
    happened: list[tuple[str, str, float, float, int | None]] = []
    for fault, seen, misbehave in (
        ("a client is gone", "its session ends; nobody else sees anything", vanish),
        (
            "a client falls silent",
            f"1008 `idle_timeout` after `limits.idle_s` (here {IDLE_S} s)",
            fall_silent,
        ),
        ("a client sends too fast", "1013 `too_far_ahead`; it may resume", hurry),
        ("a client reads nothing", "all of it, once it reads", read_nothing),
    ):
        began_s, code = await misbehave(patient)
        happened.append((fault, seen, began_s, loop.time() - began_s, code))
    await neighbours.finish()
    assert [client.signs for client in neighbours.clients] == [[], []]
    for fault, seen, began_s, took_s, code in happened:
        row = row_of(fault, seen, neighbours.clients, began_s)
        assert row.sound, row
        signs = {str(code): 1} if code else {}
        record(replace(row, detect_s=round(took_s, 1), recover_s=None, signs=signs))
    await counted(patient, 0)


async def vanish(patient: Patient) -> tuple[float, None]:
    """Reset in the middle of a word: the server has a session less soon."""
    async with talk(patient.url) as one:
        await one.config(format="pcm_s16le", target=["de"])
        await one.audio(speak(800, WORDS).pcm(0, 80_000))
        await one.until("transcript.committed")
        await counted(patient, 3)
        began_s = asyncio.get_running_loop().time()
        one.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await counted(patient, 2)
    return began_s, None


async def fall_silent(patient: Patient) -> tuple[float, int | None]:
    async with talk(patient.url) as one:
        await one.config(format="pcm_s16le")
        await one.audio(bytes(32_000))
        began_s = asyncio.get_running_loop().time()
        code = await one.rest()
    assert one.wire[-2]["code"] == "idle_timeout"
    return began_s, code


async def hurry(patient: Patient) -> tuple[float, int | None]:
    async with talk(patient.url) as one:
        await one.config(format="pcm_s16le", target=["de"])
        began_s = asyncio.get_running_loop().time()
        await one.audio(speak(801, 200).pcm(0, 3 * WAITING_BYTES), 64_000)
        code = await one.rest()
    assert "too_far_ahead" in [event.get("code") for event in one.wire]
    assert code == 1013
    return began_s, code


async def read_nothing(patient: Patient) -> tuple[float, int | None]:
    stream = speak(802, WORDS)
    async with talk(patient.url) as one:
        await one.config(format="pcm_s16le", target=["de"])
        for piece in stream.pieces(3_200):
            await one.socket.send_bytes(piece)
            await asyncio.sleep(0.2)
        await one.end()
        began_s = asyncio.get_running_loop().time()
        code = await one.rest()
    assert account_transcript(one.wire, stream) == EXACT
    assert account_translation(one.wire, stream, "de") == EXACT
    return began_s, code


async def counted(patient: Patient, sessions: int) -> None:
    """Until the server says that it has so many."""
    async with asyncio.timeout(30):
        while await asyncio.to_thread(patient.sessions) != sessions:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
