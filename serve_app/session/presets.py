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


# Measured in audio time, computing apart, on 48 held-out sentences in three languages: WER, p50 and
# p95 lag of committed words, and decodes of these 145 s; the last decode alone has a WER of 1.1 %.
PRESETS: Mapping[Delay, Preset] = {
    # 2.5 %, 220 ms, 612 ms; 877 decodes.
    "minimal": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=160, clear_probability=0.95),
        window=WindowOptions(update_interval_ms=128),
        segmenter=SegmenterOptions(min_silence_ms=320, sentence_silence_ms=192),
        vad_block_frames=4,
    ),
    # 2.5 %, 296 ms, 576 ms; 480 decodes.
    "low": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.9),
        window=WindowOptions(update_interval_ms=256),
        segmenter=SegmenterOptions(sentence_silence_ms=224),
    ),
    # 1.7 %, 588 ms, 1,168 ms; 258 decodes.
    "medium": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.97),
        window=WindowOptions(update_interval_ms=512),
    ),
    "high": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=480, clear_probability=0.97),
        window=WindowOptions(update_interval_ms=1_024),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
    # 1.1 %, 1,764 ms, 3,056 ms.
    "xhigh": Preset(
        policy=PolicyOptions("utterance"),
        window=WindowOptions(update_interval_ms=768, max_window_ms=28_000),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
}
