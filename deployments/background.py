"""Tasks that belong to a replica, not to the request that happens to start them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def outliving(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task in a fresh context.

    Serve finds in the context for which request a call is made, and when a client goes away it
    cancels all calls that were made for it: the task would end with its first user.
    """
    return asyncio.create_task(work, context=contextvars.Context())
