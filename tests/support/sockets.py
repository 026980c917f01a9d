"""A native client on a real WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from serve_app.client.wire import from_wire
from serve_app.session.events import Event

Wire = dict[str, Any]


class Talk:
    """One connection: what to send, and what was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.wire: list[Wire] = []

    @property
    def events(self) -> list[Event]:
        return [from_wire(one["type"], one) for one in self.wire]

    async def config(self, **keys: object) -> None:
        await self.socket.send_json({"type": "config", **keys})

    async def audio(self, data: bytes, piece_bytes: int = 6_400) -> None:
        for at in range(0, len(data), piece_bytes):
            await self.socket.send_bytes(data[at : at + piece_bytes])

    async def end(self) -> None:
        await self.socket.send_json({"type": "end"})

    async def next(self) -> Wire | None:
        """The next event; None once the server has closed."""
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        self.wire.append(json.loads(message.data))
        return self.wire[-1]

    async def until(self, kind: str) -> Wire:
        """The next event of a type."""
        while (event := await self.next()) is not None:
            if event["type"] == kind:
                return event
        raise AssertionError(f"no {kind}, but {self.wire[-3:]} and code {self.socket.close_code}")

    async def rest(self) -> int | None:
        """All to the close; its code."""
        while await self.next() is not None:
            pass
        return self.socket.close_code


@asynccontextmanager
async def talk(url: str, query: str = "") -> AsyncIterator[Talk]:
    """A connection to the native door."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v1/stream{query}", autoclose=True) as socket,
    ):
        yield Talk(socket)
