"""The audio that a client still needs: what is not acknowledged, and what is not sent. No I/O."""

from __future__ import annotations

from serve_app.client.errors import KeptAudioFullError
from serve_app.client.pacing import BYTES_PER_MS

MAX_KEPT_S = 600.0
"""19 MB of 16 kHz mono PCM."""
MIN_KEPT_S = 60.0
"""With less, `send` could wait for an acknowledgement that only more audio brings about."""
PIECE_BYTES = 1_000 * BYTES_PER_MS
"""Sent at a time where so much is there."""
AHEAD_MS = 60_000
"""No more than this is sent before it is acknowledged: the server would soon refuse it. It is more
than two of the longest utterances, so the server never waits for what is held back here."""
SLOWED_MS = 40_000
"""The same after the server said `slow_down`; the longest utterance and its pause still fit."""


class KeptAudio:
    """16 kHz mono 16-bit PCM from the last acknowledged sample on."""

    def __init__(self, limit_s: float = MAX_KEPT_S) -> None:
        self.ended = False
        """Whether all audio of the session is here."""
        self._limit_s = limit_s
        self._pcm = bytearray()
        self._begin = 0
        self._sent = 0
        self._slowed = False

    @property
    def has_room(self) -> bool:
        """Whether more may be added."""
        return len(self._pcm) < self._limit_s * 1000 * BYTES_PER_MS

    @property
    def all_sent(self) -> bool:
        """Whether the connection was given everything to the end."""
        return self.ended and self._sent == self._end

    def add(self, pcm: bytes) -> None:
        """The next audio; raises KeptAudioFullError where there is no room."""
        if not self.has_room:
            raise KeptAudioFullError(self._limit_s, self._begin // BYTES_PER_MS)
        self._pcm += pcm

    def forget_before(self, acked_ms: int) -> None:
        """The server has dealt with it."""
        begin = min(acked_ms * BYTES_PER_MS, self._end)
        if begin > self._begin:
            del self._pcm[: begin - self._begin]
            self._begin = begin
        self._slowed = self._slowed and self._sent - self._begin > SLOWED_MS * BYTES_PER_MS

    def rewind(self) -> None:
        """A new connection is sent everything that is kept."""
        self._sent, self._slowed = self._begin, False

    def slow_down(self) -> None:
        """Until more is acknowledged, send less ahead."""
        self._slowed = True

    def next_piece(self) -> bytes:
        """What is to be sent now, which then counts as sent; empty where nothing is."""
        ahead_ms = SLOWED_MS if self._slowed else AHEAD_MS
        limit = min(self._end, self._begin + ahead_ms * BYTES_PER_MS, self._sent + PIECE_BYTES)
        piece = bytes(self._pcm[self._sent - self._begin : limit - self._begin])
        self._sent += len(piece)
        return piece

    @property
    def _end(self) -> int:
        return self._begin + len(self._pcm)
