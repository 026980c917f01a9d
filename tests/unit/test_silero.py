"""Silero without a memory: any chunking of a stream gives the numbers of one run over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faster_whisper.utils import get_assets_path
from faster_whisper.vad import SileroVADModel

from deployments.engines.silero import SileroVad
from deployments.types import (
    VAD_FRAME_SAMPLES,
    EngineError,
    Samples,
    VadRequest,
    VadState,
)

FRAMES = 60


@pytest.fixture(scope="module")
def engine() -> SileroVad:
    return SileroVad()


def stream(seed: int, frames: int = FRAMES) -> Samples:
    """Voice-like: a buzz with overtones that comes and goes, over noise."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(frames * VAD_FRAME_SAMPLES) / 16_000
    voice = sum(np.sin(2 * np.pi * 140 * k * time_s) / k for k in range(1, 20))
    envelope = (np.sin(2 * np.pi * 3 * time_s) > 0) * (time_s > 0.4)
    noise = rng.normal(0, 0.01, len(time_s))
    return (0.2 * voice * envelope + noise).astype(np.float32)


def run_in_chunks(engine: SileroVad, samples: Samples, sizes: list[int]) -> list[float]:
    state, start, found = VadState.initial(), 0, []
    for frames in sizes:
        end = start + frames * VAD_FRAME_SAMPLES
        [answer] = engine.detect([VadRequest(state, samples[start:end])])
        state, start = answer.state, end
        found += answer.probabilities
    return found


@pytest.mark.parametrize("sizes", [[FRAMES], [1] * FRAMES, [8] * 7 + [4], [1, 2, 3, 50, 4]])
def test_chunks_equal_faster_whisper_on_the_whole_stream(
    engine: SileroVad, sizes: list[int]
) -> None:
    samples = stream(seed=1)
    reference = SileroVADModel(str(Path(get_assets_path()) / "silero_vad_v6.onnx"))
    # It silences the last 64 samples of what it gets, so it gets a copy and a frame more.
    padded = np.concatenate((samples, np.zeros(VAD_FRAME_SAMPLES, dtype=np.float32)))
    expected = reference(padded)[:-1]

    found = run_in_chunks(engine, samples, sizes)

    assert len(found) == FRAMES
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert expected.max() - expected.min() > 0.1, "the stream must exercise the model"


def test_streams_in_one_batch_do_not_touch_each_other(engine: SileroVad) -> None:
    streams = [stream(seed, frames=8) for seed in range(4)]
    alone = [run_in_chunks(engine, samples, [8]) for samples in streams]

    batch = engine.detect([VadRequest(VadState.initial(), samples) for samples in streams])

    assert [list(answer.probabilities) for answer in batch] == alone


def test_silence_is_not_speech(engine: SileroVad) -> None:
    silence = np.zeros(32 * VAD_FRAME_SAMPLES, dtype=np.float32)
    assert max(run_in_chunks(engine, silence, [32])) < 0.1


def test_asking_twice_gives_the_same_and_keeps_the_request(engine: SileroVad) -> None:
    request = VadRequest(VadState.initial(), stream(seed=2, frames=4))
    before = request.samples.copy()

    first, second = engine.detect([request, request])

    assert first.probabilities == second.probabilities
    np.testing.assert_array_equal(request.samples, before)
    np.testing.assert_array_equal(request.state.lstm, VadState.initial().lstm)


def test_state_stays_small(engine: SileroVad) -> None:
    [answer] = engine.detect([VadRequest(VadState.initial(), stream(seed=3))])
    assert answer.state.lstm.nbytes + answer.state.context.nbytes == 1_280
    assert answer.state.context.base is None


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(500, dtype=np.float32), "whole frames of 512 samples, not 500"),
        (np.zeros(0, dtype=np.float32), "not 0"),
        (np.zeros(512, dtype=np.float64), "float64"),
        (np.zeros((512, 2), dtype=np.float32), r"\(512, 2\)"),
    ],
)
def test_bad_samples_are_refused(engine: SileroVad, samples: Samples, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engine.check(VadRequest(VadState.initial(), samples))


def test_bad_state_is_refused(engine: SileroVad) -> None:
    state = VadState(np.zeros((2, 128), dtype=np.float32), VadState.initial().context)
    with pytest.raises(EngineError, match="wrong shape"):
        engine.check(VadRequest(state, np.zeros(512, dtype=np.float32)))
