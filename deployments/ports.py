"""The ports as Serve deployment handles answer them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.types import (
    AsrRequest,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)

_REPLICA_LOST = (ActorDiedError, ActorUnavailableError)
_STAGE_LOST = (*_REPLICA_LOST, BackPressureError, DeploymentUnavailableError)

_Answer = TypeVar("_Answer")

logger = logging.getLogger("ray.serve")


class _Response(Protocol):
    """What Serve's typed stub leaves out of DeploymentResponse."""

    def cancel(self) -> None: ...


class StageUnavailableError(EngineError):
    """No replica of the stage could take the request; the same request may work later."""


class ServeVad:
    """VadPort of the Vad deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def detect(self, request: VadRequest) -> VadAnswer:
        """See VadPort."""
        return await _ask(lambda: self._handle.detect.remote(request))


class ServeAsr:
    """AsrPort of the Asr deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        """See AsrPort."""
        return await _ask(lambda: self._handle.transcribe.remote(request))

    async def info(self) -> StageInfo:
        """See AsrPort."""
        return await _ask(self._handle.info.remote)


class ServeMt:
    """MtPort of the Mt deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def translate(self, request: MtRequest) -> Draft:
        """See MtPort."""
        return await _ask(lambda: self._handle.translate.remote(request))

    async def info(self) -> StageInfo:
        """See MtPort."""
        return await _ask(self._handle.info.remote)


async def _ask(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Call a replica, and another one if that dies: stages keep no state, so asking twice is safe.

    Raises what the stage raised, without Ray's wrapping, or StageUnavailableError.
    """
    try:
        try:
            return await _answer(call())
        except _REPLICA_LOST as error:
            logger.warning("a replica was lost, its request goes to another: %s", error)
            return await _answer(call())
    except _STAGE_LOST as error:
        raise StageUnavailableError(f"no replica answered: {error}") from error
    except RayTaskError as error:
        if isinstance(error.cause, EngineError):
            raise error.cause from None
        raise


async def _answer(response: Awaitable[_Answer]) -> _Answer:
    """The answer; who is cancelled while waiting for it cancels the request at the replica."""
    try:
        return await response
    except asyncio.CancelledError:
        cast(_Response, response).cancel()
        raise
