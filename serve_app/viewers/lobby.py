"""The sessions that viewers of this replica follow: each is read from the hub once for all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from deployments.background import outliving
from deployments.boards import MAX_TARGETS, Limits, Seen, Wish
from deployments.hub import HubPort
from deployments.logs import discreet
from serve_app.errors import DragomanError, NotFoundError, UnavailableError
from serve_app.viewers.captions import Copy

READ_WAIT_S = 10.0
"""A read without news returns after as long."""
HUB_TIMEOUT_S = 5.0
"""Beyond its wait, a call that takes as long is given up."""
RETRY_S = 0.5
FIND_TIMEOUT_S = 5.0
"""A session may be a moment late: its speaker has just begun, or the hub has just come back."""
LOST_S = 45.0
"""A session that nothing was heard of for so long is over. Speakers tell a new hub within 2 s; a
read that hangs is given up before."""

logger = logging.getLogger("ray.serve")


class SessionNotFoundError(NotFoundError):
    """The hub knows no such session."""

    code = "session_not_found"


def session_not_found(session_id: str) -> SessionNotFoundError:
    """What a viewer is told, whether there is no such session or it is none of theirs."""
    return SessionNotFoundError(
        f"No session {session_id!r} can be followed now: it has not begun, or is over and "
        "forgotten. Ask whoever speaks whether it goes on.",
        param="id",
    )


class TargetRefusedError(DragomanError):
    """The session is not translated into what the viewer wants, and will not be."""

    status = 403
    type = "permission_error"
    code = "target_not_allowed"


class Followed:
    """One session, as long as anybody here follows it."""

    def __init__(self, session_id: str, hub: HubPort, limits: Limits) -> None:
        self.copy = Copy(limits)
        self.followers = 0
        self.readers: Counter[str] = Counter()
        """Of those who want them here, by language."""
        self.version = 0
        """Rises with each change."""
        self.lost = False
        """Whether the hub knows it no more."""
        self._session_id = session_id
        self._hub = hub
        self._changed = asyncio.Event()
        self._known_at_s: float | None = None
        self._task = outliving(self._follow())

    async def found(self) -> None:
        """Until it is known; raises SessionNotFoundError where it is not within FIND_TIMEOUT_S."""
        deadline_s = time.monotonic() + FIND_TIMEOUT_S
        while self._known_at_s is None:
            if not await self.changed(0, deadline_s - time.monotonic()):
                raise session_not_found(self._session_id)

    async def changed(self, version: int, wait_s: float) -> bool:
        """Wait for something newer than a version; whether there is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.version == version:
                    await self._changed.wait()
        return self.version != version

    async def stop(self) -> None:
        """The last follower is gone."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        seen: Seen | None = None
        while not self.lost:
            try:
                async with asyncio.timeout(READ_WAIT_S + HUB_TIMEOUT_S):
                    languages = tuple(sorted(+self.readers))
                    news = await self._hub.read(self._session_id, seen, READ_WAIT_S, languages)
            except Exception as error:
                logger.info("the hub cannot be read: %s", discreet(error))
                news = None
                await asyncio.sleep(RETRY_S)
            if news is not None:
                self._known_at_s = time.monotonic()
                if news.seen != seen:
                    self.copy.take(news)
                    self._tell()
                seen = news.seen
            elif self._is_lost():
                self.lost = True
                self._tell()

    def _is_lost(self) -> bool:
        return self._known_at_s is not None and time.monotonic() - self._known_at_s > LOST_S

    def _tell(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()


class Lobby:
    """All sessions that are followed from this replica."""

    def __init__(self, hub: HubPort, limits: Limits) -> None:
        self._hub = hub
        self._limits = limits
        self._followed: dict[str, Followed] = {}

    @asynccontextmanager
    async def follow(self, session_id: str) -> AsyncGenerator[Followed, None]:
        """The session, once it is known; raises SessionNotFoundError."""
        followed = self._followed.get(session_id)
        if followed is None or followed.lost:
            followed = Followed(session_id, self._hub, self._limits)
            self._followed[session_id] = followed
        followed.followers += 1
        try:
            await followed.found()
            yield followed
        finally:
            followed.followers -= 1
            if not followed.followers:
                if self._followed.get(session_id) is followed:
                    del self._followed[session_id]
                await followed.stop()

    @asynccontextmanager
    async def reading(
        self, session_id: str, targets: tuple[str, ...], followed: Followed
    ) -> AsyncGenerator[None, None]:
        """The session is translated into these languages meanwhile; raises TargetRefusedError."""
        await self._want(session_id, targets, followed)
        followed.readers.update(targets)
        try:
            yield
        finally:
            followed.readers.subtract(targets)

    async def _want(self, session_id: str, targets: tuple[str, ...], followed: Followed) -> None:
        scene = followed.copy.scene
        missing = tuple(target for target in targets if target not in scene.targets)
        wanted = tuple(target for target in targets if target in scene.added) + missing
        if not wanted:
            return
        try:
            async with asyncio.timeout(HUB_TIMEOUT_S):
                wish = await self._hub.want(session_id, wanted)
        except Exception as error:
            if not missing:
                return
            raise UnavailableError(
                "The hub that viewers meet at does not answer; try again."
            ) from error
        if wish is not Wish.GRANTED:
            raise _refusal(wish, missing or wanted, scene.targets)


def _refusal(wish: Wish, missing: tuple[str, ...], offered: tuple[str, ...]) -> TargetRefusedError:
    why = {
        Wish.TOO_MANY: "its owner allows viewers to add no more languages",
        Wish.FULL: f"no session is translated into more than {MAX_TARGETS} languages at a time",
        Wish.UNKNOWN: "it is over",
    }[wish]
    return TargetRefusedError(
        f"This session is not translated into {', '.join(missing)}, and {why}. Choose one that it "
        f"has ({', '.join(offered) or 'none'}), or leave target out for the text as it is spoken. "
        "A language that nobody reads any more makes room after a while.",
        param="target",
    )
