"""The client for programs with an event loop: sessions, and whole sources through one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine, Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import BinaryIO, Unpack

from serve_app.client.audio import decoded, open_source
from serve_app.client.errors import UsageError
from serve_app.client.kept import MAX_KEPT_S, MIN_KEPT_S
from serve_app.client.live import AsyncSession
from serve_app.client.options import DEFAULT_URL, StreamKeys, StreamOptions
from serve_app.client.retries import RetryPolicy
from serve_app.client.wire import Received
from serve_app.session.events import Event

Source = str | Path | BinaryIO | AsyncIterable[bytes]
"""A path, `-` for standard input, an open file or pipe: audio of any format. An asynchronous
iterable: 16 kHz mono 16-bit PCM, cut anywhere."""


class AsyncClient:
    """Servers that share their resume keys, and how to speak to them."""

    def __init__(
        self,
        url: str | Sequence[str] = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        max_kept_s: float = MAX_KEPT_S,
    ) -> None:
        """With several URLs, each next attempt goes to the next one.

        `max_kept_s`: how much audio is kept that no server has acknowledged. Raises UsageError.
        """
        if max_kept_s < MIN_KEPT_S:
            raise UsageError(
                f"max_kept_s is at least {MIN_KEPT_S:g}: the longest utterances are kept whole."
            )
        self._urls = (url,) if isinstance(url, str) else tuple(url)
        self._api_key = api_key
        self._retry = retry or RetryPolicy()
        self._max_kept_s = max_kept_s

    def stream(self, **options: Unpack[StreamKeys]) -> AsyncSession:
        """A live session of 16 kHz mono PCM, to be entered with `async with`."""
        return self.open(StreamOptions(**options))

    def open(self, options: StreamOptions) -> AsyncSession:
        """The same, with options that are put together already."""
        return AsyncSession(
            self._urls,
            options,
            api_key=self._api_key,
            retry=self._retry,
            max_kept_s=self._max_kept_s,
        )

    async def translate(
        self, audio: Source, /, **options: Unpack[StreamKeys]
    ) -> AsyncGenerator[Event, None]:
        """Events of a whole source, as they come; leaving early hangs up.

        Raises what `AsyncSession.send` raises, UsageError for a source that cannot be read, and
        what reading it raises; what could be read is translated before.
        """
        with ExitStack() as files:
            pcm = _pcm(audio, StreamOptions(**options), files)
            async with (
                self.stream(**options) as session,
                aclosing(conversation(session, session.send_all(pcm))) as told,
            ):
                async for received in told:
                    yield received.event


async def conversation(
    session: AsyncSession, speaking: Coroutine[None, None, None]
) -> AsyncGenerator[Received, None]:
    """All that is told while `speaking` sends the audio and its end; raises what it raises."""
    sending = asyncio.create_task(speaking)
    try:
        async with aclosing(session.received()) as told:
            async for received in told:
                yield received
        # A source that still goes on has nobody to hear it any more.
        if sending.done():
            sending.result()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def _pcm(audio: Source, options: StreamOptions, files: ExitStack) -> AsyncIterable[bytes]:
    match audio:
        case str() | Path():
            return decoded(files.enter_context(open_source(str(audio))), options)
        case AsyncIterable():
            return audio
        case _:
            return decoded(audio, options)
