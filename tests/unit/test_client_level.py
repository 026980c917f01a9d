"""A microphone that hears nothing is noticed once, and again only after it heard something."""

import numpy as np

from serve_app.client.level import SILENT_FOR_MS, SILENT_PEAK, LevelWatch

PIECE_SAMPLES = 320


def heard(watch: LevelWatch, peak: int, length_ms: int) -> list[str]:
    piece = np.full(PIECE_SAMPLES, -peak, dtype="<i2").tobytes()
    said = [watch.hear(piece) for _ in range(length_ms // 20)]
    return [one for one in said if one]


def test_a_muted_microphone_is_told_of_after_five_seconds_and_once() -> None:
    watch = LevelWatch()
    assert heard(watch, 0, SILENT_FOR_MS - 20) == []
    (warning,) = heard(watch, 0, 60_000)
    assert "Nothing was heard for 5 s (peak no signal)" in warning
    assert "--device" in warning


def test_the_peak_is_told_in_decibels() -> None:
    (warning,) = heard(LevelWatch(), SILENT_PEAK, 10_000)
    assert "(peak -60 dBFS)" in warning


def test_a_room_is_no_silence() -> None:
    assert heard(LevelWatch(), SILENT_PEAK + 1, 60_000) == []


def test_after_a_sound_the_next_silence_is_told_of_too() -> None:
    watch = LevelWatch()
    assert len(heard(watch, 0, 6_000)) == 1
    assert heard(watch, 9_000, 20) == []
    assert heard(watch, 0, 4_000) == []
    assert len(heard(watch, 0, 2_000)) == 1


def test_the_loudest_negative_sample_is_a_sound() -> None:
    assert heard(LevelWatch(), 32_768 - 1, 6_000) == []
