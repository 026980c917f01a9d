"""Silero v6 voice activity detection on ONNX Runtime, without a memory of its own.

The graph runs its recurrent layer along the batch axis, one stream a call. A graph changed to
take many streams in one call is no faster (measured on one core: 55 microseconds a frame either
way, for 1 to 256 streams): the convolutions dominate. So the streams of a batch take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from faster_whisper.utils import get_assets_path
from numpy.typing import NDArray

from deployments.types import (
    VAD_CONTEXT_SAMPLES,
    VAD_FRAME_SAMPLES,
    EngineError,
    VadAnswer,
    VadRequest,
    VadState,
)

_ASSET = "silero_vad_v6.onnx"
_STATE_SHAPE = (2, 1, 128)


class SileroVad:
    """Speech probabilities of 32 ms frames."""

    def __init__(self, threads: int = 1) -> None:
        # By itself it tells its maker that it is used.
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            str(Path(get_assets_path()) / _ASSET),
            providers=["CPUExecutionProvider"],
            sess_options=options,
        )

    def check(self, request: VadRequest) -> None:
        """Raise EngineError unless samples are whole float32 frames and the state fits."""
        samples, state = request.samples, request.state
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise EngineError(f"VAD takes mono float32, not {samples.dtype} {samples.shape}")
        if len(samples) == 0 or len(samples) % VAD_FRAME_SAMPLES:
            raise EngineError(
                f"VAD takes whole frames of {VAD_FRAME_SAMPLES} samples, not {len(samples)}"
            )
        if state.lstm.shape != _STATE_SHAPE or state.context.shape != (VAD_CONTEXT_SAMPLES,):
            raise EngineError("VAD state has the wrong shape")

    def detect(self, batch: Sequence[VadRequest]) -> list[VadAnswer]:
        """One answer for each request; equal to one run over each whole stream."""
        return [self._detect(request) for request in batch]

    def warm(self) -> None:
        """Run once for each usual number of frames, so that no request pays for a first run."""
        for frames in (1, 4, 8):
            silence = np.zeros(frames * VAD_FRAME_SAMPLES, dtype=np.float32)
            self._detect(VadRequest(VadState.initial(), silence))

    def _detect(self, request: VadRequest) -> VadAnswer:
        state = request.state
        probabilities, hidden, cell = self._session.run(
            None,
            {
                "input": _with_context(request),
                "h": np.ascontiguousarray(state.lstm[0:1]),
                "c": np.ascontiguousarray(state.lstm[1:2]),
            },
        )
        # A copy: a slice would keep the whole request alive as long as the stream's state lives.
        context = request.samples[-VAD_CONTEXT_SAMPLES:].copy()
        after = VadState(lstm=np.concatenate((hidden, cell)), context=context)
        return VadAnswer(after, tuple(float(p) for p in probabilities))


def _with_context(request: VadRequest) -> NDArray[np.float32]:
    """Frames with the tail of their predecessor in front, shape (frames, 64 + 512)."""
    frames = request.samples.reshape(-1, VAD_FRAME_SAMPLES)
    tails = np.vstack((request.state.context, frames[:-1, -VAD_CONTEXT_SAMPLES:]))
    return np.hstack((tails, frames))
