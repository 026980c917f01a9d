"""Speech probabilities in, utterance boundaries out."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.types import VAD_FRAME_SAMPLES
from serve_app.session.audio import to_samples


@dataclass(frozen=True, slots=True)
class SegmenterOptions:
    """When speech counts as begun and as over."""

    start_probability: float = 0.5
    """A frame at or above this may begin an utterance (Silero's own default)."""
    stop_probability: float = 0.35
    """A frame below this counts as silence inside one; the gap between the two is hysteresis."""
    min_speech_ms: int = 96
    """Shorter bursts are clicks, not speech."""
    min_silence_ms: int = 480
    """Silence that ends an utterance."""
    sentence_silence_ms: int | None = None
    """Silence that ends an utterance that is a whole sentence; None: as any other."""
    pad_ms: int = 160
    """Audio kept on either side of speech, for soft onsets and releases."""
    max_utterance_ms: int = 28_000
    """An utterance is cut before it gets longer, even without a pause. Whisper hears 30 s, and the
    next one's window may begin up to `utterance.OVERLAP_MS` before the cut."""


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """An utterance begins at this sample."""

    at: int


@dataclass(frozen=True, slots=True)
class UtteranceStopped:
    """The open utterance ends at this sample (exclusive)."""

    at: int


@dataclass(frozen=True, slots=True)
class UtteranceCut:
    """The open utterance grew too long: it ends here, and speech goes on in the next."""

    at: int


Boundary = UtteranceStarted | UtteranceStopped | UtteranceCut


class Segmenter:
    """Hysteresis over VAD frames. Marks samples; removes none, so times cannot drift."""

    def __init__(
        self,
        options: SegmenterOptions,
        now: int = 0,
        last_stop: int = 0,
        opened_at: int | None = None,
    ) -> None:
        """Begin at the frame of sample `now`, where `opened_at` says so in the middle of speech."""
        self._options = options
        self._now = now
        self._last_stop = last_stop
        self._opened_at = opened_at
        self._burst_start: int | None = None
        self._speech_end = now

    @property
    def speech_limit(self) -> int:
        """Where the open utterance would end if nothing more were said."""
        return min(self._now, self._speech_end + to_samples(self._options.pad_ms))

    @property
    def earliest_start(self) -> int:
        """No utterance yet to come can begin before this sample."""
        seen_from = self._now if self._burst_start is None else self._burst_start
        return max(self._last_stop, seen_from - to_samples(self._options.pad_ms))

    @property
    def speech_end(self) -> int:
        """End of the last speech heard."""
        return self._speech_end

    @property
    def asks_whether_sentence(self) -> bool:
        """Whether the open utterance pauses, so that it ends at once if it is a sentence."""
        pausing = self._now - self._speech_end >= to_samples(self._options.pad_ms)
        may_end = self._options.sentence_silence_ms is not None
        return may_end and self._opened_at is not None and pausing

    def configure(self, options: SegmenterOptions) -> None:
        """Other options from the next frame on."""
        self._options = options

    def step(self, probability: float, *, is_sentence: bool = False) -> Boundary | None:
        """Take the next frame's probability; and whether the open utterance is a sentence."""
        frame_start = self._now
        self._now += VAD_FRAME_SAMPLES
        if self._opened_at is None:
            return self._step_silent(frame_start, probability)
        return self._step_speaking(self._opened_at, probability, is_sentence)

    def split(self, at: int) -> None:
        """The open utterance ends at a sample, and speech goes on in the next."""
        self._opened_at = self._last_stop = at

    def flush(self) -> Boundary | None:
        """End of audio: close what is open."""
        if self._opened_at is None:
            return None
        return self._stop(self.speech_limit)

    def end_turn(self, at: int) -> Boundary | None:
        """Close what is open at a sample of the next frame; the next utterance begins after it."""
        boundary = self.flush()
        self._burst_start, self._last_stop = None, at
        if boundary is not None and boundary.at == self._now:
            return UtteranceStopped(at)
        return boundary

    def _step_silent(self, frame_start: int, probability: float) -> Boundary | None:
        if probability < self._options.start_probability:
            self._burst_start = None
            return None
        if self._burst_start is None:
            self._burst_start = frame_start
        if self._now - self._burst_start < to_samples(self._options.min_speech_ms):
            return None
        start = self.earliest_start
        self._burst_start, self._opened_at, self._speech_end = None, start, self._now
        return UtteranceStarted(start)

    def _step_speaking(
        self, opened_at: int, probability: float, is_sentence: bool
    ) -> Boundary | None:
        if probability >= self._options.stop_probability:
            self._speech_end = self._now
        longest = to_samples(self._options.max_utterance_ms)
        if self._now + VAD_FRAME_SAMPLES - opened_at > longest:
            self.split(self._now)
            return UtteranceCut(self._now)
        if self._now - self._speech_end >= to_samples(self._silence_ms(is_sentence)):
            return self._stop(self.speech_limit)
        return None

    def _silence_ms(self, is_sentence: bool) -> int:
        shorter = self._options.sentence_silence_ms if is_sentence else None
        return self._options.min_silence_ms if shorter is None else shorter

    def _stop(self, at: int) -> UtteranceStopped:
        self._opened_at, self._last_stop = None, at
        return UtteranceStopped(at)
