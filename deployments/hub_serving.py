"""The hub as a Serve deployment, and as its handle answers."""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.boards import News, Receipt, Report, Seen, Wish
from deployments.calls import answered
from deployments.hub import HubSettings, LocalHub, TableNews
from deployments.logs import set_up_logs
from deployments.metering import catalogue, process_meters
from deployments.tables import ConsentAction, Conversation, Side

MAX_ONGOING_REQUESTS = 10_000
"""A reader waits in the hub for news: one call for each session that a replica has viewers of."""


@serve.deployment(
    name="Hub",
    num_replicas=1,
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    health_check_period_s=2,
    health_check_timeout_s=10,
    graceful_shutdown_timeout_s=2,
    ray_actor_options={"num_cpus": 0.1},
)
class Hub:
    """The one replica; a second would know half of the sessions."""

    def __init__(self, settings: HubSettings) -> None:
        set_up_logs()
        self._hub = LocalHub(settings)
        self._meters = process_meters()

    async def check_health(self) -> None:
        """Serve asks every few seconds: then, too, what is over is forgotten."""
        self._meters.set(catalogue.HUB_SESSIONS, self._hub.sessions)

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        """See HubPort."""
        receipts = await self._hub.publish(reports)
        self._meters.set(catalogue.HUB_SESSIONS, self._hub.sessions)
        return receipts

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        """See HubPort."""
        return await self._hub.read(session_id, seen, wait_s, languages)

    async def want(self, session_id: str, targets: tuple[str, ...]) -> Wish:
        """See HubPort."""
        return await self._hub.want(session_id, targets)

    async def attend(
        self, name: str, side: Side, language: str, seen: Seen | None, wait_s: float
    ) -> TableNews:
        """See HubPort."""
        return await self._hub.attend(name, side, language, seen, wait_s)

    async def agree(self, name: str, side: Side, action: ConsentAction) -> Conversation:
        """See HubPort."""
        return await self._hub.agree(name, side, action)

    async def look(self, name: str) -> Conversation:
        """See HubPort."""
        return await self._hub.look(name)


class ServeHub:
    """HubPort of the Hub deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        """See HubPort."""
        receipts: tuple[Receipt, ...] = await answered(self._handle.publish.remote(reports))
        return receipts

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        """See HubPort."""
        news: News | None = await answered(
            self._handle.read.remote(session_id, seen, wait_s, languages)
        )
        return news

    async def want(self, session_id: str, targets: tuple[str, ...]) -> Wish:
        """See HubPort."""
        wish: Wish = await answered(self._handle.want.remote(session_id, targets))
        return wish

    async def attend(
        self, name: str, side: Side, language: str, seen: Seen | None, wait_s: float
    ) -> TableNews:
        """See HubPort."""
        news: TableNews = await answered(
            self._handle.attend.remote(name, side, language, seen, wait_s)
        )
        return news

    async def agree(self, name: str, side: Side, action: ConsentAction) -> Conversation:
        """See HubPort."""
        now: Conversation = await answered(self._handle.agree.remote(name, side, action))
        return now

    async def look(self, name: str) -> Conversation:
        """See HubPort."""
        now: Conversation = await answered(self._handle.look.remote(name))
        return now
