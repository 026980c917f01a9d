"""Server-sent events to somebody who only reads: bounded, kept alive, and resumable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_TIMEOUT_S = 30.0
"""A client that takes nothing for as long is cut off; it may go on from the last id it has."""
KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
MEDIA_TYPE = "text/event-stream"


class EventStream(Response):
    """Sends what comes, until it ends, the client goes away or does not read."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], held: AsyncExitStack) -> None:
        """`held` is closed in any case."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(media_type=MEDIA_TYPE, headers=headers)
        del self.headers["content-length"]
        self._pieces = pieces
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, with an eye on the client."""
        async with self._held, aclosing(self._pieces):
            await self._send_while_read(receive, send)

    async def _send_while_read(self, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            results = await asyncio.gather(sending, leaving, return_exceptions=True)
        if isinstance(results[0], Exception) and not isinstance(results[0], TimeoutError | OSError):
            raise results[0]

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await _within(send, start)
        async for piece in self._pieces:
            await _within(send, {"type": "http.response.body", "body": piece, "more_body": True})
        await _within(send, {"type": "http.response.body", "body": b"", "more_body": False})


def sse(wire: Mapping[str, Any], event_id: str | None = None) -> bytes:
    """One event; `event_id` is where the client goes on after it."""
    data = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    name = f"id: {event_id}\n" if event_id is not None else ""
    return f"event: {wire['type']}\n{name}data: {data}\n\n".encode()


async def _within(send: Send, message: Mapping[str, Any]) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send(dict(message))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
