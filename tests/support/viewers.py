"""A viewer of a session on a real connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Wire = dict[str, Any]


class Viewer:
    """What one viewer was told."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.told: list[Wire] = []
        self.last_id: str | None = None
        """As a browser sends it back."""

    async def next(self) -> Wire | None:
        """The next event; None at the end."""
        data: Wire | None = None
        async for line in self._answer.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "data":
                data = json.loads(value)
            elif field == "id":
                self.last_id = value
            elif not field and not value and data is not None:
                self.told.append(data)
                return data
        return None

    async def until(self, kind: str) -> Wire:
        """The next event of a type."""
        while (event := await self.next()) is not None:
            if event["type"] == kind:
                return event
        raise AssertionError(f"no {kind}, but {self.told[-3:]}")

    async def rest(self) -> None:
        """All to the end."""
        while await self.next() is not None:
            pass


@asynccontextmanager
async def stream_of(
    address: str, keys: dict[str, str | Sequence[str]], last_id: str | None = None
) -> AsyncIterator[Viewer]:
    """A connection to any of our streams of server-sent events."""
    async with (
        aiohttp.ClientSession(read_bufsize=1 << 20) as http,
        http.get(
            address, params=keys, headers={"last-event-id": last_id} if last_id else {}
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Viewer(answer)


@asynccontextmanager
async def view(
    url: str, session: str, token: str, last_id: str | None = None, **keys: str | Sequence[str]
) -> AsyncIterator[Viewer]:
    """A connection of a viewer."""
    address = f"{url}/v1/sessions/{session}/events"
    async with stream_of(address, {"token": token, **keys}, last_id) as viewer:
        yield viewer
