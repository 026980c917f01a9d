"""One side's view of a conversation: its own words as text, the other's in its language."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from deployments.boards import MAX_TARGETS, SOURCE, Seen
from deployments.hub import HubPort
from deployments.logs import discreet
from deployments.tables import SIDES, Conversation, Side
from serve_app.session import events
from serve_app.viewers.captions import Copy, Cursor, Reader
from serve_app.viewers.links import Invitation
from serve_app.viewers.lobby import HUB_TIMEOUT_S, RETRY_S, Followed, Lobby, SessionNotFoundError

ATTEND_S = 5.0
"""A side says as often that it is still there."""

logger = logging.getLogger("ray.serve")

Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a conversation."""

    wire: Wire
    cursor: str
    """Where this side goes on after it."""


@dataclass(slots=True)
class _Heard:
    """A session of either side."""

    side: Side
    followed: Followed
    reader: Reader
    pump: asyncio.Task[None] = field(repr=False)


class Listener:
    """One connection of one side: follows the table in the hub and all that is said at it."""

    def __init__(
        self,
        hub: HubPort,
        lobby: Lobby,
        invitation: Invitation,
        language: str,
        cursors: Mapping[str, Cursor] | None = None,
    ) -> None:
        """`cursors`: how far this side is in each session, where it has read before."""
        self._cursors = cursors or {}
        self._hub = hub
        self._lobby = lobby
        self._invitation = invitation
        self._language = language
        self._table: Conversation | None = None
        self._told: events.ConversationUpdated | None = None
        self._heard: dict[str, _Heard] = {}
        self._warned: set[Followed] = set()
        self._stack = AsyncExitStack()
        self._news = asyncio.Event()
        self._seq = 0

    async def news(self, keep_alive_s: float) -> AsyncGenerator[list[Told], None]:
        """Batches of events as they come; an empty one where nothing has come for a while."""
        async with self._stack:
            attending = asyncio.create_task(self._attend())
            self._stack.push_async_callback(_stopped, attending)
            while True:
                batch = list(self._batch())
                yield batch
                try:
                    async with asyncio.timeout(keep_alive_s):
                        await self._news.wait()
                except TimeoutError:
                    pass
                self._news.clear()

    async def _attend(self) -> None:
        name, side = self._invitation.conversation_id, self._invitation.side
        seen: Seen | None = None
        while True:
            try:
                async with asyncio.timeout(ATTEND_S + HUB_TIMEOUT_S):
                    news = await self._hub.attend(name, side, self._language, seen, ATTEND_S)
            except Exception as error:
                logger.info("the hub cannot be read: %s", discreet(error))
                await asyncio.sleep(RETRY_S)
                continue
            seen, self._table = news.seen, news.now
            self._news.set()
            await self._follow_all(news.now)
            self._news.set()

    async def _follow_all(self, table: Conversation) -> None:
        """At the same time: one that is forgotten is looked for for seconds."""
        sessions = [(side, name) for side in SIDES for name in table.seats[side].sessions]
        await asyncio.gather(*(self._follow(*one) for one in sessions if self._lacks(one[1])))

    def _lacks(self, session_id: str) -> bool:
        known = self._heard.get(session_id)
        return known is None or known.followed.lost

    async def _follow(self, side: Side, session_id: str) -> None:
        try:
            followed = await self._stack.enter_async_context(self._lobby.follow(session_id))
        except SessionNotFoundError:
            return
        lanes = (SOURCE,) if side == self._invitation.side else (self._language,)
        lost = self._heard.get(session_id)
        cursor = self._cursors.get(session_id)
        reader = Reader(session_id, lanes, cursor) if lost is None else lost.reader
        pump = asyncio.create_task(self._pump(followed))
        self._stack.push_async_callback(_stopped, pump)
        self._heard[session_id] = _Heard(side, followed, reader, pump)

    async def _pump(self, followed: Followed) -> None:
        while not followed.lost:
            version = followed.version
            self._news.set()
            await followed.changed(version, ATTEND_S)

    def _batch(self) -> Iterator[Told]:
        now = None if self._table is None else updated(self._invitation, self._table)
        if now is not None and now != self._told:
            self._told = now
            yield self._tell(now)
        for heard in list(self._heard.values()):
            for event in heard.reader.events(heard.followed.copy):
                said_at_s = _said_at_s(heard.followed.copy, event)
                yield self._tell(event, side=heard.side, **said_at_s)
            if self._is_refused(heard):
                self._warned.add(heard.followed)
                yield self._tell(_no_translation(self._language), side=heard.side)

    def _is_refused(self, heard: _Heard) -> bool:
        """Whether the other side's session cannot have our language, and we were not told."""
        scene = heard.followed.copy.scene
        is_full = len(scene.targets) >= MAX_TARGETS and self._language not in scene.targets
        is_others = heard.side != self._invitation.side and not scene.ended
        return is_full and is_others and heard.followed not in self._warned

    def _tell(self, event: events.Event, **more: object) -> Told:
        self._seq += 1
        # What is not known here any more may be known to the next replica.
        read = {name: heard.reader.cursor for name, heard in self._heard.items()}
        cursor = Cursor.encode_all({**self._cursors, **read})
        return Told({**events.to_wire(self._seq, event), **more}, cursor)


def _no_translation(language: str) -> events.Warning:
    return events.Warning(
        "target_not_available",
        f"What the other side says is not translated into {language}: its session has "
        f"{MAX_TARGETS} languages already, and none can have more. Ask it to give one up, or "
        "choose one that it has.",
    )


def updated(invitation: Invitation, table: Conversation) -> events.ConversationUpdated:
    """How a side is told of the table."""
    return events.ConversationUpdated(
        conversation_id=invitation.conversation_id,
        you=invitation.side,
        languages={side: seat.language for side, seat in table.seats.items()},
        present={side: seat.present for side, seat in table.seats.items()},
        consents={side: seat.consents for side, seat in table.seats.items()},
        consent_asked_by=table.asked_by,
    )


def _said_at_s(copy: Copy, event: events.Event) -> Wire:
    """Orders what the two sides have said; their own clocks know nothing of each other."""
    match event:
        case events.TranscriptCommitted(segment_id) | events.TranslationCommitted(segment_id):
            passage = copy.passages.get(int(segment_id.rpartition(".")[2]))
            return {} if passage is None else {"said_at_ms": int(passage.said_at_s * 1_000)}
        case _:
            return {}


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
