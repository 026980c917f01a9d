"""What stands between sessions, which ask one by one, and translators of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from deployments.batching import Batcher
from deployments.metering.recent import RecentAnswers
from deployments.metering.stage import StageMeter
from deployments.settings import StageSettings
from deployments.types import Draft, MtRequest, StageInfo


class MtEngine(Protocol):
    """Stateless translation of many requests at a time."""

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        ...

    def check(self, request: MtRequest) -> None:
        """Raise EngineError for a request that cannot be answered."""
        ...

    async def translate(self, request: MtRequest) -> Draft:
        """The draft for a checked request; one whose caller is cancelled is worked on no more.

        Raises EngineError, and EngineLostError where nothing will be answered again.
        """
        ...

    async def warm(self) -> None:
        """Make the first request as fast as the tenth."""
        ...

    async def check_health(self) -> None:
        """Raise where the engine answers nothing any more."""
        ...


class Translator(MtEngine, Protocol):
    """An engine as the deployment has it."""

    def load(self) -> dict[str, float]:
        """What the autoscaler is told; see scaling.py."""
        ...


class BatchMtEngine(Protocol):
    """Stateless translation, one batch at a time, in any thread."""

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        ...

    def check(self, request: MtRequest) -> None:
        """Raise EngineError for a request that cannot be answered."""
        ...

    def translate(self, batch: Sequence[MtRequest]) -> list[Draft]:
        """One draft for each checked request."""
        ...

    def warm(self) -> None:
        """Make the first request as fast as the tenth."""
        ...


def known_good(served: StageInfo) -> MtRequest:
    """A word, between languages that the model knows."""
    source, target = (*served.languages, "en", "de")[:2]
    return MtRequest("Hello.", source, target)


class BatchedMt:
    """Translator over an engine that answers batch after batch."""

    def __init__(
        self, engine: BatchMtEngine, settings: StageSettings, meter: StageMeter | None = None
    ) -> None:
        self._engine = engine
        self._batcher = Batcher(
            engine.translate,
            settings,
            known_good(engine.info),
            terms=attrgetter("terms"),
            meter=meter,
        )

    @property
    def info(self) -> StageInfo:
        """See MtEngine."""
        return self._engine.info

    def check(self, request: MtRequest) -> None:
        """See MtEngine."""
        self._engine.check(request)

    async def translate(self, request: MtRequest) -> Draft:
        """See MtEngine."""
        return await self._batcher.ask(request)

    async def warm(self) -> None:
        """See MtEngine."""
        await asyncio.to_thread(self._engine.warm)

    async def check_health(self) -> None:
        """See MtEngine."""
        self._batcher.check_health()

    def load(self) -> dict[str, float]:
        """See Translator."""
        return self._batcher.load()


class MeteredMt:
    """Translator over an engine that makes up its batches out of sight: answers are measured."""

    def __init__(self, engine: MtEngine, meter: StageMeter, max_together: int) -> None:
        """`max_together` is how many requests the engine works on at a time."""
        self._engine = engine
        self._meter = meter
        self._recent = RecentAnswers(max_together)

    @property
    def info(self) -> StageInfo:
        """See MtEngine."""
        return self._engine.info

    def check(self, request: MtRequest) -> None:
        """See MtEngine."""
        self._engine.check(request)

    async def translate(self, request: MtRequest) -> Draft:
        """See MtEngine."""
        clock = asyncio.get_running_loop().time
        number = self._recent.begun(clock())
        try:
            return await self._engine.translate(request)
        finally:
            self._meter.ran(self._recent.ended(clock(), number), audio_s=0.0)

    async def warm(self) -> None:
        """See MtEngine."""
        await self._engine.warm()

    async def check_health(self) -> None:
        """See MtEngine."""
        await self._engine.check_health()

    def load(self) -> dict[str, float]:
        """See Translator."""
        return self._recent.load(asyncio.get_running_loop().time())
