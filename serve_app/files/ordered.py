"""Many calls at a time, their answers in the order of the questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ordered(
    source: AsyncGenerator[T, None], work: Callable[[T], Awaitable[R]], ahead: int
) -> AsyncGenerator[R, None]:
    """`work` for each item, on up to `ahead` items besides the one whose answer is next.

    Raises what the source or the work raises, after the answers before it. Closing the generator
    ends the source and all work.
    """
    begun: asyncio.Queue[asyncio.Future[R] | None] = asyncio.Queue(ahead)
    unfinished: set[asyncio.Future[R]] = set()

    def begin(item: T) -> asyncio.Future[R]:
        task = asyncio.ensure_future(work(item))
        unfinished.add(task)
        return task

    async def feed() -> None:
        async with aclosing(source):
            async for item in source:
                await begun.put(begin(item))

    async def feed_to_the_end() -> None:
        try:
            await feed()
        except Exception as error:
            broken: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            broken.set_exception(error)
            unfinished.add(broken)
            await begun.put(broken)
        else:
            await begun.put(None)

    feeder = asyncio.create_task(feed_to_the_end())
    try:
        while (task := await begun.get()) is not None:
            answer = await task
            unfinished.discard(task)
            yield answer
    finally:
        feeder.cancel()
        for task in unfinished:
            task.cancel()
        await asyncio.gather(feeder, *unfinished, return_exceptions=True)
