"""The training features are those that faster-whisper computes."""

import numpy as np
import pytest

pytest.importorskip("torch")

from faster_whisper.feature_extractor import FeatureExtractor

from models.training.features import LogMel


@pytest.mark.parametrize("samples", [4_000, 16_000, 53_217])
def test_features_equal_faster_whispers(samples: int) -> None:
    audio = (np.random.default_rng(1).standard_normal(samples) * 0.1).astype(np.float32)
    expected = FeatureExtractor(feature_size=80)(audio)
    found = LogMel()(audio).numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)
