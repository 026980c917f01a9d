"""The client for programs without an event loop: the same, on a loop in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, Unpack, cast

from serve_app.client.api import AsyncClient
from serve_app.client.audio import in_background
from serve_app.client.kept import MAX_KEPT_S
from serve_app.client.live import AsyncSession
from serve_app.client.options import DEFAULT_URL, StreamKeys
from serve_app.client.retries import RetryPolicy
from serve_app.session.events import Event

T = TypeVar("T")

BlockingSource = str | Path | BinaryIO | Iterable[bytes]
"""As `Source`; the iterable gives 16 kHz mono 16-bit PCM."""


class Client:
    """As AsyncClient."""

    def __init__(
        self,
        url: str | Sequence[str] = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        max_kept_s: float = MAX_KEPT_S,
    ) -> None:
        self._client = AsyncClient(url, api_key=api_key, retry=retry, max_kept_s=max_kept_s)

    def stream(self, **options: Unpack[StreamKeys]) -> Session:
        """A live session of 16 kHz mono PCM, to be entered with `with`."""
        return Session(self._client.stream(**options))

    def translate(self, audio: BlockingSource, /, **options: Unpack[StreamKeys]) -> Iterator[Event]:
        """Events of a whole source, as they come; leaving early hangs up."""
        if isinstance(audio, str | Path) or hasattr(audio, "read"):
            events = self._client.translate(cast("str | Path | BinaryIO", audio), **options)
        else:
            events = self._client.translate(in_background(iter(audio)), **options)
        loop = _Loop()
        try:
            yield from loop.iterate(events)
        finally:
            loop.stop()


class Session:
    """As AsyncSession. One thread may send while another reads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._loop: _Loop

    def __enter__(self) -> Self:
        """Returns once a server has created the session; raises what `send` raises."""
        self._loop = _Loop()
        try:
            self._loop.call(self._session.__aenter__())
        except BaseException:
            self._loop.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hangs up."""
        self._loop.call(self._session.close())
        self._loop.stop()

    @property
    def session_id(self) -> str:
        """The same on every connection."""
        return self._session.session_id

    @property
    def acked_ms(self) -> int:
        """Audio before this is committed and translated."""
        return self._session.acked_ms

    def send(self, pcm: bytes) -> None:
        """16 kHz mono 16-bit PCM, cut anywhere; waits while the kept audio is at its bound."""
        self._loop.call(self._session.send(pcm))

    def end(self) -> None:
        """There is no more audio; the events go on until all of it is dealt with."""
        self._loop.call(self._session.end())

    def __iter__(self) -> Iterator[Event]:
        """Events to the end of the session; raises what `send` raises."""
        return self._loop.iterate(aiter(self._session))


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="dragoman-client", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result; Ctrl-C stops it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """All items, one at a time."""

        async def following() -> tuple[T, ...]:
            async for item in items:
                return (item,)
            return ()

        while found := self.call(following()):
            yield found[0]

    def stop(self) -> None:
        """End what still runs in it."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._stopped.wait()
