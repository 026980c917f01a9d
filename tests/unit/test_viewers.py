"""A session followed by its viewers, over real sockets: languages, late joins, links, bounds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from deployments.boards import News, Receipt, Report, Seen
from deployments.hub import HubPort, HubSettings, LocalHub, Wish
from deployments.metering.prometheus import PrometheusMeters
from deployments.types import AsrRequest, Draft, Hypothesis, MtRequest, StageInfo
from serve_app.api.service import Service
from serve_app.client.resume import Memory
from serve_app.config import AppConfig
from serve_app.metrics import SessionMeters
from serve_app.session.audio import to_ms
from serve_app.session.presets import PRESETS
from serve_app.viewers import lobby, newsroom
from serve_app.viewers.settings import ViewerSettings
from tests.support.doors import serving
from tests.support.keys import Key, key_for, with_keys
from tests.support.oracle import EXACT, OracleStream, account_transcript, account_translation, speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.sockets import Talk, talk
from tests.support.viewers import view

ANY = StageInfo("oracle", "1", ())
STREAM = speak(session=5, count=24)


class Counting(OraclePorts):
    """The oracles, and how often each was asked."""

    def __init__(self, config: AppConfig) -> None:
        super().__init__(config)
        self.asr_calls = 0
        self.last_decodes = 0
        self.mt_calls: list[str] = []

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        self.asr_calls += 1
        self.last_decodes += request.final
        return await super().transcribe(request)

    async def translate(self, request: MtRequest) -> Draft:
        self.mt_calls.append(request.target_language)
        return await super().translate(request)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsroom, "BATCH_S", 0.005)
    monkeypatch.setattr(newsroom, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(newsroom, "PUBLISH_TIMEOUT_S", 0.2)
    monkeypatch.setattr(lobby, "READ_WAIT_S", 0.2)
    monkeypatch.setattr(lobby, "HUB_TIMEOUT_S", 2.0)
    monkeypatch.setattr(lobby, "FIND_TIMEOUT_S", 0.5)
    monkeypatch.setattr(lobby, "RETRY_S", 0.02)


def a_service(hub: HubPort | None = None, **viewers: float) -> tuple[Service, Counting]:
    config = oracle_config().model_copy(update={"viewers": ViewerSettings.model_validate(viewers)})
    ports = Counting(config)
    return Service(config, ports.ports, ANY, ANY, hub=hub or LocalHub()), ports


@asynccontextmanager
async def speaking(url: str, **keys: object) -> AsyncIterator[tuple[Talk, str, str]]:
    """A speaker who has begun; its session and the token of its viewer link."""
    async with talk(url) as speaker:
        config = {"source": "en", "target": ["de"], "viewers": True}
        await speaker.config(format="pcm_s16le", **{**config, **keys})
        created = await speaker.until("session.created")
        yield speaker, created["session_id"], created["viewer_token"]


async def finish(speaker: Talk, stream: OracleStream = STREAM, begin: int = 0) -> None:
    await speaker.audio(stream.pcm(begin))
    await speaker.end()
    assert await speaker.rest() == 1000


def committed(told: list[dict[str, Any]], target: str = "") -> str:
    kind = "translation.committed" if target else "transcript.committed"
    ours = [e for e in told if e["type"] == kind and e.get("target", "") == target]
    segments = dict.fromkeys(e["segment_id"] for e in ours)
    return " ".join(
        "".join(e["text"] for e in ours if e["segment_id"] == segment) for segment in segments
    )


async def test_viewers_read_each_in_a_language_of_their_own() -> None:
    service, _ = a_service()
    async with (
        serving(service) as url,
        speaking(url, target=["de", "es"]) as (speaker, session, token),
        view(url, session, token) as spoken,
        view(url, session, token, target="de") as german,
        view(url, session, token, target=["es", "de"], transcript="true") as both,
    ):
        await finish(speaker)
        for viewer in (spoken, german, both):
            await viewer.rest()
    assert account_transcript(speaker.wire, STREAM) == EXACT
    assert committed(spoken.told) == committed(speaker.wire)
    assert (
        committed(german.told, "de") == committed(both.told, "de") == committed(speaker.wire, "de")
    )
    assert committed(both.told, "es") == committed(speaker.wire, "es")
    assert {e["type"] for e in german.told} & {
        "transcript.committed",
        "transcript.partial",
    } == set()
    assert account_translation(both.told, STREAM, "de") == EXACT
    for viewer in (spoken, german, both):
        assert viewer.told[0]["type"] == "viewer.joined"
        assert viewer.told[0]["targets"] == ["de", "es"]
        assert viewer.told[-1]["type"] == "session.closed"
        assert viewer.told[-1]["reason"] == "completed"
        assert [e["seq"] for e in viewer.told] == list(range(1, len(viewer.told) + 1))
        assert "speech.started" in {e["type"] for e in viewer.told}


@pytest.mark.parametrize("count", [0, 1, 50])
async def test_viewers_cost_the_stages_nothing(count: int) -> None:
    service, ports = a_service()
    async with (
        serving(service) as url,
        speaking(url, target=["de"], policy="utterance") as (speaker, session, token),
        AsyncExitStack() as connections,
    ):
        views = [view(url, session, token, target="de") for _ in range(count)]
        viewers = [await connections.enter_async_context(one) for one in views]
        await finish(speaker)
        for viewer in viewers:
            await viewer.rest()
            assert committed(viewer.told, "de") == committed(speaker.wire, "de")
    segments = [e for e in speaker.wire if e["type"] == "transcript.committed" and e["closed"]]
    assert ports.mt_calls == ["de"] * len(segments)
    assert ports.last_decodes == sum(e["type"] == "speech.stopped" for e in speaker.wire)
    # How many updates there are besides depends on how fast the machine is; never more than these.
    update_ms = PRESETS["medium"].window.update_interval_ms
    assert ports.asr_calls <= ports.last_decodes + to_ms(STREAM.length_samples) / update_ms


async def test_a_language_that_viewers_add_is_translated_once_for_all() -> None:
    service, ports = a_service()
    async with (
        serving(service) as url,
        speaking(url, target=[], viewer_targets=1) as (speaker, session, token),
        view(url, session, token, target="fr") as one,
        view(url, session, token, target="fr") as other,
    ):
        updated = await speaker.until("session.updated")
        assert updated["config"]["target"] == ["fr"]
        assert updated["viewer_token"] == token
        assert await refusal(url, session, token, target="es") == (403, "target_not_allowed")
        await finish(speaker)
        for viewer in (one, other):
            await viewer.rest()
            assert committed(viewer.told, "fr") == committed(speaker.wire, "fr")
    assert account_translation(speaker.wire, STREAM, "fr") == EXACT
    segments = [e for e in speaker.wire if e["type"] == "transcript.committed" and e["closed"]]
    assert ports.mt_calls == ["fr"] * len(segments)


class Skipping:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped_s


async def known_as(hub: LocalHub, session: str, targets: tuple[str, ...]) -> None:
    """Until the hub has heard what a session is translated into."""
    news = await hub.read(session, None, 0.0)
    async with asyncio.timeout(10):
        while news is None or news.scene.targets != targets:
            news = await hub.read(session, news and news.seen, 1.0)


async def test_a_language_goes_some_time_after_its_last_viewer() -> None:
    clock = Skipping()
    hub = LocalHub(HubSettings(unread_s=60), clock)
    service, _ = a_service(hub)
    service = replace(service, mt=replace(ANY, takes_glossary=True))
    keys = {"viewer_targets": 1, "glossary": ["train=Zug"]}
    async with serving(service) as url:
        async with speaking(url, **keys) as (speaker, session, token):
            async with view(url, session, token, target="fr") as viewer:
                updated = await speaker.until("session.updated")
                assert updated["config"]["target"] == ["de", "fr"]
                clock.skipped_s += 50
                await viewer.until("viewer.joined")
                status, error = await refused(url, session, token, target="es")
                assert (status, error["code"]) == (403, "target_not_allowed")
                assert error["message"].startswith(
                    "This session is not translated into es, and its owner allows viewers to add "
                    "no more languages. Choose one that it has (de"
                )
            memory = Memory()
            for event in speaker.events:
                memory.note(event)
        # Taken up again, the session still knows that French is not its owner's wish.
        async with talk(url) as again:
            await again.socket.send_json(memory.message())
            created = await again.until("session.created")
            assert created["config"]["target"] == ["de", "fr"]
            clock.skipped_s += 61
            updated = await again.until("session.updated")
            assert updated["config"]["target"] == ["de"]
            assert updated["config"]["glossary"] == ["de:train=Zug"]
            await known_as(hub, session, ("de",))
            async with view(url, session, token, target="es"):
                updated = await again.until("session.updated")
                assert updated["config"]["target"] == ["de", "es"]
            await again.config(target=["de", "es"])
            assert (await again.until("session.updated"))["config"]["target"] == ["de", "es"]
            clock.skipped_s += 61
            await finish(again)
    # Spanish has become the owner's own, and stays.
    assert again.wire[-1]["type"] == "session.closed"
    assert [e["config"]["target"] for e in again.wire if e["type"] == "session.updated"] == [
        ["de"],
        ["de", "es"],
        ["de", "es"],
    ]


async def test_who_comes_late_or_again_reads_everything_once() -> None:
    service, _ = a_service()
    half = STREAM.length_samples // 2
    async with serving(service) as url, speaking(url) as (speaker, session, token):
        async with view(url, session, token, target="de", transcript="true") as early:
            await speaker.audio(STREAM.pcm(0, half))
            await early.until("translation.committed")
        first = list(early.told)
        await finish(speaker, begin=half)
        async with view(
            url, session, token, early.last_id, target="de", transcript="true"
        ) as again:
            await again.rest()
        async with view(url, session, token, target="de", transcript="true") as late:
            await late.rest()
        keys = {"target": "de", "transcript": "true"}
        assert await refusal(url, session, token, late.last_id, **keys) == (204, "")
    assert again.told[0]["resumed"] is True
    assert late.told[0]["resumed"] is False
    assert late.told[0]["complete"] is True
    for told in (late.told, first + again.told):
        assert committed(told) == committed(speaker.wire)
        assert committed(told, "de") == committed(speaker.wire, "de")


async def test_sharing_begins_and_ends_when_the_owner_says_so() -> None:
    service, _ = a_service()
    async with serving(service) as url, talk(url) as speaker:
        await speaker.config(format="pcm_s16le", source="en", policy="utterance")
        created = await speaker.until("session.created")
        assert created["viewer_token"] is None
        await speaker.config(viewers=True)
        token = (await speaker.until("session.updated"))["viewer_token"]
        session = created["session_id"]
        async with view(url, session, token) as viewer:
            await speaker.audio(STREAM.pcm())
            await viewer.until("transcript.committed")
            await speaker.config(viewers=False)
            assert (await speaker.until("session.updated"))["viewer_token"] is None
            await viewer.rest()
            assert viewer.told[-1]["type"] == "session.closed"
            assert viewer.told[-1]["reason"] == "unshared"
        await speaker.end()
        assert await speaker.rest() == 1000


async def test_a_bad_link_is_refused_with_the_error_object() -> None:
    service, _ = a_service(link_ttl_s=3_600)
    async with serving(service) as url, speaking(url) as (speaker, session, token):
        resume = speaker.wire[0]["resume_token"]
        forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
        assert await refusal(url, session, forged) == (401, "invalid_viewer_token")
        assert await refusal(url, session, resume) == (401, "invalid_viewer_token")
        expired = service.config.viewer_signer().sign({"sid": session}, ttl_s=-5)
        assert await refusal(url, session, expired) == (401, "expired_viewer_token")
        assert await refusal(url, "sother", token) == (403, "foreign_link")
        gone = service.config.viewer_signer().sign({"sid": "sgone"})
        assert await refusal(url, "sgone", gone) == (404, "session_not_found")
        assert await refusal(url, session, "") == (401, "invalid_viewer_token")
        assert await refusal(url, session, token, target="xx") == (400, "unsupported_language")
        assert await refusal(url, session, token, sauce="x") == (400, "unknown_parameter")
        async with talk(url) as thief:
            await thief.config(resume_token=token)
            assert await thief.rest() == 1008
            assert thief.wire[0]["code"] == "invalid_resume_token"


async def test_one_viewer_too_many_is_told_to_wait() -> None:
    meters = PrometheusMeters()
    service = replace(a_service(max_viewers=1)[0], meters=SessionMeters(meters))
    async with serving(service) as url, speaking(url) as (_, session, token):
        async with view(url, session, token) as first:
            await first.until("viewer.joined")
            assert meters.value("dragoman_viewers_active", kind="session") == 1
            assert await refusal(url, session, token) == (429, "too_many_viewers")
        await eventually(lambda: refusal(url, session, token), (200, ""))

        async def active() -> float:
            return meters.value("dragoman_viewers_active", kind="session")

        await eventually(active, 0)


async def test_a_connection_is_renewed_before_it_can_pile_up_and_nothing_is_lost() -> None:
    service, _ = a_service()
    tight = service.config.viewers.model_copy(update={"max_connection_bytes": 500})
    service = replace(service, config=service.config.model_copy(update={"viewers": tight}))
    told: list[dict[str, Any]] = []
    async with serving(service) as url, speaking(url) as (speaker, session, token):
        await finish(speaker)
        last_id, rounds = None, 0
        while not told or told[-1]["type"] != "session.closed":
            async with view(url, session, token, last_id) as viewer:
                await viewer.rest()
            rounds += 1
            told += viewer.told
            assert viewer.told[-1]["type"] in {"session.closed", "viewer.left"}
            last_id = viewer.last_id
    assert rounds >= 3
    assert [e["reason"] for e in told if e["type"] == "viewer.left"] == ["renew"] * (rounds - 1)
    assert committed(told) == committed(speaker.wire)


async def test_a_viewer_on_another_replica_reads_the_same() -> None:
    hub = LocalHub()
    near, _ = a_service(hub)
    far, _ = a_service(hub)
    far = replace(far, config=near.config)
    async with (
        serving(near) as url,
        serving(far) as elsewhere,
        speaking(url) as (speaker, session, token),
        view(elsewhere, session, token, target="de") as viewer,
    ):
        await finish(speaker)
        await viewer.rest()
    assert committed(viewer.told, "de") == committed(speaker.wire, "de")


class Mortal:
    """A hub that can die, hang and come back empty."""

    def __init__(self) -> None:
        self.hub: LocalHub | None = LocalHub()
        self.hangs = False

    async def _living(self) -> LocalHub:
        if self.hangs:
            await asyncio.sleep(3_600)
        if self.hub is None:
            raise ConnectionError("the hub is dead")
        return self.hub

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        return await (await self._living()).publish(reports)

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        return await (await self._living()).read(session_id, seen, min(wait_s, 0.05), languages)

    async def want(self, session_id: str, targets: tuple[str, ...]) -> Wish:
        return await (await self._living()).want(session_id, targets)


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_dead_or_hung_hub_costs_the_speaker_nothing(hangs: bool) -> None:
    mortal = Mortal()
    service, _ = a_service(mortal)
    third = STREAM.length_samples // 3
    async with (
        serving(service) as url,
        speaking(url) as (speaker, session, token),
        view(url, session, token, transcript="true", target="de") as viewer,
    ):
        await speaker.audio(STREAM.pcm(0, third))
        await viewer.until("transcript.committed")
        mortal.hub, mortal.hangs = None, hangs
        await speaker.audio(STREAM.pcm(third, 2 * third))
        await speaker.until("translation.committed")
        mortal.hub, mortal.hangs = LocalHub(), False
        await finish(speaker, begin=2 * third)
        await viewer.rest()
    assert account_transcript(speaker.wire, STREAM) == EXACT
    assert committed(viewer.told) == committed(speaker.wire)
    assert committed(viewer.told, "de") == committed(speaker.wire, "de")
    assert [e["type"] for e in viewer.told].count("viewer.joined") == 1


async def test_viewers_follow_a_session_to_the_replica_where_it_is_taken_up() -> None:
    hub = LocalHub()
    first, _ = a_service(hub)
    second = replace(a_service(hub)[0], config=first.config)
    async with (
        serving(first) as url,
        serving(second) as elsewhere,
        AsyncExitStack() as connections,
    ):
        async with speaking(url) as (before, session, token):
            viewing = view(elsewhere, session, token, transcript="true", target="de")
            viewer = await connections.enter_async_context(viewing)
            await before.audio(STREAM.pcm(0, STREAM.length_samples // 2))
            await before.until("ack")
            await viewer.until("translation.committed")
            memory = Memory()
            for event in before.events:
                memory.note(event)
        async with talk(elsewhere) as after:
            await after.socket.send_json(memory.message())
            created = await after.until("session.created")
            assert created["session_id"] == session
            begin = created["acked_ms"] * 16
            await finish(after, begin=begin)
        await viewer.rest()
    # The reset, where there is one, says what is to be forgotten.
    joins = [at for at, e in enumerate(viewer.told) if e["type"] == "viewer.joined"]
    told = viewer.told[joins[-1] :]
    assert account_transcript(told, STREAM) == EXACT
    assert account_translation(told, STREAM, "de") == EXACT


async def refusal(
    url: str, session: str, token: str, last_id: str | None = None, **keys: str
) -> tuple[int, str]:
    """The status and, where it is an error, its code."""
    status, error = await refused(url, session, token, last_id, **keys)
    return status, error.get("code", "")


async def refused(
    url: str, session: str, token: str, last_id: str | None = None, **keys: str
) -> tuple[int, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(
            f"{url}/v1/sessions/{session}/events",
            params={"token": token, **keys},
            headers={"last-event-id": last_id or ""},
        ) as answer,
    ):
        if answer.status < 300:
            return answer.status, {}
        error: dict[str, str] = json.loads(await answer.text())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return answer.status, error


async def eventually(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    for _ in range(100):
        if await ask() == expected:
            return
        await asyncio.sleep(0.02)
    assert await ask() == expected


async def test_a_viewer_is_sent_away_when_its_link_expires() -> None:
    service, _ = a_service()
    async with serving(service) as url, speaking(url) as (_, session, _token):
        short = service.config.viewer_signer().sign({"sid": session}, ttl_s=2)
        async with view(url, session, short) as viewer:
            await viewer.until("viewer.joined")
            left = await viewer.until("viewer.left")
        assert left["reason"] == "link_expired"
        assert await refusal(url, session, short) == (401, "expired_viewer_token")


OWNER, READER = key_for("stage", "stream", name="owner"), key_for("stage", "view", name="reader")
STRANGER = key_for("other", "view", "stream", name="stranger")


async def as_viewer(url: str, session: str, key: Key, **query: str) -> tuple[int, str]:
    """The status, and the first event or the code of the error."""
    headers = {"authorization": f"Bearer {key.key}"}
    address = f"{url}/v1/sessions/{session}/events"
    async with (
        aiohttp.ClientSession() as http,
        http.get(address, headers=headers, params=query) as answer,
    ):
        if answer.status >= 400:
            return answer.status, (await answer.json())["error"]["code"]
        async for line in answer.content:
            if line.startswith(b"event: "):
                return answer.status, line.decode().removeprefix("event: ").strip()
        return answer.status, ""


async def test_a_key_that_may_view_follows_the_shared_sessions_of_its_client() -> None:
    service, _ = a_service()
    headers = {"authorization": f"Bearer {OWNER.key}"}
    async with (
        serving(with_keys(service, OWNER, READER, STRANGER)) as url,
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{url}/v1/stream") as socket,
    ):
        speaker = Talk(socket)
        await speaker.config(format="pcm_s16le", viewers=True)
        created = await speaker.until("session.created")
        session, token = created["session_id"], created["viewer_token"]
        assert await as_viewer(url, session, READER) == (200, "viewer.joined")
        assert await as_viewer(url, session, STRANGER) == (404, "session_not_found")
        assert await as_viewer(url, session, OWNER) == (403, "insufficient_scope")
        for anybody in (STRANGER, OWNER):
            assert await as_viewer(url, session, anybody, token=token) == (200, "viewer.joined")


async def test_without_keys_only_a_link_lets_viewers_in() -> None:
    service, _ = a_service()
    async with serving(service) as url, speaking(url) as (_, session, _):
        assert await as_viewer(url, session, READER) == (400, "missing_parameter")
