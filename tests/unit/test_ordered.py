"""Many calls at a time, answers in order, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from serve_app.files.ordered import ordered


async def collect(answers: AsyncGenerator[int, None], into: list[int]) -> None:
    """What came before a failure stays."""
    async with aclosing(answers):
        async for answer in answers:
            into.append(answer)


class Source:
    """Numbers, and whether it was closed."""

    def __init__(self, count: int, fails: bool = False) -> None:
        self.count = count
        self.fails = fails
        self.given = 0
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                self.given += 1
                yield number
            if self.fails:
                raise ValueError("no more")
        finally:
            self.closed = True


async def test_answers_come_in_order_whatever_order_they_are_ready_in() -> None:
    gates = [asyncio.Event() for _ in range(6)]

    async def work(number: int) -> int:
        await gates[number].wait()
        if number:
            gates[number - 1].set()
        return number

    async with aclosing(ordered(Source(6).items(), work, ahead=8)) as answers:
        gates[5].set()
        assert [answer async for answer in answers] == list(range(6))


async def test_no_more_is_begun_than_may_be() -> None:
    at_work = most = 0

    async def work(number: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return number

    async with aclosing(ordered(Source(50).items(), work, ahead=3)) as answers:
        assert [answer async for answer in answers] == list(range(50))
    # One whose answer is next, one that the feeder holds, three between them.
    assert 1 < most <= 5


async def test_a_reader_that_stops_stops_the_source_too() -> None:
    async def work(number: int) -> int:
        return number

    source = Source(1_000)
    async with aclosing(ordered(source.items(), work, ahead=3)) as answers:
        assert await anext(answers) == 0
        for _ in range(20):
            await asyncio.sleep(0)
        assert source.given <= 6
    assert source.closed


async def test_a_failure_comes_after_the_answers_before_it() -> None:
    async def work(number: int) -> int:
        if number == 2:
            raise LookupError
        return number

    got: list[int] = []
    with pytest.raises(LookupError):
        await collect(ordered(Source(9).items(), work, ahead=4), got)
    assert got == [0, 1]


async def test_a_source_that_fails_does_so_at_its_place() -> None:
    async def work(number: int) -> int:
        return number

    got: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        await collect(ordered(Source(3, fails=True).items(), work, ahead=4), got)
    assert got == [0, 1, 2]


async def test_work_is_cancelled_when_the_reader_stops() -> None:
    cancelled = []

    async def work(number: int) -> int:
        if number == 0:
            return 0
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(number)
        return number

    async with aclosing(ordered(Source(9).items(), work, ahead=3)) as answers:
        assert await anext(answers) == 0
        for _ in range(5):
            await asyncio.sleep(0)
    assert cancelled
