"""Audio as it comes in, and where VAD hears utterances begin and end in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deployments.types import (
    SAMPLE_RATE_HZ,
    VAD_FRAME_SAMPLES,
    VadAnswer,
    VadRequest,
    VadState,
)
from serve_app.session.audio import PcmReader, SampleBuffer, to_samples
from serve_app.session.options import SessionOptions
from serve_app.session.resume import ResumePoint
from serve_app.session.segmenter import Boundary, Segmenter

MAX_PIECE_SAMPLES = SAMPLE_RATE_HZ
"""Most audio that one Audio input may carry: one second."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """All audio of a turn that the client ended was heard."""

    at: int
    boundary: Boundary | None


@dataclass(frozen=True, slots=True)
class AudioEnded:
    """All audio was heard."""

    boundary: Boundary | None


class Listener:
    """Asks VAD about the audio block by block; at most one request is in flight."""

    def __init__(self, options: SessionOptions, point: ResumePoint) -> None:
        held_ms = options.max_backlog_ms + options.segmenter.max_utterance_ms
        self._capacity = to_samples(held_ms) + MAX_PIECE_SAMPLES
        self.audio = SampleBuffer(self._capacity, point.acked)
        self.segmenter = Segmenter(
            options.segmenter, point.acked, point.exact, point.utterance_start
        )
        self._reader = PcmReader()
        self._state = VadState.initial()
        self._heard = point.acked
        self._busy = False
        self._turn_ends: deque[int] = deque()
        self.ended = False
        """No more audio comes."""
        self._flushed = False

    @property
    def has_room(self) -> bool:
        """Whether the largest piece still fits."""
        held = self.audio.end - self.audio.begin
        return held + MAX_PIECE_SAMPLES <= self._capacity

    @property
    def all_heard(self) -> bool:
        """Whether the audio has ended and every boundary in it is known."""
        return self.ended and self._flushed and not self._busy

    @property
    def audio_end(self) -> int | None:
        """None while more may come."""
        return self.audio.end if self._flushed else None

    @property
    def speech_until(self) -> int:
        """Speech was heard up to this sample."""
        return min(self.segmenter.speech_limit, self.audio.end)

    @property
    def unheard_from(self) -> int:
        """VAD has yet to hear the audio from here on."""
        return min(self.segmenter.earliest_start, self._heard)

    def take(self, data: bytes) -> None:
        """More audio; AudioOverflowError where there is no room for it."""
        self.audio.append(self._reader.read(data))

    def end_turn(self) -> None:
        """The turn ends with the audio so far."""
        self._turn_ends.append(self.audio.end)

    def next_step(self, block_frames: int) -> VadRequest | TurnEnded | AudioEnded | None:
        """What is to be done now, if anything; ask again after an end."""
        if self._busy or self._flushed:
            return None
        until = self._turn_ends[0] if self._turn_ends else self.audio.end
        waiting = until - self._heard
        if self._turn_ends and waiting < VAD_FRAME_SAMPLES:
            # VAD hears whole frames; the last samples before the end count as what they follow.
            at = self._turn_ends.popleft()
            return TurnEnded(at, self.segmenter.end_turn(at))
        block = block_frames * VAD_FRAME_SAMPLES
        if waiting < block and not (self.ended or self._turn_ends):
            return None
        if waiting == 0:
            self._flushed = True
            return AudioEnded(self.segmenter.flush())
        if self._turn_ends:
            waiting -= waiting % VAD_FRAME_SAMPLES
        samples = self.audio.slice(self._heard, self._heard + min(block, waiting))
        padding = -len(samples) % VAD_FRAME_SAMPLES
        self._busy = True
        return VadRequest(self._state, np.pad(samples, (0, padding)))

    def hear(self, answer: VadAnswer, is_sentence: Callable[[], bool]) -> Iterator[Boundary]:
        """The boundaries that the answer shows; each is to be acted upon before the next.

        `is_sentence` says whether the open utterance is a whole sentence by then.
        """
        self._busy = False
        self._state = answer.state
        for probability in answer.probabilities:
            self._heard = min(self._heard + VAD_FRAME_SAMPLES, self.audio.end)
            boundary = self.segmenter.step(probability, is_sentence=is_sentence())
            if boundary is not None:
                yield boundary
