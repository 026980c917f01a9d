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


# Measured in audio time, computing apart, on held-out sentences in three languages: WER, p50 and
# p95 lag of committed words, and decodes per second of audio.
PRESETS: Mapping[Delay, Preset] = {
    # 48 sentences: 3.1 %, 220 ms, 508 ms; 6.
    "minimal": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=160, clear_probability=0.95),
        window=WindowOptions(update_interval_ms=128),
        segmenter=SegmenterOptions(min_silence_ms=320, sentence_silence_ms=192),
        vad_block_frames=4,
    ),
    # 48 sentences: 2.5 %, 296 ms, 576 ms; 3.3. (As medium: 1.7 %, 588 ms, 1,168 ms.)
    "low": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.9),
        window=WindowOptions(update_interval_ms=256),
        segmenter=SegmenterOptions(sentence_silence_ms=224),
    ),
    # 96 sentences: 2.5 %, 588 ms, 1,152 ms; 1.8.
    "medium": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=240, clear_probability=0.97),
        window=WindowOptions(update_interval_ms=512),
    ),
    # Not measured yet.
    "high": Preset(
        policy=PolicyOptions("hybrid", attention_guard_ms=480, clear_probability=0.97),
        window=WindowOptions(update_interval_ms=1_024),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
    # 96 sentences: 2.3 %, 1,748 ms, 3,072 ms (with medium's silences); 1.4.
    "xhigh": Preset(
        policy=PolicyOptions("utterance"),
        window=WindowOptions(update_interval_ms=768, max_window_ms=28_000),
        segmenter=SegmenterOptions(min_silence_ms=640),
    ),
}
