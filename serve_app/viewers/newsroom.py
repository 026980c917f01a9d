"""The speakers of one replica tell the hub: in batches, beside the sessions, and never awaited."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from deployments.background import outliving
from deployments.boards import Limits, Receipt
from deployments.hub import HubPort
from deployments.logs import discreet
from serve_app.session import events
from serve_app.session.resume import Resumption
from serve_app.viewers.links import Invitation
from serve_app.viewers.manuscript import Manuscript

BATCH_S = 0.1
"""Between two calls of the hub; what is volatile in between is never told."""
HEARTBEAT_S = 1.0
"""The hub hears of each session as often, and answers what its viewers want."""
PUBLISH_TIMEOUT_S = 5.0
FAREWELL_S = 30.0
"""How long the end of a session is told to a hub that does not answer."""

ServeViewers = Callable[[tuple[str, ...]], None]
"""Called with the languages that a session is to have for viewers, beside its speaker's own."""

logger = logging.getLogger("ray.serve")


class Broadcast:
    """One connection of a session on its way to the hub."""

    def __init__(
        self, manuscript: Manuscript, serve_viewers: ServeViewers, wake: Callable[[], None]
    ) -> None:
        """`serve_viewers`: called again until the session has these languages, or cannot."""
        self.manuscript = manuscript
        self.told_at_s = 0.0
        self.closed_at_s: float | None = None
        self._serve_viewers = serve_viewers
        self._refused: set[str] | None = None
        self._wake = wake

    def note(self, event: events.Event) -> None:
        """An event of the session, as it is told to the speaker."""
        self.manuscript.note(event, time.time())
        self._wake()

    def allow(self, addable: int, added: tuple[str, ...], owner: str) -> None:
        """How many languages viewers may add and which they have, and whose keys may follow."""
        scene = self.manuscript.scene
        self.manuscript.scene = replace(scene, addable=addable, added=added, owner=owner)
        self._wake()

    def close(self, ended: str = "") -> None:
        """The connection is gone; `ended`: why the session is over as well, if it is."""
        scene = self.manuscript.scene
        speech = None if scene.speech is None else replace(scene.speech, speaking=False)
        self.manuscript.scene = replace(
            scene, ended=scene.ended or ended, away=True, tails={}, speech=speech
        )
        self.closed_at_s = time.monotonic()
        self._wake()

    def settle(self, receipt: Receipt | None) -> None:
        """What became of its report."""
        self.manuscript.settle(receipt)
        if receipt is None or not receipt.taken or self.closed_at_s is not None:
            return
        wanted = set(receipt.wanted)
        if wanted in (set(self.manuscript.scene.added), self._refused):
            return
        try:
            self._serve_viewers(receipt.wanted)
        except Exception:
            self._refused = wanted
            raise

    @property
    def is_due(self) -> bool:
        """Whether the hub is to hear of it now."""
        beats = time.monotonic() - self.told_at_s > HEARTBEAT_S
        return self.manuscript.has_news or beats

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be told."""
        if self.manuscript.superseded:
            return True
        if self.closed_at_s is None:
            return False
        return not self.manuscript.has_news or time.monotonic() - self.closed_at_s > FAREWELL_S


class Newsroom:
    """All broadcasts of this replica; one task tells them, as long as there are any."""

    def __init__(self, hub: HubPort, limits: Limits) -> None:
        self._hub = hub
        self._limits = limits
        self._broadcasts: list[Broadcast] = []
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._hub_answers = True

    def open(
        self,
        session_id: str,
        resumption: Resumption | None,
        invitation: Invitation | None,
        serve_viewers: ServeViewers,
    ) -> Broadcast:
        """A connection of a session that viewers may follow, or that is one side of two."""
        manuscript = Manuscript(session_id, time.time(), self._limits, resumption, invitation)
        broadcast = Broadcast(manuscript, serve_viewers, self._news.set)
        self._broadcasts.append(broadcast)
        if self._task is None or self._task.done():
            self._task = outliving(self._tell_all())
        return broadcast

    async def _tell_all(self) -> None:
        while self._broadcasts:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self._tell([one for one in self._broadcasts if one.is_due])
            self._broadcasts = [one for one in self._broadcasts if not one.is_over]
            await asyncio.sleep(BATCH_S if self._hub_answers else HEARTBEAT_S)

    async def _tell(self, due: list[Broadcast]) -> None:
        reports = tuple(one.manuscript.report() for one in due)
        receipts: tuple[Receipt | None, ...] = (None,) * len(due)
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                receipts = await self._hub.publish(reports)
        except Exception as error:
            self._note_silence(error)
        else:
            self._hub_answers = True
        for broadcast, receipt in zip(due, receipts, strict=True):
            broadcast.told_at_s = time.monotonic()
            try:
                broadcast.settle(receipt)
            except Exception:
                logger.exception("a session could not take in what its viewers want")

    def _note_silence(self, error: Exception) -> None:
        if self._hub_answers:
            logger.warning("the hub does not answer, viewers must wait: %s", discreet(error))
        self._hub_answers = False
