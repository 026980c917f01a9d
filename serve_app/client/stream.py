"""`POST /v1/stream` from Python: audio goes up while events come down.

aiohttp, because it reads the answer while the body is still being sent; httpx does not.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp

from serve_app.client.errors import (
    ClientError,
    ConnectionBrokenError,
    RequestRejectedError,
    ServerUnreachableError,
)
from serve_app.client.options import StreamOptions
from serve_app.client.wire import LineSplitter, Received, decode_line
from serve_app.session.events import Ack, SessionClosed

CONNECT_TIMEOUT_S = 10.0


async def translate_stream(
    url: str, audio: AsyncIterator[bytes], options: StreamOptions, api_key: str | None = None
) -> AsyncGenerator[Received, None]:
    """Events of one session, as they come, until `session.closed`; leaving early hangs up.

    Raises ServerUnreachableError, RequestRejectedError, ConnectionBrokenError,
    MalformedEventError, and whatever reading `audio` raises.
    """
    upload = _Upload(audio)
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
    acked_ms = 0
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
        try:
            async with http.post(
                f"{url.rstrip('/')}/v1/stream", params=options.query(), data=upload.pieces()
            ) as answer:
                if answer.status != 200:
                    raise await _rejection(answer)
                async with aclosing(_events(answer)) as events:
                    async for received in events:
                        if isinstance(received.event, Ack):
                            acked_ms = received.event.acked_ms
                        yield received
                        if isinstance(received.event, SessionClosed):
                            return
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise upload.failure or _explained(error, url, acked_ms) from error
    raise upload.failure or ConnectionBrokenError("the server ended the answer", acked_ms)


class _Upload:
    """Remembers why the audio could not be read; aiohttp reports that as a broken connection."""

    def __init__(self, audio: AsyncIterator[bytes]) -> None:
        self._audio = audio
        self.failure: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._audio:
                yield piece
        except Exception as error:
            self.failure = error
            raise


async def _events(answer: aiohttp.ClientResponse) -> AsyncGenerator[Received, None]:
    splitter = LineSplitter()
    async for data in answer.content.iter_any():
        for line in splitter.feed(data):
            yield decode_line(line)


async def _rejection(answer: aiohttp.ClientResponse) -> RequestRejectedError:
    text = await answer.text(errors="replace")
    error = await _error_object(answer)
    return RequestRejectedError(
        answer.status,
        str(error.get("message") or text.strip()[:300] or answer.reason),
        param=error.get("param"),
        code=error.get("code"),
    )


async def _error_object(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        error = (await answer.json(content_type=None))["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _explained(error: Exception, url: str, acked_ms: int) -> ClientError:
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError):
        return ServerUnreachableError(url, short_reason(error))
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return ServerUnreachableError(url, "this is no http:// URL")
    return ConnectionBrokenError(short_reason(error), acked_ms)


def short_reason(error: Exception) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        # asyncio's own text repeats the address instead of saying what happened.
        return os.strerror(number) if number and number > 0 else str(error.os_error.strerror)
    return str(error) or type(error).__name__
