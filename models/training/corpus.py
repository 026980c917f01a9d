"""The synthesised corpus: shards on disk, made in parallel, the same from the same seed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import phrasebook
from models.training.speech import SAMPLE_RATE_HZ, Synthesiser, Utterance
from models.training.voices import HELD_OUT_VOICES, training_voice

log = logging.getLogger("models.training.asr")

SENTENCES_PER_SHARD = 300
_MAX_UTTERANCE_S = 12.0


def training_dir() -> Path:
    """Where everything big goes: DRAGOMAN_TRAINING_DIR, or .cache/training."""
    return Path(os.environ.get("DRAGOMAN_TRAINING_DIR", ".cache/training"))


@dataclass(frozen=True, slots=True)
class Corpus:
    """All utterances; their audio is memory-mapped."""

    utterances: list[Utterance]

    @property
    def hours(self) -> float:
        """How much speech there is."""
        return sum(len(u.audio) for u in self.utterances) / SAMPLE_RATE_HZ / 3600

    def phonemes(self) -> list[str]:
        """Every phoneme name that occurs, sorted; the pause is not among them."""
        return sorted({name for u in self.utterances for name in u.phonemes if name})


def build(directory: Path, shards: int, seed: int, processes: int) -> None:
    """Make the shards that are missing."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [(directory, index, seed) for index in range(shards)]
    missing = [job for job in wanted if not _index_path(directory, job[1]).exists()]
    if not missing:
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, _ in enumerate(pool.imap_unordered(_make_shard, missing), 1):
            log.info("corpus: %d of %d shards", done, len(missing))


def load(directory: Path, shards: int) -> Corpus:
    """Open the first `shards` shards of a built corpus."""
    utterances: list[Utterance] = []
    for index in range(shards):
        audio = np.load(_audio_path(directory, index), mmap_mode="r")
        with _index_path(directory, index).open("rb") as file:
            entries = pickle.load(file)  # noqa: S301  # our own cache
        offset = 0
        for length, fields in entries:
            utterances.append(Utterance(audio=audio[offset : offset + length], **fields))
            offset += length
    return Corpus(utterances)


def held_out(per_language: int, seed: int) -> list[Utterance]:
    """Sentences never trained on, by speakers never trained on, in turn."""
    rng = random.Random(f"held out {seed}")
    synthesiser = Synthesiser()
    utterances: list[Utterance] = []
    seen: set[str] = set()
    while len(utterances) < per_language * len(phrasebook.LANGUAGES):
        sentence = phrasebook.sample(rng)
        if not phrasebook.is_held_out(sentence) or sentence.en in seen:
            continue
        seen.add(sentence.en)
        for language in phrasebook.LANGUAGES:
            voices = HELD_OUT_VOICES[language]
            voice = voices[len(seen) % len(voices)]
            utterances.append(synthesiser.speak(sentence.text(language), language, voice))
    return utterances


def training_texts(count: int, seed: int) -> list[str]:
    """Texts of `count` sentences in all languages, for the tokenizer."""
    rng = random.Random(f"texts {seed}")
    sentences = (phrasebook.sample(rng) for _ in range(count))
    return [
        sentence.text(language)
        for sentence in sentences
        if not phrasebook.is_held_out(sentence)
        for language in phrasebook.LANGUAGES
    ]


def _audio_path(directory: Path, index: int) -> Path:
    return directory / f"shard-{index:04d}.npy"


def _index_path(directory: Path, index: int) -> Path:
    return directory / f"shard-{index:04d}.pickle"


def _make_shard(job: tuple[Path, int, int]) -> None:
    directory, index, seed = job
    rng = random.Random(f"corpus {seed} {index}")
    synthesiser = Synthesiser()
    made: list[Utterance] = []
    count = 0
    while count < SENTENCES_PER_SHARD:
        sentence = phrasebook.sample(rng)
        if phrasebook.is_held_out(sentence):
            continue
        count += 1
        for language in phrasebook.LANGUAGES:
            voice = training_voice(language, rng)
            utterance = synthesiser.speak(sentence.text(language), language, voice)
            if len(utterance.audio) <= _MAX_UTTERANCE_S * SAMPLE_RATE_HZ:
                made.append(utterance)
    _write_shard(directory, index, made)


def _write_shard(directory: Path, index: int, made: Sequence[Utterance]) -> None:
    audio: NDArray[np.int16] = np.concatenate([u.audio for u in made])
    names = [name for name in Utterance.__dataclass_fields__ if name != "audio"]
    entries = [(len(u.audio), {name: getattr(u, name) for name in names}) for u in made]
    np.save(_audio_path(directory, index), audio)
    # The index is written last and moved into place: a shard with an index is complete.
    partial = _index_path(directory, index).with_suffix(".partial")
    with partial.open("wb") as file:
        pickle.dump(entries, file)
    partial.replace(_index_path(directory, index))
