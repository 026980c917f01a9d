"""Carries whole files through the three stages; knows no Ray, no HTTP.

Windows of one file are decoded many at a time, so that the ASR stage fills its batches, and the
number of windows in flight is bounded over all files, so that live sessions find room in them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from deployments.types import (
    VAD_FRAME_SAMPLES,
    AsrRequest,
    Hypothesis,
    MtRequest,
    Samples,
    VadRequest,
    VadState,
)
from serve_app.decode.pcm import too_long
from serve_app.errors import BusyError
from serve_app.files.ordered import ordered
from serve_app.files.plan import PlanOptions, Span, Window, WindowPlanner
from serve_app.files.transcript import FileSegment, segments_of
from serve_app.runner import PIECE_BYTES, Ports
from serve_app.session.audio import PcmReader, SampleBuffer, to_ms, to_samples
from serve_app.session.gates import doubt

LEAST_PROGRESS_MS = 1_000
"""A window that is too full for one decode is taken up again only this much later or more."""
VAD_BLOCK_FRAMES = 64
"""About 2 s: few calls for a file, and none that keeps live sessions waiting."""
MT_AHEAD = 32
"""Segments of one file that are translated at a time."""
_SLACK_MS = 10_000

T = TypeVar("T")

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one replica takes on."""

    max_files: int = 16
    """At a time; one more is answered with BusyError."""
    max_windows: int = 16
    """In flight, of all files together."""
    max_audio_s: int = 14_400
    stage_timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class FileJob:
    """What is wanted of a file."""

    language: str | None = None
    """None to detect it for each window."""
    languages: tuple[str, ...] = ()
    """What detection may choose from; empty for all."""
    context: str = ""
    """A hint: text before the audio."""
    hotwords: str = ""
    """A hint: what is likely to be said."""
    target: str | None = None
    """Language to translate into, or None for the transcript."""
    plan: PlanOptions = field(default_factory=PlanOptions)


class FileDesk:
    """Admits files and shares the windows in flight among them."""

    def __init__(self, ports: Ports, limits: FileLimits) -> None:
        self.ports = ports
        self.limits = limits
        self.places = asyncio.Semaphore(limits.max_windows)
        self._files = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place for one file; BusyError where all are taken."""
        if self._files >= self.limits.max_files:
            raise BusyError(
                f"{self._files} files are being transcribed, as many as this server takes at a "
                "time; try again in a few seconds, or raise files.max_files."
            )
        self._files += 1
        try:
            yield
        finally:
            self._files -= 1


class FileRun:
    """One file at work; iterate `segments` to its end, or close it to stop all of it."""

    def __init__(self, desk: FileDesk, job: FileJob, pcm: AsyncGenerator[bytes, None]) -> None:
        self._desk = desk
        self._job = job
        self._pcm = pcm
        self._audio = SampleBuffer(to_samples(2 * job.plan.max_window_ms + _SLACK_MS))
        self._planner = WindowPlanner(job.plan)
        self._vad = VadState.initial()
        self._heard = 0

    @property
    def duration_samples(self) -> int:
        """Audio read so far: all of it once `segments` has ended."""
        return self._audio.end

    async def segments(self) -> AsyncGenerator[FileSegment, None]:
        """In order, as they come to be known.

        Raises InvalidAudioError, TooLargeError, EngineError, TimeoutError.
        """
        windows = self._desk.limits.max_windows
        heard = ordered(self._windows(), self._listen, windows)
        told = ordered(_flat(heard), self._translated, MT_AHEAD)
        async with aclosing(told):
            async for segment in told:
                yield segment

    async def _windows(self) -> AsyncGenerator[tuple[Window, Samples], None]:
        async with aclosing(self._read()) as growing:
            async for least in growing:
                while self._audio.end - self._heard >= least:
                    for window in await self._hear():
                        yield window, self._audio.slice(window.start, window.end)
                    self._audio.forget_before(min(self._planner.needed_from, self._heard))
        for window in self._planner.finish(self._audio.end):
            yield window, self._audio.slice(window.start, window.end)

    async def _read(self) -> AsyncGenerator[int, None]:
        """Fill the buffer; yields how many samples there must be for the next VAD call."""
        reader = PcmReader()
        async with aclosing(self._pcm):
            async for piece in self._pcm:
                for at in range(0, len(piece), PIECE_BYTES):
                    self._audio.append(reader.read(piece[at : at + PIECE_BYTES]))
                    self._require_short_enough()
                    yield VAD_BLOCK_FRAMES * VAD_FRAME_SAMPLES
        yield 1

    def _require_short_enough(self) -> None:
        longest_s = self._desk.limits.max_audio_s
        if self._audio.end > to_samples(1_000 * longest_s):
            raise too_long(longest_s)

    async def _hear(self) -> list[Window]:
        """One VAD call, and the windows that it finishes."""
        end = self._audio.end
        until = min(self._heard + VAD_BLOCK_FRAMES * VAD_FRAME_SAMPLES, end)
        samples = self._audio.slice(self._heard, until)
        block = np.pad(samples, (0, -len(samples) % VAD_FRAME_SAMPLES))
        answer = await self._within(self._desk.ports.vad.detect(VadRequest(self._vad, block)))
        self._vad, self._heard = answer.state, until
        return self._planner.hear(answer.probabilities, _loudness(block), end)

    async def _listen(self, item: tuple[Window, Samples]) -> list[FileSegment]:
        """The segments of a window; heard again utterance by utterance where it is not believed."""
        window, samples = item
        hypothesis = await self._transcribed(samples)
        doubted = doubt(hypothesis, len(samples))
        if doubted is None:
            told = segments_of(window, hypothesis)
            rest = rest_of(window, told) if hypothesis.full else None
            if rest is None:
                return told
            return [*told, *await self._listen((rest, samples[rest.start - window.start :]))]
        if len(window.utterances) == 1:
            span = f"{to_ms(window.start)} to {to_ms(window.end)} ms"
            logger.warning("what was heard in a file from %s is not believed: %s", span, doubted)
            return []
        apart = [
            (Window((span,)), samples[span.start - window.start : span.end - window.start])
            for span in window.utterances
        ]
        return [segment for part in apart for segment in await self._listen(part)]

    async def _transcribed(self, samples: Samples) -> Hypothesis:
        job = self._job
        request = AsrRequest(
            samples,
            job.language,
            context=job.context,
            hotwords=job.hotwords,
            final=True,
            languages=job.languages,
        )
        async with self._desk.places:
            return await self._within(self._desk.ports.asr.transcribe(request))

    async def _translated(self, segment: FileSegment) -> FileSegment:
        target = self._job.target
        if target is None or target == segment.language:
            return segment
        request = MtRequest(segment.text, segment.language, target, background=True)
        draft = await self._within(self._desk.ports.mt.translate(request))
        return replace(segment, translation=draft.text.strip(), target=target)

    async def _within(self, call: Awaitable[T]) -> T:
        # Not wait_for, which in Python 3.11 can lose a cancellation.
        async with asyncio.timeout(self._desk.limits.stage_timeout_s):
            return await call


def rest_of(window: Window, told: list[FileSegment]) -> Window | None:
    """What lies behind the segments of a window; None where they are too short to go on behind."""
    end = told[-1].end if told else window.start
    if end - window.start < to_samples(LEAST_PROGRESS_MS):
        return None
    left = [Span(max(end, span.start), span.end) for span in window.utterances if span.end > end]
    return Window(tuple(left)) if left else None


async def _flat(parts: AsyncGenerator[list[T], None]) -> AsyncGenerator[T, None]:
    async with aclosing(parts):
        async for part in parts:
            for item in part:
                yield item


def _loudness(block: Samples) -> list[float]:
    """Mean square of each frame."""
    levels: list[float] = np.square(block).reshape(-1, VAD_FRAME_SAMPLES).mean(axis=1).tolist()
    return levels
