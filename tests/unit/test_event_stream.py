"""A reader that does not read is cut off; one that goes away frees what was held for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from serve_app.api import event_stream
from serve_app.api.event_stream import EventStream, sse

Message = dict[str, Any]


class Client:
    """An ASGI client: takes `reads` messages, then none, and may go away."""

    def __init__(self, reads: int) -> None:
        self.told: list[Message] = []
        self.gone = asyncio.Event()
        self._reads = reads

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if len(self.told) >= self._reads:
            await asyncio.Event().wait()
        self.told.append(dict(message))


async def forever(made: list[int]) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            made.append(len(made))
            yield b"x"
            await asyncio.sleep(0)
    finally:
        made.append(-1)


async def served(client: Client, pieces: AsyncGenerator[bytes, None]) -> list[str]:
    freed: list[str] = []
    held = AsyncExitStack()
    held.callback(lambda: freed.append("seat"))
    answer = EventStream(pieces, held)
    await asyncio.wait_for(answer({}, client.receive, client.send), 5)
    return freed


async def test_who_takes_nothing_is_cut_off_and_nothing_is_made_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT_S", 0.05)
    client, made = Client(reads=3), list[int]()
    assert await served(client, forever(made)) == ["seat"]
    assert [message["type"] for message in client.told] == [
        "http.response.start",
        "http.response.body",
        "http.response.body",
    ]
    assert made == [0, 1, 2, -1]


async def test_who_goes_away_is_noticed() -> None:
    client, made = Client(reads=1_000_000), list[int]()
    serving = asyncio.create_task(served(client, forever(made)))
    await asyncio.sleep(0.01)
    client.gone.set()
    assert await serving == ["seat"]
    assert made[-1] == -1


async def test_the_seat_is_free_again_where_not_even_the_answer_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT_S", 0.05)
    assert await served(Client(reads=0), forever([])) == ["seat"]


async def test_a_defect_in_what_is_told_is_no_quiet_end() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"x"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await served(Client(reads=10), broken())


def test_an_event_has_its_name_its_id_and_one_line_of_data() -> None:
    told = sse({"type": "t", "text": "ü\nx"}, "7")
    assert told.decode() == 'event: t\nid: 7\ndata: {"type":"t","text":"ü\\nx"}\n\n'
