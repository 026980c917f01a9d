"""One knob from fastest to best: what each `delay` sets. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from serve_app.session.policies import PolicyOptions
from serve_app.session.segmenter import SegmenterOptions
from serve_app.session.window import WindowOptions

Delay = Literal["minimal", "low", "medium", "high", "xhigh"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A point on the curve of lag against accuracy."""

    policy: PolicyOptions = field(default_factory=PolicyOptions)
    window: WindowOptions = field(default_factory=WindowOptions)
    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    vad_block_frames: int = 8
    """Frames that a VAD call takes, of 32 ms each: sessions can decide only as often."""


# WER clean and with white noise at 10 dB (offline: 0.9 % and 1.8 %), p50 and p95 lag of committed
# words, as docs/quality.md has them for the bundled model; and decodes per second of audio.
PRESETS: Mapping[Delay, Preset] = {
    # 3.0 % and 5.5 %; 190 ms, 369 ms; 5.5.
    "minimal": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.985),
        window=WindowOptions(update_interval_ms=128),
        segmenter=SegmenterOptions(min_silence_ms=320, sentence_silence_ms=192),
        vad_block_frames=4,
    ),
    # 1.6 % and 2.8 %; 347 ms, 550 ms; 3.0.
    "low": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.99),
        window=WindowOptions(update_interval_ms=256),
        segmenter=SegmenterOptions(sentence_silence_ms=224),
    ),
    # 0.5 % and 2.1 %; 439 ms, 973 ms; 1.6.
    "medium": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.97),
        window=WindowOptions(update_interval_ms=512),
    ),
    # 0.7 % and 1.8 %; 794 ms, 1,248 ms; 1.6.
    "high": Preset(
        policy=PolicyOptions("la2", hold_back_words=1),
        window=WindowOptions(update_interval_ms=512),
    ),
    # 0.7 % and 3.0 %; 2,057 ms, 3,435 ms; 1.2.
    "xhigh": Preset(
        policy=PolicyOptions("utterance"),
        window=WindowOptions(update_interval_ms=768, max_window_ms=28_000),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
}
