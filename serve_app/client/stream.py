"""`POST /v1/stream` from Python: audio goes up while events come down.

aiohttp, because it reads the answer while the body is still being sent; httpx does not.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import aiohttp

from serve_app.client.errors import (
    ClientError,
    ConnectionBrokenError,
    RequestRejectedError,
    ServerUnreachableError,
)
from serve_app.client.wire import LineSplitter, Received, decode_line
from serve_app.session.append import MtMode
from serve_app.session.events import Ack, SessionClosed
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What to ask of `/v1/stream`."""

    targets: tuple[str, ...] = ()
    """Languages to translate into; none gives a transcript only."""
    source: str = "auto"
    """Spoken language, or `auto`."""
    format: str = "auto"
    """Of the audio; `auto` recognises containers, raw PCM must be named."""
    rate_hz: int = 16_000
    """Of raw PCM."""
    channels: int = 1
    """Of raw PCM."""
    partials: bool = True
    """Whether to be told the volatile tail as well."""
    delay: Delay | None = None
    """From fastest to best; None leaves it to the server."""
    policy: PolicyName | None = None
    """When words are committed; None leaves it to the server."""
    mt_mode: MtMode | None = None
    """What of a translation is told while its sentence is spoken; None for the server's choice."""

    def query(self) -> list[tuple[str, str]]:
        """As query keys."""
        keys = [("source", self.source), ("format", self.format)]
        keys += [("target", target) for target in self.targets]
        if self.format.startswith("pcm"):
            keys += [("rate", str(self.rate_hz)), ("channels", str(self.channels))]
        chosen = {"delay": self.delay, "policy": self.policy}
        keys += [(key, value) for key, value in chosen.items() if value is not None]
        if self.mt_mode:
            keys.append(("mt_mode", self.mt_mode))
        return [*keys, ("partials", "true" if self.partials else "false")]


async def translate_stream(
    url: str, audio: AsyncIterator[bytes], options: StreamOptions
) -> AsyncGenerator[Received, None]:
    """Events of one session, as they come, until `session.closed`; leaving early hangs up.

    Raises ServerUnreachableError, RequestRejectedError, ConnectionBrokenError,
    MalformedEventError, and whatever reading `audio` raises.
    """
    upload = _Upload(audio)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
    acked_ms = 0
    async with aiohttp.ClientSession(timeout=timeout) as http:
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
        return ServerUnreachableError(url, _short(error))
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return ServerUnreachableError(url, "this is no http:// URL")
    return ConnectionBrokenError(_short(error), acked_ms)


def _short(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        # asyncio's own text repeats the address instead of saying what happened.
        return os.strerror(number) if number and number > 0 else str(error.os_error.strerror)
    return str(error) or type(error).__name__
