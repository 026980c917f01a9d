"""Keys in front of a real server: what Serve's proxy lets through, and a change without restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from serve_app.auth.authenticator import KEY_SUBPROTOCOL
from serve_app.auth.keys import new_key
from serve_app.auth.store import RELOAD_S, write_keys
from serve_app.client.processes import descendants
from tests.cluster.conftest import ROOT, Server, free_port, start, stop_server
from tests.support.keys import Key, key_for

pytestmark = pytest.mark.cluster

MAX_SESSIONS = 4
MARKED = "marked-hotword"
STREAM, BATCH = key_for("kiosk", "stream"), key_for("desk", "batch")


@dataclass(frozen=True)
class Keyed:
    """A server with keys."""

    server: Server
    keys: Path

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="module")
def keyed() -> Iterator[Keyed]:
    directory = Path(tempfile.mkdtemp(prefix="dg-", dir="/tmp"))
    keys = directory / "keys.yaml"
    write_keys(keys, [STREAM.record, BATCH.record])
    server = start_keyed(directory, keys)
    yield Keyed(server, keys)
    code = stop_server(server)
    log = server.log.read_text()
    shutil.rmtree(directory, ignore_errors=True)
    assert code == 0, log
    assert "auth has no keys" not in log


def start_keyed(directory: Path, keys: Path) -> Server:
    """Two ingresses that share one ledger; no models, as nothing is heard here."""
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    [application] = config["applications"]
    oracle = {"engine": "oracle"}
    limits = {"client_sessions": MAX_SESSIONS}
    application["args"] = {"vad": oracle, "asr": oracle, "mt": oracle, "limits": limits}
    ingress = next(one for one in application["deployments"] if one["name"] == "Ingress")
    ingress.pop("autoscaling_config")
    ingress["num_replicas"] = 2
    path = directory / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    port = free_port()
    command = [sys.executable, "-m", "serve_app.client.cli", "serve", str(path)]
    environment = {"API_KEYS_FILE": str(keys)}
    return start([*command, "--port", str(port)], directory, port, environment)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        yield session


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def refusal(http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    """The status with which a socket's handshake is answered."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(url, headers=headers)
    return caught.value.status


async def test_a_request_without_a_key_gets_401_through_the_proxy(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{keyed.url}/v1/models") as answer:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert (await answer.json())["error"]["code"] == "missing_api_key"
    async with http.get(f"{keyed.url}/v1/models", headers=bearer(STREAM.key)) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/v1/stream", "/v1/realtime", "/v1/realtime/translations"])
async def test_a_socket_is_refused_with_a_status_through_the_proxy(
    keyed: Keyed, http: aiohttp.ClientSession, path: str
) -> None:
    assert await refusal(http, keyed.url + path, {}) == 401
    assert await refusal(http, keyed.url + path, bearer(new_key())) == 401
    assert await refusal(http, keyed.url + path, bearer(BATCH.key)) == 403
    offered = ("realtime", KEY_SUBPROTOCOL + STREAM.key)
    async with http.ws_connect(keyed.url + path, protocols=offered) as socket:
        assert socket.protocol == "realtime"


async def test_a_client_secret_opens_a_socket_through_the_proxy(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    wanted = {"session": {"model": "m", "audio": {"output": {"language": "es"}}}}
    async with http.post(
        f"{keyed.url}/v1/realtime/translations/client_secrets",
        json=wanted,
        headers=bearer(STREAM.key),
    ) as answer:
        secret = (await answer.json())["value"]
    offered = ("realtime", KEY_SUBPROTOCOL + secret)
    async with http.ws_connect(
        f"{keyed.url}/v1/realtime/translations", protocols=offered
    ) as socket:
        created = await socket.receive_json()
    assert created["session"]["audio"]["output"]["language"] == "es"


async def test_all_replicas_count_a_clients_sessions_together_and_a_dead_ledger_stops_nobody(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    url, headers = f"{keyed.url}/v1/realtime", bearer(STREAM.key)
    sockets = [await http.ws_connect(url, headers=headers) for _ in range(MAX_SESSIONS)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(url, headers=headers)
    assert caught.value.status == 429
    assert caught.value.headers is not None
    assert int(caught.value.headers["retry-after"]) > 0
    os.kill(ledger_pid(keyed.server), signal.SIGKILL)
    for _ in range(5):
        async with http.get(f"{keyed.url}/v1/models", headers=headers) as answer:
            assert answer.status == 200
    for socket in sockets:
        await socket.send_json({"type": "input_audio_buffer.clear"})
        assert (await socket.receive_json())["type"] == "session.created"
        assert (await socket.receive_json())["type"] == "input_audio_buffer.cleared"
        await socket.close()


def ledger_pid(server: Server) -> int:
    """The process of the deployment that counts."""
    [found] = [
        process.pid
        for process in descendants(server.process.pid)
        if b"ServeReplica:dragoman:Limiter" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    ]
    return found


SERVE_OBEYS = {
    "x-request-timeout-seconds": "1",
    "x-request-disconnect-disabled": "?1",
    "serve_multiplexed_model_id": "none",
    "x-session-id": "none",
    "x-serve-router-replica": "none",
}


async def test_a_client_cannot_change_its_timeout_with_headers_that_serve_obeys(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    headers = {**bearer(STREAM.key), **SERVE_OBEYS}
    async with http.ws_connect(f"{keyed.url}/v1/realtime", headers=headers) as socket:
        await socket.receive_json()
        await asyncio.sleep(2.5)
        await socket.send_json({"type": "input_audio_buffer.clear"})
        assert (await socket.receive_json())["type"] == "input_audio_buffer.cleared"


async def test_neither_can_it_change_that_of_an_upload(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    async def two_seconds() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(6_400)
            await asyncio.sleep(0.25)

    headers = {**bearer(STREAM.key), **SERVE_OBEYS}
    url = f"{keyed.url}/v1/stream?format=pcm_s16le"
    async with http.post(url, data=two_seconds(), headers=headers) as answer:
        assert answer.status == 200
        last = (await answer.text()).splitlines()[-1]
    assert json.loads(last)["reason"] == "completed"


async def test_who_goes_away_is_let_go_whatever_its_headers_say(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(6_400)
            await asyncio.sleep(0.1)

    headers = {**bearer(STREAM.key), **SERVE_OBEYS}
    url = f"{keyed.url}/v1/stream?format=pcm_s16le&hotwords={MARKED}"
    async with http.post(url, data=endless(), headers=headers) as answer:
        created = json.loads(await answer.content.readline())
    session = created["session_id"]
    ended = await audited(keyed, {"event": "ended", "session": session})
    assert (ended["outcome"], ended["door"]) == ("client_gone", "POST /v1/stream")
    assert (ended["client"], ended["key"], ended["peer"]) == ("kiosk", "kiosk", "127.0.0.1")


async def audited(keyed: Keyed, wanted: dict[str, str]) -> dict[str, Any]:
    """A line of the audit logs of all replicas, once it is there."""
    async with asyncio.timeout(20):
        while True:
            for path in keyed.keys.parent.rglob("audit_*.log"):
                for line in map(json.loads, path.read_text().splitlines()):
                    if wanted.items() <= line.items():
                        return dict(line)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(("sent", "kept"), [("my-id.1", True), ("two words", False)])
async def test_a_request_keeps_its_id_where_that_is_fit_for_a_log(
    keyed: Keyed, http: aiohttp.ClientSession, sent: str, kept: bool
) -> None:
    headers = {**bearer(STREAM.key), "x-request-id": sent}
    async with http.get(f"{keyed.url}/v1/models", headers=headers) as answer:
        assert (answer.headers["x-request-id"] == sent) is kept


async def test_neither_keys_nor_what_is_asked_for_get_into_a_log(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    for key in (BATCH.key, new_key()):
        async with http.post(f"{keyed.url}/v1/stream?hotwords={MARKED}", headers=bearer(key)) as no:
            assert no.status in (401, 403)
    refused = await audited(keyed, {"event": "refused", "code": "insufficient_scope"})
    assert refused["status"] == 403
    directory = keyed.keys.parent
    texts = {
        path: path.read_text(errors="replace")
        for path in directory.rglob("*")
        if path.is_file() and path.suffix in {".log", ".out", ".err", ".yaml"}
    }
    assert any(path.name.startswith("audit_") for path in texts)
    for secret in (MARKED, STREAM.key, BATCH.key):
        assert [str(path) for path, text in texts.items() if secret in text] == []


async def test_keys_are_added_and_revoked_while_the_server_runs(
    keyed: Keyed, http: aiohttp.ClientSession
) -> None:
    successor = key_for("kiosk", "stream", name="successor")
    write_keys(keyed.keys, [STREAM.record, successor.record, BATCH.record])
    await until(http, keyed.url, successor, 200)
    write_keys(keyed.keys, [STREAM.record, BATCH.record])
    await until(http, keyed.url, successor, 401)
    await until(http, keyed.url, STREAM, 200)


async def until(http: aiohttp.ClientSession, url: str, key: Key, status: int) -> None:
    """Ask until the answer is as wanted, for somewhat longer than a reload takes."""
    got = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RELOAD_S + 5):
            while got != status:
                async with http.get(f"{url}/v1/models", headers=bearer(key.key)) as answer:
                    got = answer.status
                await asyncio.sleep(0.2)
    assert got == status
