"""A live session that outlives its connections: audio in, one unbroken sequence of events out."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, Self

import aiohttp

from serve_app.client.connection import (
    Connection,
    NoConnectionError,
    connected,
    new_http,
    require_http_url,
)
from serve_app.client.continuity import Continuity
from serve_app.client.errors import (
    ConnectionBrokenError,
    NoSessionError,
    ServerUnreachableError,
    UsageError,
)
from serve_app.client.kept import KeptAudio
from serve_app.client.notices import Reconnecting
from serve_app.client.options import StreamOptions
from serve_app.client.retries import Retries, RetryPolicy
from serve_app.client.wire import Received
from serve_app.session.events import Ack, Event

MAX_UNREAD = 4_096
"""Events that may wait for a user who does not read; then the connection is not read either."""

END = {"type": "end"}


class AsyncSession:
    """Enter it, send audio, read events, and say when the audio ends.

    Reading and sending go on at the same time: in two tasks, or with `translate` of the client.
    """

    def __init__(
        self,
        urls: Sequence[str],
        options: StreamOptions,
        *,
        api_key: str | None,
        retry: RetryPolicy,
        max_kept_s: float,
    ) -> None:
        self._story = Continuity(options, KeptAudio(max_kept_s))
        self._retries = Retries(urls, retry, random.Random())  # noqa: S311 # nosec B311
        self._retry = retry
        self._urls = urls
        self._api_key = api_key
        self._told: asyncio.Queue[Received | None] = asyncio.Queue(MAX_UNREAD)
        self._audio_came = asyncio.Event()
        self._room = asyncio.Event()
        self._begun = asyncio.Event()
        self._hung_up = False
        self._failure: Exception | None = None
        self._work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Returns once a server has created the session; raises what `send` raises."""
        for url in self._urls:
            require_http_url(url)
        self._work = asyncio.create_task(self._run())
        try:
            await self._begun.wait()
            self._raise_failure()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hangs up: to hear the last words, `end` and read to the end before."""
        await self.close()

    async def close(self) -> None:
        """Hang up; whoever still reads comes to the end."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._hung_up = True
        # Where it is full, nobody waits for more.
        with suppress(asyncio.QueueFull):
            self._told.put_nowait(None)

    @property
    def session_id(self) -> str:
        """The same on every connection."""
        return self._story.session_id

    @property
    def acked_ms(self) -> int:
        """Audio before this is committed and translated."""
        return self._story.acked_ms

    async def send(self, pcm: bytes) -> None:
        """16 kHz mono 16-bit PCM, cut anywhere; waits while the kept audio is at its bound.

        Ignored once the server has ended the session. Once the session has failed it raises
        ServerUnreachableError, NoSessionError, RequestRejectedError, SessionRefusedError,
        SessionLostError, ConnectionBrokenError or MalformedEventError.
        """
        while not self._story.audio.has_room and not self._story.over:
            self._raise_failure()
            self._room.clear()
            await self._room.wait()
        self.send_nowait(pcm)

    def send_nowait(self, pcm: bytes) -> None:
        """The same for a source that cannot wait; KeptAudioFullError where there is no room."""
        self._raise_failure()
        if self._story.audio.ended:
            raise UsageError("The audio of this session has ended: open another session for more.")
        self._story.audio.add(pcm)
        self._audio_came.set()

    async def end(self) -> None:
        """There is no more audio; the events go on until all of it is dealt with."""
        self._story.audio.ended = True
        self._audio_came.set()

    async def send_all(self, audio: AsyncIterable[bytes]) -> None:
        """All of a source, and the end, also where the source fails; raises what it raises."""
        try:
            async for pcm in audio:
                await self.send(pcm)
        finally:
            await self.end()

    async def interject(self, event: Event) -> None:
        """Something of the user's own among the events."""
        await self._told.put(self._story.tell(event))

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events to the end of the session; raises what `send` raises."""
        async with aclosing(self.received()) as told:
            async for received in told:
                yield received.event

    async def received(self) -> AsyncGenerator[Received, None]:
        """The same events with their numbers and their JSON."""
        while not (self._hung_up and self._told.empty()):
            received = await self._told.get()
            if received is None:
                break
            yield received
        self._told.put_nowait(None)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        try:
            async with new_http(self._api_key) as http:
                await self._connect_until_over(http)
        except Exception as error:
            self._failure = error
        self._begun.set()
        self._room.set()
        await self._told.put(None)

    async def _connect_until_over(self, http: aiohttp.ClientSession) -> None:
        while not self._story.over:
            try:
                loss = NoConnectionError(await self._converse(http))
            except NoConnectionError as error:
                loss = error
            if not self._story.over:
                await self._wait_for_the_next(loss)

    async def _wait_for_the_next(self, loss: NoConnectionError) -> None:
        begun, url = bool(self._story.session_id), self._retries.url
        attempt = self._retries.failed(time.monotonic(), begun=begun, wanted_s=loss.wanted_s)
        # An address where nobody ever was is more likely wrong than a server that comes back.
        if loss.absent and not begun and self._retries.tried_all:
            raise ServerUnreachableError(url, loss.why)
        if attempt is None and not begun:
            raise NoSessionError(url, loss.why, self._retry.begin_within_s)
        if attempt is None:
            raise ConnectionBrokenError(loss.why, self._story.acked_ms)
        if begun:
            delay_ms = round(attempt.delay_s * 1000)
            await self.interject(Reconnecting(loss.why, attempt.url, attempt.number, delay_ms))
        await asyncio.sleep(attempt.delay_s)

    async def _converse(self, http: aiohttp.ClientSession) -> str:
        """One connection to its end; why it ended."""
        async with connected(http, self._retries.url) as connection:
            opening = self._story.connect(self._retries.url)
            sending = asyncio.create_task(self._send(connection, opening))
            listening = asyncio.create_task(self._listen(connection))
            try:
                await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
                await listening
            finally:
                sending.cancel()
                listening.cancel()
                await asyncio.gather(sending, listening, return_exceptions=True)
        closed = connection.closed
        if closed is None:
            return ""
        trouble = self._story.trouble
        for received in self._story.closed(closed.code):
            await self._told.put(received)
        return trouble or f"{closed.why or 'closed'} ({closed.code})"

    async def _listen(self, connection: Connection) -> None:
        async with aclosing(connection.events()) as events:
            async for received in events:
                for told in self._story.take(received):
                    await self._told.put(told)
                if self._story.is_progress(received.event):
                    self._retries.progress()
                    self._room.set()
                    self._audio_came.set()
                if self._story.session_id:
                    self._begun.set()
                if self._story.over:
                    return
                if isinstance(received.event, Ack):
                    with suppress(ConnectionError):
                        await connection.say({"type": "received", "seq": received.seq})

    async def _send(self, connection: Connection, opening: Mapping[str, Any]) -> None:
        # Where the connection is lost, reading it tells why.
        with suppress(ConnectionError):
            await connection.say(opening)
            audio = self._story.audio
            while not audio.all_sent:
                self._audio_came.clear()
                while piece := audio.next_piece():
                    await connection.speak(piece)
                if not audio.all_sent:
                    await self._audio_came.wait()
            await connection.say(END)
