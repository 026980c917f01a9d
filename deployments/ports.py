"""The ports as Serve deployment handles answer them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.calls import CallLostError, answered
from deployments.types import (
    VAD_FRAME_SAMPLES,
    AsrRequest,
    DeadlyRequestError,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    StageInfo,
    StageUnavailableError,
    VadAnswer,
    VadRequest,
    VadState,
)

_REPLICA_LOST = (ActorDiedError, ActorUnavailableError, CallLostError)

SUSPECTS = 8
"""Requests that are asked again at a time, of those that a replica died with."""

PAUSE_S = 0.25
"""Until it is asked again whether there is a replica, where the last one was lost as well."""

SPREAD_S = 2.0
"""Those that are asked by themselves are so within this time."""

_SILENCE = VadRequest(VadState.initial(), np.zeros(VAD_FRAME_SAMPLES, dtype=np.float32))

_Answer = TypeVar("_Answer")

logger = logging.getLogger("ray.serve")


class ServeVad:
    """VadPort of the Vad deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle
        self._stage = _Stage(lambda: handle.detect.remote(_SILENCE))

    async def detect(self, request: VadRequest) -> VadAnswer:
        """See VadPort."""
        return await self._stage.ask(lambda: self._handle.detect.remote(request))


class ServeAsr:
    """AsrPort of the Asr deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle
        self._stage = _Stage(handle.info.remote)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        """See AsrPort."""
        return await self._stage.ask(lambda: self._handle.transcribe.remote(request))

    async def info(self) -> StageInfo:
        """See AsrPort."""
        return await self._stage.ask(self._handle.info.remote)


class ServeMt:
    """MtPort of the Mt deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle
        self._stage = _Stage(handle.info.remote)

    async def translate(self, request: MtRequest) -> Draft:
        """See MtPort."""
        return await self._stage.ask(lambda: self._handle.translate.remote(request))

    async def info(self) -> StageInfo:
        """See MtPort."""
        return await self._stage.ask(self._handle.info.remote)


class _Stage:
    """Calls replicas of one stage. They keep no state, so asking twice is safe."""

    def __init__(self, probe: Callable[[], Awaitable[object]]) -> None:
        """`probe` is a call that no replica dies of."""
        self._probe = probe
        self._first = nullcontext()
        self._again = asyncio.Semaphore(SUSPECTS)
        self._alone = asyncio.Lock()

    async def ask(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Call a replica, and another one if that dies.

        Of all the requests that a replica died with, one may be what it died of. They are asked
        again few at a time, and those that this kills another replica with a last time, each by
        itself: so the one is found, and costs no other session its answer. Each time a replica has
        to be alive before, or its death would prove nothing.

        Raises what the stage raised, without Ray's wrapping, StageUnavailableError, or
        DeadlyRequestError.
        """
        lost: Exception | None = None
        for turn in (self._first, self._again, self._alone):
            async with turn:
                try:
                    if lost is not None:
                        await self._alive()
                    if turn is self._alone:
                        # Each process of the ingress has its turns, and all saw the replica come.
                        await asyncio.sleep(random.uniform(0, SPREAD_S))  # noqa: S311 # nosec B311
                    return await answered(call())
                except _REPLICA_LOST as error:
                    logger.warning("a replica was lost with a request: %s", error)
                    lost = error
                except (BackPressureError, DeploymentUnavailableError) as error:
                    raise StageUnavailableError(f"no replica answered: {error}") from error
                except RayTaskError as error:
                    if isinstance(error.cause, EngineError):
                        raise error.cause from None
                    raise
        raise DeadlyRequestError(f"three replicas were lost with this request: {lost}") from lost

    async def _alive(self) -> None:
        """Until a replica answers."""
        while True:
            try:
                await answered(self._probe())
            except _REPLICA_LOST:
                await asyncio.sleep(PAUSE_S)
            else:
                return
