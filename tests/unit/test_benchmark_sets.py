"""What is listened to: held-out sentences in the right noise, and sound without words."""

from __future__ import annotations

import ctypes.util
import random
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.noise_sets import KINDS, wordless
from benchmarks.speech_sets import (
    CONDITIONS,
    NOISE_DB,
    directory_of,
    held_out_sentences,
    in_condition,
    read_wav,
    speech_set,
)
from models import phrasebook
from models.training.voices import HELD_OUT_VOICES

needs_espeak = pytest.mark.skipif(
    ctypes.util.find_library("espeak-ng") is None, reason="needs espeak-ng"
)


def test_sentences_are_different_and_nobody_may_train_on_them() -> None:
    sentences = held_out_sentences(20, random.Random(1))
    assert len({sentence.en for sentence in sentences}) == 20
    assert all(phrasebook.is_held_out(sentence) for sentence in sentences)
    assert sentences == held_out_sentences(20, random.Random(1))


@pytest.mark.parametrize("condition", ["white", "babble"])
def test_noise_is_as_far_under_the_speech_as_it_should_be(condition: str) -> None:
    rng = np.random.default_rng(1)
    others = [np.asarray(rng.normal(0, 3_000, 8_000), np.int16) for _ in range(4)]
    noise = in_condition(condition, np.zeros(160_000, np.float32), 0.04, others, rng)
    decibels = 10 * np.log10(0.04 / np.mean(np.square(noise)))
    assert decibels == pytest.approx(NOISE_DB, abs=0.01)
    # It goes on through all of the recording.
    assert all(np.any(part) for part in np.split(noise, 100))


def test_an_unknown_condition_is_named() -> None:
    with pytest.raises(ValueError, match="windy"):
        in_condition("windy", np.zeros(10, np.float32), 1.0, [], np.random.default_rng(1))


@needs_espeak
def test_a_set_says_where_each_word_is_and_is_made_once(tmp_path: Path) -> None:
    made = speech_set("de", 3, seed=5, cache=tmp_path)
    assert [recording.condition for recording in made] == list(CONDITIONS)
    clean = made[0]
    assert {sentence.voice for sentence in clean.entry.sentences} == {
        voice.label for voice in HELD_OUT_VOICES["de"]
    }
    for sentence, words in zip(clean.entry.sentences, clean.words, strict=True):
        assert [word.text for word in words] == sentence.text.split()
        assert sentence.start_ms <= words[0].start_ms < words[-1].end_ms <= sentence.end_ms
    assert len(clean.spoken) == sum(len(words) for words in clean.words)
    path = directory_of("de", 3, 5, tmp_path) / clean.entry.file
    assert len(read_wav(path)) // 32 == clean.entry.duration_ms
    written = path.stat().st_mtime_ns
    assert speech_set("de", 3, seed=5, cache=tmp_path) == made
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("kind", KINDS)
def test_sound_without_words_is_as_long_as_asked_and_always_the_same(kind: str) -> None:
    pcm = wordless(kind, 40, seed=1)
    assert len(pcm) == 40 * 32_000
    assert wordless(kind, 40, seed=1) == pcm
    samples = np.frombuffer(pcm, "<i2") / 32768
    assert (np.abs(samples).max() > 0.1) == (kind != "silence")
    loud = [bool(np.any(part)) for part in np.split(samples, 40)]
    assert all(loud) or kind == "silence"
