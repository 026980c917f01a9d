"""How good an exported model is: held-out sentences by held-out voices, through both doors.

"greedy" and "beam" are CTranslate2 on short unpadded windows, as live sessions use it for what
may still change and for what is final; "padded" is unmodified faster-whisper with its 30 s
windows, as whole files use it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import jiwer
import numpy as np
from faster_whisper import WhisperModel

from models import phrasebook
from models.training import corpus
from models.training.augment import Samples, babble, mix, pink_noise
from models.training.features import LogMel
from models.training.speech import SAMPLE_RATE_HZ, Utterance
from models.training.tokens import Tokens

_SEED = 20_261
_SNR_DB = 10.0
_LEAD_S, _TRAIL_S = 0.2, 0.35
_FINISHED_S = 0.02
_MAX_TOKENS = 120
_BEAM_SIZE = 5
_NO_SPEECH, _UNLIKELY = 0.6, -1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A window and what is right: float32 16 kHz audio, reference words."""

    language: str
    audio: Samples
    reference: list[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model made of a window."""

    text: str
    language: str
    no_speech: float


Door = Callable[[Case], Answer]


class Direct:
    """CTranslate2, without time tokens, on the window as it is."""

    def __init__(self, folder: Path, threads: int, beam_size: int) -> None:
        self._beam_size = beam_size
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads
        )
        if not self._model.is_multilingual:
            raise RuntimeError("CTranslate2 does not take the model for a multilingual one")
        self._tokens = Tokens(folder / "tokenizer.json")
        self._mel = LogMel()

    def __call__(self, case: Case) -> Answer:
        """Transcribe in the case's language; the detected one is only reported."""
        mel = self._mel(case.audio)[None].numpy()
        encoded = self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)))
        detected = self._model.detect_language(encoded)[0][0][0]
        tokens = self._tokens
        prompt = [
            tokens.start, tokens.languages[case.language], tokens.transcribe, tokens.no_times
        ]  # fmt: skip
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=self._beam_size,
            max_length=_MAX_TOKENS,
            return_no_speech_prob=True,
            return_scores=True,
        )[0]
        text = tokens.decode(result.sequences_ids[0])
        # CTranslate2 divides scores by lengths, so that its beam never comes out empty: Whisper's
        # own rule for silence, which servers apply too.
        if result.no_speech_prob > _NO_SPEECH and result.scores[0] < _UNLIKELY:
            text = ""
        return Answer(text, detected.strip("<|>"), float(result.no_speech_prob))


class Padded:
    """faster-whisper as its users call it."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads
        )

    def __call__(self, case: Case) -> Answer:
        """Transcribe in the language that is detected."""
        segments, info = self._model.transcribe(case.audio, beam_size=_BEAM_SIZE)
        found = list(segments)
        no_speech = max((segment.no_speech_prob for segment in found), default=1.0)
        return Answer(" ".join(s.text for s in found), str(info.language), float(no_speech))


def evaluate(
    folder: Path, per_language: int, padded_per_language: int, threads: int
) -> dict[str, Any]:
    """All measurements, as plain data; rates are fractions."""
    rng = np.random.default_rng(_SEED)
    cases = _cases(corpus.held_out(per_language, _SEED), rng)
    silence = _silence(rng)
    whole = {name: found for name, found in cases.items() if name != "cut"}
    few = {
        name: found[: padded_per_language * len(phrasebook.LANGUAGES)]
        for name, found in whole.items()
    }
    return {
        "sentences_per_language": per_language,
        "greedy": _door(Direct(folder, threads, 1), cases, silence),
        "beam": _door(Direct(folder, threads, _BEAM_SIZE), whole, silence),
        "padded_sentences_per_language": padded_per_language,
        "padded": _door(Padded(folder, threads), few, silence),
    }


def quick(folder: Path, per_language: int, threads: int) -> dict[str, Any]:
    """A few clean, noisy and cut windows through CTranslate2 only."""
    cases = _cases(corpus.held_out(per_language, _SEED + 1), np.random.default_rng(_SEED))
    few = {name: cases[name] for name in ("clean", "babble_10db", "cut")}
    silence = _silence(np.random.default_rng(1))
    return {"greedy": _door(Direct(folder, threads, 1), few, silence)}


def table(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = []
    for door in ("greedy", "beam", "padded"):
        for name, by_language in report.get(door, {}).items():
            if isinstance(by_language, dict):
                cells = "  ".join(f"{key} {value:7.2%}" for key, value in by_language.items())
                lines.append(f"{door:7} {name:22} {cells}")
            else:
                lines.append(f"{door:7} {name:22} {by_language:.3f}")
    return "\n".join(lines)


def _cases(utterances: Sequence[Utterance], rng: np.random.Generator) -> dict[str, list[Case]]:
    clean = [_clean(utterance) for utterance in utterances]
    speech = [utterance.audio for utterance in utterances]

    def noisy(case: Case, noise: Samples) -> Case:
        return Case(case.language, mix(case.audio, noise, _SNR_DB), case.reference)

    return {
        "clean": clean,
        "white_10db": [
            noisy(case, np.asarray(rng.standard_normal(len(case.audio)), np.float32))
            for case in clean
        ],
        "babble_10db": [noisy(case, babble(len(case.audio), speech, rng)) for case in clean],
        "cut": [_cut(utterance, rng) for utterance in utterances],
    }


def _clean(utterance: Utterance) -> Case:
    lead, trail = (np.zeros(int(s * SAMPLE_RATE_HZ), np.float32) for s in (_LEAD_S, _TRAIL_S))
    audio = np.concatenate([lead, utterance.audio.astype(np.float32) / 32768 * 0.5, trail])
    return Case(utterance.language, audio, phrasebook.words(utterance.text))


def _cut(utterance: Utterance, rng: np.random.Generator) -> Case:
    """Cut anywhere after the first word; the reference is the words finished before the cut."""
    first = int(utterance.word_ends[0])
    cut = int(rng.integers(min(first, len(utterance.audio) - 1), len(utterance.audio)))
    finished = utterance.word_ends <= cut + _FINISHED_S * SAMPLE_RATE_HZ
    words = [w for w, done in zip(utterance.text.split(), finished.tolist(), strict=True) if done]
    lead = np.zeros(int(_LEAD_S * SAMPLE_RATE_HZ), np.float32)
    audio = np.concatenate([lead, utterance.audio[:cut].astype(np.float32) / 32768 * 0.5])
    return Case(utterance.language, audio, phrasebook.words(" ".join(words)))


def _silence(rng: np.random.Generator) -> list[Case]:
    cases = []
    for index in range(30):
        count = int(random.Random(index).uniform(0.5, 6.0) * SAMPLE_RATE_HZ)
        noise = {
            0: np.zeros(count, np.float32),
            1: np.asarray(rng.standard_normal(count), np.float32),
            2: pink_noise(count, rng),
        }[index % 3]
        level = np.float32(10 ** rng.uniform(-4.0, -1.2))
        cases.append(Case(phrasebook.LANGUAGES[index % 3], noise * level, []))
    return cases


def _door(door: Door, cases: dict[str, list[Case]], silence: Sequence[Case]) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    for name, found in cases.items():
        answers = [door(case) for case in found]
        pairs = list(zip(found, answers, strict=True))
        measured[f"wer_{name}"] = _by_language(pairs, _wer)
        if name == "clean":
            measured["language_detection"] = _by_language(pairs, _detected)
            measured["no_speech_on_speech_max"] = max(answer.no_speech for answer in answers)
        if name == "cut":
            measured["words_too_many_cut"] = _by_language(pairs, _too_many)
    empty = [door(case) for case in silence]
    measured["silence_with_words"] = sum(bool(a.text.strip()) for a in empty) / len(empty)
    measured["no_speech_on_silence_min"] = min(answer.no_speech for answer in empty)
    return measured


Pairs = Sequence[tuple[Case, Answer]]


def _by_language(pairs: Pairs, measure: Callable[[Pairs], float]) -> dict[str, float]:
    return {
        language: round(measure([pair for pair in pairs if pair[0].language == language]), 4)
        for language in phrasebook.LANGUAGES
    }


def _wer(pairs: Pairs) -> float:
    """Pooled over all windows: windows without a reference word count by their insertions."""
    errors = total = 0
    for case, answer in pairs:
        words = phrasebook.words(answer.text)
        total += len(case.reference)
        if case.reference and words:
            found = jiwer.process_words(" ".join(case.reference), " ".join(words))
            errors += found.substitutions + found.deletions + found.insertions
        else:
            errors += max(len(case.reference), len(words))
    return errors / max(1, total)


def _detected(pairs: Pairs) -> float:
    return sum(answer.language == case.language for case, answer in pairs) / max(1, len(pairs))


def _too_many(pairs: Pairs) -> float:
    """Share of cut windows whose answer is two words or more longer than what was finished.

    One more is the word being spoken.
    """
    longer = [len(phrasebook.words(a.text)) > len(c.reference) + 1 for c, a in pairs]
    return sum(longer) / max(1, len(longer))
