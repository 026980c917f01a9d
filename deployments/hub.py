"""The meeting place of speakers' and viewers' replicas: in memory, best effort, never waited for.

A session is told here by the replica that it lives on, and read by any replica that has viewers of
it. When the hub dies, speakers tell it again what they know, and readers go on.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from deployments.boards import Board, Limits, News, Receipt, Report, Seen, Wish
from deployments.tables import ConsentAction, Conversation, Side, Table, other


class HubSettings(BaseModel):
    """What the hub keeps, at the most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_sessions: Annotated[int, Field(ge=1, le=10_000)] = 500
    """One more is not shown to viewers until one of these is forgotten."""
    max_passages: Annotated[int, Field(ge=10, le=100_000)] = Limits().max_passages
    """Segments kept of a session: what somebody who comes late can still read."""
    max_session_bytes: Annotated[int, Field(ge=4_096, le=64 << 20)] = Limits().max_bytes
    """Text kept of a session, in all its languages."""
    ended_s: Annotated[float, Field(ge=0, le=3_600)] = 60.0
    """How long a session that has ended can still be read."""
    silent_s: Annotated[float, Field(ge=5, le=86_400)] = 600.0
    """A session that nobody tells of for so long is forgotten."""
    unread_s: Annotated[float, Field(ge=20, le=3_600)] = 60.0
    """A language that viewers added goes when nobody has read in it for so long."""

    @property
    def limits(self) -> Limits:
        """Of one session."""
        return Limits(self.max_passages, self.max_session_bytes)


@dataclass(frozen=True, slots=True)
class TableNews:
    """A conversation as it is now."""

    seen: Seen
    now: Conversation


class HubPort(Protocol):
    """The hub, as a replica reaches it; every call may fail or hang, and nobody may mind."""

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        """Tell of some sessions; a receipt for each."""
        ...

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        """What is new, as soon as something is; None where the session is not known by then.

        `languages`: those that it is read in, which are kept for it, and wanted again of a new hub.
        """
        ...

    async def want(self, session_id: str, targets: tuple[str, ...]) -> Wish:
        """Ask the speaker's session to translate into these languages as well."""
        ...

    async def attend(
        self, name: str, side: Side, language: str, seen: Seen | None, wait_s: float
    ) -> TableNews:
        """Read along in a conversation: as it is now, as soon as that is news."""
        ...

    async def agree(self, name: str, side: Side, action: ConsentAction) -> Conversation:
        """Say whether the conversation may be written down."""
        ...

    async def look(self, name: str) -> Conversation:
        """A conversation as it is now."""
        ...


class LocalHub:
    """The hub itself; in one process it is its own port."""

    def __init__(
        self, settings: HubSettings | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or HubSettings()
        self._clock = clock
        self._epoch = uuid.uuid4().hex[:12]
        self._boards: dict[str, Board] = {}
        self._told_at_s: dict[str, float] = {}
        self._tables: dict[str, Table] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @property
    def sessions(self) -> int:
        """That are kept now; what is over is forgotten, even where nobody comes any more."""
        self._forget()
        return len(self._boards)

    async def publish(self, reports: tuple[Report, ...]) -> tuple[Receipt, ...]:
        """See HubPort."""
        self._forget()
        return tuple(map(self._take, reports))

    async def read(
        self, session_id: str, seen: Seen | None, wait_s: float, languages: tuple[str, ...] = ()
    ) -> News | None:
        """See HubPort."""
        self._forget()
        await self.want(session_id, languages)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not self._has_news(session_id, seen):
                    await self._change(session_id)
        board = self._boards.get(session_id)
        return None if board is None else board.since(self._epoch, seen)

    async def want(self, session_id: str, targets: tuple[str, ...]) -> Wish:
        """See HubPort."""
        board = self._boards.get(session_id)
        if board is None:
            return Wish.UNKNOWN
        return board.want(targets, self._clock())

    async def attend(
        self, name: str, side: Side, language: str, seen: Seen | None, wait_s: float
    ) -> TableNews:
        """See HubPort."""
        table = self._table(name)
        # Two readers of one side must not take turns: who came last has said the language.
        is_first = seen is None or seen.epoch != self._epoch or not table.now.seats[side].language
        self._tell(name, table.read(side, language if is_first else None, self._clock()))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while seen == Seen(self._epoch, table.version):
                    await self._change(name)
        self._tell(name, table.read(side, None, self._clock()))
        self._tell(name, table.notice(self._clock()))
        return TableNews(Seen(self._epoch, table.version), table.now)

    async def agree(self, name: str, side: Side, action: ConsentAction) -> Conversation:
        """See HubPort."""
        table = self._table(name)
        self._tell(name, table.agree(side, action, self._clock()))
        return table.now

    async def look(self, name: str) -> Conversation:
        """See HubPort."""
        return self._table(name).now

    def _table(self, name: str) -> Table:
        """One that nobody has said anything of yet is empty: its links say that it exists."""
        self._forget()
        if name not in self._tables and len(self._tables) >= self._settings.max_sessions:
            self._drop_table(min(self._tables, key=lambda one: self._tables[one].touched_at_s))
        return self._tables.setdefault(name, Table(self._clock()))

    def _drop_table(self, name: str) -> None:
        del self._tables[name]
        self._wake(name)

    def _tell(self, name: str, is_news: bool) -> None:
        if is_news:
            self._wake(name)

    def _has_news(self, session_id: str, seen: Seen | None) -> bool:
        board = self._boards.get(session_id)
        return board is not None and seen != Seen(self._epoch, board.version)

    def _take(self, report: Report) -> Receipt:
        board = self._boards.get(report.session_id)
        if board is None:
            if not report.whole or not self._has_room():
                return Receipt(taken=False)
            board = Board(report, self._settings.limits, self._clock())
            self._boards[report.session_id] = board
        if not board.take(report):
            return Receipt(taken=False, superseded=True)
        self._told_at_s[report.session_id] = self._clock()
        self._wake(report.session_id)
        board.keep(self._wanted_at_table(report), self._clock())
        wanted = board.wanted(self._clock() - self._settings.unread_s)
        return Receipt(taken=True, wanted=wanted, edition=board.edition)

    def _wanted_at_table(self, report: Report) -> tuple[str, ...]:
        """The language in which the other side of a conversation reads."""
        if not report.conversation:
            return ()
        table = self._table(report.conversation)
        is_new = table.speak(report.side, report.session_id, self._clock())
        self._tell(report.conversation, is_new)
        language = table.now.seats[other(report.side)].language
        return (language,) if language else ()

    async def _change(self, session_id: str) -> None:
        change = asyncio.Event()
        waiting = self._waiting.setdefault(session_id, set())
        waiting.add(change)
        try:
            await change.wait()
        finally:
            waiting.discard(change)
            if not waiting and self._waiting.get(session_id) is waiting:
                del self._waiting[session_id]

    def _wake(self, session_id: str) -> None:
        for change in self._waiting.get(session_id, ()):
            change.set()

    def _has_room(self) -> bool:
        """Sessions that have ended make room at once."""
        if len(self._boards) >= self._settings.max_sessions:
            ended = next((name for name, board in self._boards.items() if board.scene.ended), None)
            if ended is not None:
                self._drop(ended)
        return len(self._boards) < self._settings.max_sessions

    def _forget(self) -> None:
        now_s = self._clock()
        for name, table in list(self._tables.items()):
            if now_s - table.touched_at_s > self._settings.silent_s:
                self._drop_table(name)
        for session_id, board in list(self._boards.items()):
            if board.conversation in self._tables:
                continue
            kept_s = self._settings.ended_s if board.scene.ended else self._settings.silent_s
            if now_s - self._told_at_s[session_id] > kept_s:
                self._drop(session_id)

    def _drop(self, session_id: str) -> None:
        del self._boards[session_id], self._told_at_s[session_id]
        self._wake(session_id)
