"""One knob from fastest to best: what each `delay` sets. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from serve_app.session.policies import PolicyOptions
from serve_app.session.segmenter import SegmenterOptions
from serve_app.session.utterance import WindowOptions

Delay = Literal["minimal", "low", "medium", "high", "xhigh"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A point on the curve of lag against accuracy."""

    policy: PolicyOptions = field(default_factory=PolicyOptions)
    window: WindowOptions = field(default_factory=WindowOptions)
    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    vad_block_frames: int = 8
    """Frames that a VAD call takes, of 32 ms each: sessions can decide only as often."""


# Measured points, lag against WER: benchmarks/quality.py.
PRESETS: Mapping[Delay, Preset] = {
    "minimal": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.5),
        window=WindowOptions(update_interval_ms=128),
        segmenter=SegmenterOptions(min_silence_ms=320),
        vad_block_frames=4,
    ),
    "low": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=320, clear_probability=0.9),
    ),
    "medium": Preset(),
    "high": Preset(
        policy=PolicyOptions("la2", hold_back_words=1),
        window=WindowOptions(update_interval_ms=512),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
    "xhigh": Preset(
        policy=PolicyOptions("utterance"),
        window=WindowOptions(update_interval_ms=768, max_window_ms=28_000),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
}
