"""Speech to measure with: held-out sentences by held-out voices, clean and in noise.

Needs espeak-ng and the `bench` extra. The same count and seed give the same sound; what was made
once is kept on disk.
"""

from __future__ import annotations

import random
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmarks.environment import ROOT
from benchmarks.measures import TimedText
from deployments.types import SAMPLE_RATE_HZ, Samples
from models import phrasebook
from models.training.augment import babble
from models.training.samples import LEVEL, PAUSES_S, ROOM_NOISE, Spoken, describe
from models.training.speech import Synthesiser, Utterance
from models.training.voices import HELD_OUT_VOICES
from serve_app.client.errors import UsageError
from serve_app.client.samples import SampleEntry

CONDITIONS = ("clean", "white", "babble")
"""Noise goes on through the pauses, at NOISE_DB under the speech."""
NOISE_DB = 10.0
LEAD_S, TRAIL_S = 0.6, 1.2
BABBLE_SENTENCES = 40
CACHE = ROOT / ".cache" / "speech"
MANIFEST = "recordings.json"
_VERSION = 1
"""Raised with every change of what the same count and seed sound like."""


class Word(BaseModel):
    """A word of the reference and its place in the sound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    start_ms: int
    end_ms: int


class Recording(BaseModel):
    """One sound file: its sentences, and the words of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    condition: str
    entry: SampleEntry
    words: tuple[tuple[Word, ...], ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Languages that there are reference translations for."""
        return tuple(self.entry.sentences[0].translations)

    @property
    def spoken(self) -> list[TimedText]:
        """All words with their true ends."""
        return [TimedText(word.text, word.end_ms) for words in self.words for word in words]

    @property
    def onsets_ms(self) -> list[float]:
        """Where each sentence begins to be heard."""
        return [float(words[0].start_ms) for words in self.words]


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    recordings: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class _Clean:
    """The sentences one after the other, without any noise."""

    samples: Samples
    spoken: list[Spoken]
    words: tuple[tuple[Word, ...], ...]


def speech_set(language: str, count: int, seed: int, cache: Path = CACHE) -> list[Recording]:
    """The recordings of a language, one for each condition; their files lie in `directory_of`.

    Raises UsageError where they are yet to be made and cannot be.
    """
    directory = directory_of(language, count, seed, cache)
    manifest = directory / MANIFEST
    if not manifest.exists():
        directory.mkdir(parents=True, exist_ok=True)
        recordings = tuple(_make(language, count, seed, directory))
        manifest.write_text(_Manifest(recordings=recordings).model_dump_json(indent=1))
    return list(_Manifest.model_validate_json(manifest.read_bytes()).recordings)


def directory_of(language: str, count: int, seed: int, cache: Path = CACHE) -> Path:
    """Where the files of a set are."""
    return cache / f"v{_VERSION}-{language}-{count}-{seed}"


def read_wav(path: Path) -> bytes:
    """The samples of a file of ours: 16 kHz mono 16-bit PCM."""
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


def held_out_sentences(count: int, rng: random.Random) -> list[phrasebook.Sentence]:
    """Different sentences that nobody may train on."""
    chosen: dict[str, phrasebook.Sentence] = {}
    while len(chosen) < count:
        sentence = phrasebook.sample(rng)
        if phrasebook.is_held_out(sentence):
            chosen.setdefault(sentence.en, sentence)
    return list(chosen.values())


def in_condition(
    condition: str,
    samples: Samples,
    speech_power: float,
    others: Sequence[NDArray[np.int16]],
    rng: np.random.Generator,
) -> Samples:
    """The recording as it is heard in a quiet room, beside a fan or among people (`others`)."""
    count = len(samples)
    white = np.asarray(rng.standard_normal(count), np.float32)
    match condition:
        case "clean":
            return samples + white * np.float32(ROOM_NOISE)
        case "white":
            noise = white
        case "babble":
            noise = babble(count, others, rng)
        case _:
            raise ValueError(f"unknown condition {condition!r}: it is one of {CONDITIONS}")
    gain = np.sqrt(speech_power / 10 ** (NOISE_DB / 10) / np.mean(np.square(noise)))
    return samples + noise * np.float32(gain)


def _make(language: str, count: int, seed: int, directory: Path) -> Iterator[Recording]:
    synthesiser = _synthesiser()
    clean = _speak(language, count, seed, synthesiser)
    others = _other_people(language, seed, synthesiser)
    power = _speech_power(clean)
    for index, condition in enumerate(CONDITIONS):
        rng = np.random.default_rng([seed, index, *language.encode()])
        mixed = in_condition(condition, clean.samples, power, others, rng)
        pcm = np.asarray(np.clip(mixed, -1, 1) * 32767, np.int16)
        name = f"{condition}.wav"
        _write_wav(directory / name, pcm)
        entry = SampleEntry.model_validate(describe(language, name, pcm, clean.spoken))
        yield Recording(condition=condition, entry=entry, words=clean.words)


def _synthesiser() -> Synthesiser:
    try:
        return Synthesiser()
    except OSError as error:
        raise UsageError(
            "The speech to measure with is made by espeak-ng, which is not on this machine: "
            "install it, for example with apt-get install espeak-ng."
        ) from error


def _speak(language: str, count: int, seed: int, synthesiser: Synthesiser) -> _Clean:
    pauses = np.random.default_rng([seed, *language.encode()])
    voices = HELD_OUT_VOICES[language]
    pieces = [_silence(LEAD_S)]
    spoken: list[Spoken] = []
    words: list[tuple[Word, ...]] = []
    at = len(pieces[0])
    sentences = held_out_sentences(count, random.Random(f"quality {seed} {language}"))
    for index, sentence in enumerate(sentences):
        voice = voices[index % len(voices)]
        said = synthesiser.speak(sentence.text(language), language, voice)
        pause = _silence(float(pauses.uniform(*PAUSES_S)))
        pieces += [said.audio.astype(np.float32) * np.float32(LEVEL / 32768), pause]
        spoken.append(Spoken(at, at + len(said.audio), voice, sentence))
        words.append(_words(said, at))
        at += len(said.audio) + len(pause)
    samples: Samples = np.concatenate([*pieces[:-1], _silence(TRAIL_S)])
    return _Clean(samples, spoken, tuple(words))


def _words(said: Utterance, at: int) -> tuple[Word, ...]:
    times = zip(said.text.split(), said.word_starts.tolist(), said.word_ends.tolist(), strict=True)
    return tuple(
        Word(text=text, start_ms=_ms(at + start), end_ms=_ms(at + end))
        for text, start, end in times
    )


def _other_people(language: str, seed: int, synthesiser: Synthesiser) -> list[NDArray[np.int16]]:
    rng = random.Random(f"babble {seed} {language}")
    return [
        synthesiser.speak(
            phrasebook.sample(rng).text(language), language, rng.choice(HELD_OUT_VOICES[language])
        ).audio
        for _ in range(BABBLE_SENTENCES)
    ]


def _speech_power(clean: _Clean) -> float:
    """Mean square over the sentences alone."""
    said = [clean.samples[one.start_samples : one.end_samples] for one in clean.spoken]
    return float(np.mean(np.square(np.concatenate(said))))


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE_HZ


def _write_wav(path: Path, pcm: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(pcm.astype("<i2").tobytes())
