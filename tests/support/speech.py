"""The shipped sample speech as PCM, and how what was heard compares with what was said."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from serve_app.client.audio import open_source, read_pcm
from serve_app.client.options import StreamOptions
from serve_app.client.pacing import BYTES_PER_MS, Schedule
from serve_app.client.samples import Sample, load_samples
from serve_app.client.score import Take
from serve_app.session.events import Event

SAMPLES = Path(__file__).parents[2] / "samples"


@cache
def samples() -> dict[str, Sample]:
    """By language."""
    return {sample.entry.language: sample for sample in load_samples(SAMPLES)}


@cache
def pcm(language: str) -> bytes:
    """16 kHz mono."""
    with open_source(str(samples()[language].path)) as source:
        return b"".join(read_pcm(source, StreamOptions()))


def first_sentences(language: str, count: int) -> tuple[Sample, bytes]:
    """The beginning of a sample, up to the middle of the pause after `count` sentences."""
    sample = samples()[language]
    before, after = sample.entry.sentences[count - 1 : count + 1]
    end_ms = (before.end_ms + after.start_ms) // 2
    entry = sample.entry.model_copy(
        update={"sentences": sample.entry.sentences[:count], "duration_ms": end_ms}
    )
    return Sample(sample.path, entry), pcm(language)[: end_ms * BYTES_PER_MS]


def take(events: Iterable[tuple[Event, float]]) -> Take:
    """Events with the audio time in ms at which they came."""
    taken = Take()
    for event, audio_ms in events:
        taken.note(event, audio_ms / 1000, Schedule(0.0))
    return taken
