"""Waiting for the answer of a replica: who was cancelled, we or the replica?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar, cast

from ray.serve.exceptions import RayServeException

_Answer = TypeVar("_Answer")


class CallLostError(RayServeException):
    """The replica ended the call without an answer, as one does that is being stopped."""


class _Response(Protocol):
    """What Serve's typed stub leaves out of DeploymentResponse."""

    def cancel(self) -> None: ...


async def answered(response: Awaitable[_Answer]) -> _Answer:
    """The answer; who is cancelled while waiting for it cancels the request at the replica.

    Serve says CancelledError as well where the replica's own task was cancelled. Nobody asked the
    caller to end then, and a task that ends so would end without a word: CallLostError.
    """
    try:
        return await response
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            cast(_Response, response).cancel()
            raise
        raise CallLostError("the replica cancelled the call") from None
