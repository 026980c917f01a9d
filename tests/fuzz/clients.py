"""Clients of all three sockets who say anything in any order: no defect, and nobody hears another.

The doors are real, on a real socket, and so are the sessions; the engines are oracles. What a
native session says names the session and the word, so that one that strays is known anywhere.
"""

from __future__ import annotations

import base64
import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from deployments.engines.oracle_audio import WordId
from serve_app.api.service import Service
from serve_app.config import AdmissionSettings, with_resume_key
from tests.support.doors import serving_beside
from tests.support.oracle import OracleStream, account_transcript, speak
from tests.support.oracle_stages import OraclePorts, oracle_config

DOORS = {
    "native": "/v1/stream",
    "realtime": "/v1/realtime",
    "translations": "/v1/realtime/translations",
}
WAIT_S = 60.0
MAX_CLIENTS = 3
FAILED = {1006, 1011}
"""What a client sees of a server that has a defect."""
DEFECTS = {"internal_error", "stage_failed"}
WORDS = 6
QUERIES = ("", "?target=de", "?language=de", "?resume=", "?resume=d1.e30.AA", "?partials=true")
CLOSE_S = 1.0
PIECE_SAMPLES = 8_000

HEARD: Counter[str] = Counter()
"""Words that were told of, by door; without any, nothing would be shown."""
_session = itertools.count(1)


def oracle_service() -> Service:
    ports = OraclePorts(oracle_config(mt={"languages": ["de", "en", "es"]}))
    open_house = AdmissionSettings(ramp_sessions=100_000, max_answer_s=600, max_backlog_s=600)
    config = oracle_config().model_copy(update={"admission": open_house})
    return Service(with_resume_key(config), ports.ports, ports.asr.info, ports.mt.info)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "source": st.sampled_from(["auto", "en", "xx", ""]),
        "target": st.lists(st.sampled_from(["de", "es", "xx"]), max_size=3),
        "format": st.sampled_from(["auto", "pcm_s16le", "wav", "webm", "mp3", "nothing"]),
        "rate": st.sampled_from([16_000, 48_000, 1, -1, 2**40]),
        "partials": st.booleans(),
        "policy": st.sampled_from(["la2", "utterance", "none"]),
        "delay": st.sampled_from(["minimal", "xhigh", ""]),
        "hotwords": st.text(max_size=400),
        "segments": JSON,
        "resume_token": st.just("d1.e30.AA") | st.text(max_size=8),
        "surplus": JSON,
    },
)
FIELDS = st.dictionaries(
    st.sampled_from(["session", "audio", "event_id", "item_id", "type"]), JSON, max_size=3
)
KINDS = st.sampled_from(
    [
        "session.update",
        "transcription_session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "session.input_audio_buffer.append",
        "config",
        "flush",
        "no.such.event",
    ]
)
UPDATES = st.sampled_from(
    [
        {"type": "transcription", "audio": {"input": {"turn_detection": None}}},
        {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}},
        {"type": "transcription", "audio": {"input": {"transcription": {"languages": ["en"]}}}},
        {"audio": {"output": {"language": "de"}}},
        {"audio": {"output": {"language": "xx"}}},
        {"audio": {"input": {"transcription": {"model": "m"}}}},
    ]
)


class Client:
    """One connection, and all that it was told."""

    def __init__(self, door: str, connection: ClientConnection, stream: OracleStream) -> None:
        self.door = door
        self.socket = connection
        self.stream = stream
        self.pieces = stream.pieces(PIECE_SAMPLES)
        self.told: list[dict[str, Any]] = []
        self.is_well_behaved = True
        """Whether it has sent its words, one after another, and nothing else that is audio."""
        self.said_all = False
        self.close_code: int | None = None

    def send(self, message: str | bytes) -> None:
        try:
            self.socket.send(message)
        except ConnectionClosed:
            self.listen(0)

    def listen(self, timeout_s: float) -> None:
        """All that has come by now."""
        try:
            while self.close_code is None:
                self.told.append(json.loads(self.socket.recv(timeout=timeout_s)))
        except TimeoutError:
            pass
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else 1006

    def end(self) -> None:
        """Say goodbye as the door has it, and hear it out."""
        goodbye = {"native": "end", "translations": "session.close"}.get(self.door)
        if goodbye:
            self.send(json.dumps({"type": goodbye}))
            deadline = time.monotonic() + WAIT_S
            while self.close_code is None and time.monotonic() < deadline:
                self.listen(1.0)
            assert self.close_code is not None, f"{self.door} did not end: {self.told[-3:]}"
        else:
            self.listen(0)
            self.socket.close()
        self.check()

    def check(self) -> None:
        """What no client may ever see."""
        assert self.close_code not in FAILED, (self.close_code, self.told[-3:])
        for event in self.told:
            assert not DEFECTS & codes(event), event
            for word in words(event):
                HEARD[self.door] += 1
                assert word.session == self.stream.session, f"{word} strayed to {self.stream}"
        if self.door == "native":
            account = account_transcript(self.told, self.stream)
            assert (account.doubled, account.reordered, account.leaked) == ((), (), ()), account
            if self.said_all and self.is_well_behaved and self.close_code == 1000:
                assert not account.lost, account


def codes(event: dict[str, Any]) -> set[str]:
    """Of an error, in either protocol."""
    inner = event.get("error")
    named = {event.get("code")} | ({inner.get("code")} if isinstance(inner, dict) else set())
    if isinstance(inner, dict) and inner.get("type") == "server_error":
        named.add("internal_error")
    return {code for code in named if code}


def words(event: dict[str, Any]) -> list[WordId]:
    """Those that an event mentions."""
    told = [event.get(key) for key in ("text", "delta", "transcript")]
    spoken = " ".join(text for text in told if isinstance(text, str))
    found = (WordId.of_text(text.rpartition("]")[2]) for text in spoken.split())
    return [word for word in found if word is not None]


class Clients(RuleBasedStateMachine):
    """Up to three of them, and a server that lives through it all."""

    url: str
    is_empty: Callable[[], bool]

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[Client] = []
        self.stack = ExitStack()

    @initialize()
    def somebody_comes(self) -> None:
        self._connect("native", "?format=pcm_s16le&target=de")

    @precondition(lambda self: len(self.clients) < MAX_CLIENTS)
    @rule(
        door=st.sampled_from(list(DOORS)),
        query=st.sampled_from(QUERIES),
    )
    def another_comes(self, door: str, query: str) -> None:
        self._connect(door, query)

    @rule(which=st.integers(0, 9), config=CONFIGS)
    def configures(self, which: int, config: dict[str, Any]) -> None:
        client = self._one(which)
        client.is_well_behaved = client.is_well_behaved and not config
        client.send(json.dumps({"type": "config", **config}))

    @rule(which=st.integers(0, 9), session=UPDATES, beta=st.booleans())
    def updates(self, which: int, session: dict[str, Any], beta: bool) -> None:
        kind = "transcription_session.update" if beta else "session.update"
        client = self._one(which)
        client.is_well_behaved = client.is_well_behaved and client.door != "native"
        client.send(json.dumps({"type": kind, "session": session}))

    @rule(which=st.integers(0, 9), kind=KINDS, fields=FIELDS)
    def says_something_odd(self, which: int, kind: str, fields: dict[str, Any]) -> None:
        client = self._one(which)
        client.is_well_behaved = False
        client.send(json.dumps({"type": kind, **fields}))

    @rule(which=st.integers(0, 9), text=st.text(max_size=40) | JSON.map(json.dumps))
    def says_nothing_of_sense(self, which: int, text: str) -> None:
        client = self._one(which)
        client.is_well_behaved = False
        client.send(text.encode(errors="replace").decode())

    @rule(which=st.integers(0, 9), data=st.binary(max_size=2_000))
    def sends_noise(self, which: int, data: bytes) -> None:
        client = self._one(which)
        client.is_well_behaved = client.is_well_behaved and not data
        client.send(data)

    @rule(which=st.integers(0, 9), pieces=st.integers(1, 8))
    def speaks(self, which: int, pieces: int) -> None:
        client = self._one(which)
        for _ in range(pieces):
            piece = next(client.pieces, None)
            client.said_all = piece is None
            if piece is None:
                return
            if client.door == "native":
                client.send(piece)
            else:
                name = "session." if client.door == "translations" else ""
                audio = base64.b64encode(piece).decode()
                kind = f"{name}input_audio_buffer.append"
                client.send(json.dumps({"type": kind, "audio": audio}))

    @rule(which=st.integers(0, 9))
    def listens(self, which: int) -> None:
        client = self._one(which)
        client.listen(0.05)
        client.check()

    @rule(which=st.integers(0, 9))
    def ends(self, which: int) -> None:
        client = self._one(which)
        self.clients.remove(client)
        client.end()

    @rule(which=st.integers(0, 9))
    def vanishes(self, which: int) -> None:
        client = self._one(which)
        self.clients.remove(client)
        client.listen(0)
        client.check()
        # Not `close`: the thread that listens would keep the connection.
        with suppress(OSError):  # the server may have been first
            client.socket.socket.shutdown(socket.SHUT_RDWR)

    @rule(which=st.integers(0, 9))
    def is_cut_off_and_comes_again(self, which: int) -> None:
        client = self._one(which)
        client.listen(0.2)
        client.check()
        tokens = [event["resume_token"] for event in client.told if "resume_token" in event]
        self.clients.remove(client)
        client.socket.close()
        if tokens and client.door == "native":
            again = self._connect("native", "")
            again.stream, again.is_well_behaved = client.stream, False
            again.pieces = iter(())
            again.send(json.dumps({"type": "config", "resume_token": tokens[-1]}))

    def teardown(self) -> None:
        for client in self.clients:
            client.end()
        deadline = time.monotonic() + WAIT_S
        while not self.is_empty():
            assert time.monotonic() < deadline, "a session outlives its connection"
            time.sleep(0.02)
        self.stack.close()

    def _connect(self, door: str, query: str) -> Client:
        connection = connect(
            self.url.replace("http", "ws") + DOORS[door] + query,
            open_timeout=WAIT_S,
            close_timeout=CLOSE_S,
        )
        self.stack.callback(connection.close)
        client = Client(door, connection, speak(next(_session) % 2**15, WORDS))
        self.clients.append(client)
        return client

    def _one(self, which: int) -> Client:
        if not self.clients:
            self.somebody_comes()
        return self.clients[which % len(self.clients)]


def run_clients(examples: int, steps: int, *, derandomize: bool) -> None:
    """Let the machine loose on a server of its own."""
    service = oracle_service()
    with serving_beside(service) as url:
        machine = type(
            "ClientsHere",
            (Clients,),
            {"url": url, "is_empty": staticmethod(lambda: service.floor.count == 0)},
        )
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=derandomize,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
