"""A speaker whose client takes the session up again whenever it is cut off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import aiohttp

from serve_app.client.resume import Memory
from serve_app.client.wire import from_wire
from tests.support.oracle import (
    EXACT,
    Account,
    OracleStream,
    account_transcript,
    account_translation,
)
from tests.support.sockets import Talk, Wire, talk

PIECE_SAMPLES = 1_600
RETRY_S = 0.25
GIVE_UP_S = 60.0
REFUSED = 1008
"""After this no client comes back."""


class RefusedError(Exception):
    """The server wants no more of the session."""


@dataclass
class Traveller:
    """Speaks a stream at a pace, on one clock for all its connections: the speaker never waits."""

    url: str
    stream: OracleStream
    pace: float = 1.0
    """Times the speed of speech."""
    told: list[Wire] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)
    """How each connection ended."""
    refused: int = 0
    lags_ms: list[float] = field(default_factory=list)
    """For each committed word, how long after it was said it was told."""
    began_s: float = 0.0
    """When the first sample was spoken, on the loop's clock."""
    ended_s: float = 0.0
    """When the last event had come."""
    acks: list[tuple[float, int]] = field(default_factory=list)
    """When so many milliseconds of audio were acknowledged."""
    signs: list[tuple[float, str]] = field(default_factory=list)
    """When and how the client saw that something is wrong."""

    async def travel(self) -> None:
        """To the end of the stream; raises TimeoutError where that never comes, RefusedError."""
        memory = Memory()
        loop = asyncio.get_running_loop()
        self.began_s = loop.time()
        limit_s = self.stream.length_samples / 16_000 / self.pace + GIVE_UP_S
        async with asyncio.timeout(limit_s):
            while not self.codes or self.codes[-1] != 1000:
                try:
                    await self._connection(memory)
                except (aiohttp.ClientError, OSError):
                    self.refused += 1
                    self._note_sign("refused")
                    await asyncio.sleep(RETRY_S)
        self.ended_s = loop.time()

    @property
    def accounts(self) -> tuple[Account, Account]:
        """Of the transcript and of its translation into German."""
        return (
            account_transcript(self.told, self.stream),
            account_translation(self.told, self.stream, "de"),
        )

    @property
    def exact(self) -> bool:
        """Whether nothing was lost or doubled."""
        return self.accounts == (EXACT, EXACT)

    async def _connection(self, memory: Memory) -> None:
        async with talk(self.url) as one:
            if memory.resume_token is None:
                await one.config(format="pcm_s16le", target=["de"])
            else:
                await one.socket.send_json(memory.message())
            speaking = asyncio.create_task(self._say(one, memory.acked_ms * 16))
            try:
                while await one.next() is not None:
                    memory.note(from_wire(one.wire[-1]["type"], one.wire[-1]))
                    self._note(one.wire[-1])
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
                self.told += one.wire
                self.codes.append(one.socket.close_code)
                if self.codes[-1] != 1000:
                    self._note_sign(str(self.codes[-1]))
            if self.codes[-1] == REFUSED:
                raise RefusedError([event for event in one.wire if event["type"] == "error"])

    def _note(self, event: Wire) -> None:
        now_s = asyncio.get_running_loop().time()
        match event["type"]:
            case "transcript.committed":
                said_ms = (now_s - self.began_s) * 1000 * self.pace
                self.lags_ms += [said_ms - word["end_ms"] for word in event["words"]]
            case "ack":
                self.acks.append((now_s, event["acked_ms"]))
            case "warning" | "error":
                self._note_sign(event["code"])
            case "slow_down" | "go_away":
                self._note_sign(event["type"])

    def _note_sign(self, sign: str) -> None:
        self.signs.append((asyncio.get_running_loop().time(), sign))

    async def _say(self, one: Talk, begin: int) -> None:
        """What was spoken meanwhile at once, then as it is spoken."""
        loop = asyncio.get_running_loop()
        for at in range(begin, self.stream.length_samples, PIECE_SAMPLES):
            due_s = self.began_s + (at + PIECE_SAMPLES) / 16_000 / self.pace
            if (wait_s := due_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            await one.socket.send_bytes(self.stream.pcm(at, at + PIECE_SAMPLES))
        await one.end()
