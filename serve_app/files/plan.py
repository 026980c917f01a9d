"""Which stretches of a file to decode, from its speech probabilities; pure, as it is heard.

Windows are stretches of the file itself: pauses inside them stay, so a time in a window is a time
in the file, and cannot drift.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from deployments.types import VAD_FRAME_SAMPLES
from serve_app.session.audio import to_samples
from serve_app.session.segmenter import (
    Segmenter,
    SegmenterOptions,
    UtteranceStarted,
    UtteranceStopped,
)

_NEVER_CUT_MS = 1 << 40
_DIP_FRAMES = 3
"""Frames over which loudness is averaged to find where a word ends: about 100 ms."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a file is cut."""

    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    max_window_ms: int = 28_000
    """Speech without a pause is cut at this length, where it is quietest."""
    fill_ms: int = 0
    """Neighbouring utterances share a window of up to this length; at 0 each has its own."""
    max_gap_ms: int = 2_000
    """Silence that is still decoded between two utterances of a window."""


@dataclass(frozen=True, slots=True)
class Span:
    """Speech between two pauses: samples [start, end) of the file."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is decoded as one piece."""

    utterances: tuple[Span, ...]

    @property
    def start(self) -> int:
        """First sample."""
        return self.utterances[0].start

    @property
    def end(self) -> int:
        """One past the last sample."""
        return self.utterances[-1].end


class WindowPlanner:
    """Speech probabilities in, windows out, in order and without overlap."""

    def __init__(self, options: PlanOptions) -> None:
        self._options = options
        self._segmenter = Segmenter(replace(options.segmenter, max_utterance_ms=_NEVER_CUT_MS))
        self._longest = to_samples(options.max_window_ms)
        self._now = 0
        self._open: int | None = None
        self._packed: tuple[Span, ...] = ()
        # A cut lies in the later half of what it ends, so that no piece gets short.
        self._loudness: deque[float] = deque(maxlen=self._longest // (2 * VAD_FRAME_SAMPLES))

    @property
    def needed_from(self) -> int:
        """Audio before this belongs to no window yet to come."""
        if self._packed:
            return self._packed[0].start
        return self._segmenter.earliest_start if self._open is None else self._open

    def hear(
        self, probabilities: Sequence[float], loudness: Sequence[float], end: int
    ) -> list[Window]:
        """Take frames, of which the audio so far ends at sample `end`; the windows they finish."""
        finished: list[Window] = []
        for probability, level in zip(probabilities, loudness, strict=True):
            self._loudness.append(level)
            self._now = min(self._now + VAD_FRAME_SAMPLES, end)
            match self._segmenter.step(probability):
                case UtteranceStarted(at):
                    self._open = at
                case UtteranceStopped(at):
                    finished += self._close(min(at, end))
            if self._open is not None and self._now - self._open >= self._longest:
                cut = self._quietest()
                finished += self._close(cut)
                self._open = cut
        return finished + self._given_up()

    def finish(self, end: int) -> list[Window]:
        """The file has ended at sample `end`."""
        finished: list[Window] = []
        if isinstance(stopped := self._segmenter.flush(), UtteranceStopped):
            finished += self._close(min(stopped.at, end))
        return finished + self._flush()

    def _close(self, at: int) -> list[Window]:
        """The open utterance ends; what cannot share a window with it is finished."""
        if self._open is None or at <= self._open:
            self._open = None
            return []
        span, self._open = Span(self._open, at), None
        finished = [] if self._fits(span) else self._flush()
        self._packed = (*self._packed, span)
        return finished

    def _fits(self, span: Span) -> bool:
        if not self._packed:
            return True
        near = span.start - self._packed[-1].end <= to_samples(self._options.max_gap_ms)
        return near and span.end - self._packed[0].start <= to_samples(self._options.fill_ms)

    def _given_up(self) -> list[Window]:
        """What no later utterance can join any more."""
        if not self._packed or self._open is not None:
            return []
        soonest = self._segmenter.earliest_start
        return [] if self._fits(Span(soonest, soonest)) else self._flush()

    def _flush(self) -> list[Window]:
        packed, self._packed = self._packed, ()
        return [Window(packed)] if packed else []

    def _quietest(self) -> int:
        """The middle of the quietest place of the last half window."""
        mean = np.convolve(self._loudness, np.ones(_DIP_FRAMES), mode="valid")
        frame = int(np.argmin(mean)) + _DIP_FRAMES // 2
        frames_ago = len(self._loudness) - frame
        return self._now - frames_ago * VAD_FRAME_SAMPLES + VAD_FRAME_SAMPLES // 2
