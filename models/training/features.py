"""Log-mel features, numerically those of faster-whisper's feature extractor."""

from __future__ import annotations

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

MELS = 80
HOP_SAMPLES = 160
_FFT_SAMPLES = 400
# What faster-whisper pads features with (after scaling).
PADDING_VALUE = 0.0


class LogMel:
    """Waveform to features."""

    def __init__(self) -> None:
        filters = FeatureExtractor.get_mel_filters(16_000, _FFT_SAMPLES, n_mels=MELS)
        self._filters = torch.from_numpy(filters.astype(np.float32))
        self._window = torch.hann_window(_FFT_SAMPLES)

    def __call__(self, audio: NDArray[np.float32]) -> torch.Tensor:
        """float32 samples in -1..1, shape (n,), to float32 (80, n // 160 + 1)."""
        samples = torch.nn.functional.pad(torch.from_numpy(audio), (0, HOP_SAMPLES))
        spectrum = torch.stft(
            samples, _FFT_SAMPLES, HOP_SAMPLES, window=self._window, return_complex=True
        )
        power = torch.view_as_real(spectrum[:, :-1]).square().sum(-1)
        log_mel = torch.log10((self._filters @ power).clamp_(min=1e-10))
        # The floor is relative to the loudest frame of the window, as in Whisper.
        return (torch.maximum(log_mel, log_mel.max() - 8.0) + 4.0) / 4.0
