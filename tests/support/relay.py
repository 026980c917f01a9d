"""A TCP relay in front of a server, whose connections can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on both ways until it is told to cut."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._address = (parts.hostname, parts.port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._frozen: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.accepted = 0
        """Connections so far."""

    def cut(self) -> None:
        """Reset all connections, as a lost network does."""
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Lose all that is sent on the present connections, and tell nobody."""
        self._frozen |= self._writers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection(*self._address)
        self._writers |= {writer, up_writer}
        try:
            await asyncio.gather(self._pass_on(reader, up_writer), self._pass_on(up_reader, writer))
        finally:
            self._writers -= {writer, up_writer}
            self._tasks.discard(task)
            for one in (writer, up_writer):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()

    async def close(self) -> None:
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if writer not in self._frozen:
                    writer.write(data)
                    await writer.drain()
        writer.close()


@asynccontextmanager
async def relay(upstream: str) -> AsyncIterator[Relay]:
    one = Relay(upstream)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await one.close()
        await server.wait_closed()


@asynccontextmanager
async def relays(upstreams: Sequence[str]) -> AsyncIterator[list[Relay]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(relay(one)) for one in upstreams]
