"""When the audio of a live session was spoken, as far as a server can know; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MARK_MS = 100
"""Resolution: what comes within it counts as said together."""
MAX_MARKS = 1_200
"""Two minutes of audio, more than any session holds unacknowledged."""
BURST_S = 2.0
"""Audio may be this much ahead of real time; what is further ahead has not been spoken yet."""


@dataclass(frozen=True, slots=True)
class _Mark:
    until_ms: float
    spoken_s: float


class AudioClock:
    """Tells how long ago a place in the audio was spoken: when it arrived, for a live speaker.

    A file that is uploaded at once counts as spoken at the pace of speech from its beginning, so
    its lags are those a listener would feel. Times in seconds are of one monotonic clock.
    """

    def __init__(self, begin_ms: float = 0.0) -> None:
        self._begin_ms = begin_ms
        self._began_s: float | None = None
        self._marks: deque[_Mark] = deque(maxlen=MAX_MARKS)

    def arrived(self, until_ms: float, now_s: float) -> None:
        """The audio up to a place is here."""
        if self._marks and until_ms - self._marks[-1].until_ms < MARK_MS:
            return
        if self._began_s is None:
            self._began_s = now_s
        earliest_s = self._began_s + (until_ms - self._begin_ms) / 1000 - BURST_S
        self._marks.append(_Mark(until_ms, max(now_s, earliest_s)))

    def lag_s(self, at_ms: float, now_s: float) -> float:
        """How long ago a place was spoken; 0 for one that was told before it was spoken."""
        spoken_s = now_s
        for mark in reversed(self._marks):
            if mark.until_ms < at_ms:
                break
            spoken_s = mark.spoken_s
        return max(0.0, now_s - spoken_s)
