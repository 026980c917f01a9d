"""From what was heard in the recordings to the rows of the report. No I/O, no model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from benchmarks.measures import (
    Erasure,
    Heard,
    committed_characters,
    erasure,
    first_waits_ms,
    screens,
    shown_partials,
    take_of,
    taken_back,
    translation_lags_ms,
    word_lags_ms,
)
from benchmarks.offline import OfflineSentence
from benchmarks.speech_sets import Recording
from serve_app.client.score import (
    Take,
    by_sentence,
    chrf,
    percentile,
    spoken,
    translation_pairs,
    word_error_percent,
)

ALL = "all"


@dataclass(frozen=True)
class Observation:
    """One recording under one setting."""

    setting: str
    recording: Recording
    heard: list[Heard]
    offline: list[OfflineSentence]

    @property
    def language(self) -> str:
        """What was spoken."""
        return self.recording.entry.language

    @cached_property
    def take(self) -> Take:
        """The committed text."""
        return take_of(self.heard)

    @property
    def offline_pairs(self) -> list[tuple[str, str]]:
        """(reference, translation) of the offline run, as `translation_pairs` of the live one."""
        return [
            (reference, said.translations[target])
            for sentence, said in zip(self.recording.entry.sentences, self.offline, strict=True)
            for target, reference in sentence.translations.items()
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one setting over some recordings; NaN where there was nothing to measure."""

    setting: str
    language: str
    condition: str
    audio_s: float
    wer_live_percent: float
    wer_offline_percent: float
    lag_p50_ms: float
    lag_p95_ms: float
    first_text_p50_ms: float
    first_text_p95_ms: float
    first_texts: int
    """Sentences that began an utterance, and so had a first text."""
    erasure: float
    """Words shown and taken back for each word of the final text."""
    taken_back: int
    """Commits that changed committed text."""
    chrf_live: float
    chrf_offline: float
    translation_lag_p50_ms: float
    translation_lag_p95_ms: float


@dataclass(frozen=True, slots=True)
class WordlessRow:
    """What was made of sound without words."""

    setting: str
    kind: str
    minutes: float
    characters_per_minute: float
    """Committed."""
    partials_per_minute: float
    """Volatile texts shown."""


def row(observations: Sequence[Observation], language: str, condition: str) -> Row:
    """Observations of one setting, pooled: every word, sentence and lag counts the same."""
    lags_ms = _pooled(observations, lambda one: word_lags_ms(one.recording.spoken, one.heard))
    waits_ms = _pooled(observations, lambda one: first_waits_ms(one.recording.onsets_ms, one.heard))
    translation_ms = _pooled(observations, lambda one: translation_lags_ms(one.heard))
    flicker = [erasure(screens(one.heard)) for one in observations]
    total = Erasure(sum(one.erased for one in flicker), sum(one.kept for one in flicker))
    live_pairs = [pair for one in observations for pair in _live_pairs(one)]
    offline_pairs = [pair for one in observations for pair in one.offline_pairs]
    return Row(
        setting=observations[0].setting,
        language=language,
        condition=condition,
        audio_s=round(sum(one.recording.entry.duration_ms for one in observations) / 1000, 1),
        wer_live_percent=round(_live_wer(observations), 2),
        wer_offline_percent=round(_offline_wer(observations), 2),
        lag_p50_ms=_rounded(percentile(lags_ms, 0.50)),
        lag_p95_ms=_rounded(percentile(lags_ms, 0.95)),
        first_text_p50_ms=_rounded(percentile(waits_ms, 0.50)),
        first_text_p95_ms=_rounded(percentile(waits_ms, 0.95)),
        first_texts=len(waits_ms),
        erasure=round(total.normalised, 3),
        taken_back=sum(taken_back(one.heard) for one in observations),
        chrf_live=round(chrf(live_pairs), 2),
        chrf_offline=round(chrf(offline_pairs), 2),
        translation_lag_p50_ms=_rounded(percentile(translation_ms, 0.50)),
        translation_lag_p95_ms=_rounded(percentile(translation_ms, 0.95)),
    )


def rows(observations: Sequence[Observation]) -> list[Row]:
    """For each setting: everything, each condition, each language, each pair of both."""
    pools: dict[tuple[str, str, str], list[Observation]] = defaultdict(list)
    for one in observations:
        for language in (ALL, one.language):
            for condition in (ALL, one.recording.condition):
                pools[one.setting, language, condition].append(one)
    return [row(pooled, language, condition) for (_, language, condition), pooled in pools.items()]


def wordless_row(setting: str, kind: str, minutes: float, heard: Sequence[Heard]) -> WordlessRow:
    """The figures of one sound."""
    return WordlessRow(
        setting=setting,
        kind=kind,
        minutes=minutes,
        characters_per_minute=round(committed_characters(heard) / minutes, 2),
        partials_per_minute=round(shown_partials(heard) / minutes, 2),
    )


def wer_by_voice(observations: Iterable[Observation]) -> dict[str, tuple[float, float]]:
    """(live, offline) WER of the sentences of each voice, in percent."""
    live: dict[str, list[tuple[str, str]]] = defaultdict(list)
    offline: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in observations:
        sentences = one.recording.entry.sentences
        placed = by_sentence(sentences, one.take.segments.values())
        for sentence, segments, said in zip(sentences, placed, one.offline, strict=True):
            text = " ".join(segment.text.strip() for segment in segments)
            live[sentence.voice].append((sentence.text, text))
            offline[sentence.voice].append((sentence.text, said.text))
    return {
        voice: (word_error_percent(pairs), word_error_percent(offline[voice]))
        for voice, pairs in live.items()
    }


def as_json(item: Row | WordlessRow) -> dict[str, object]:
    """JSON has no NaN: null stands for what was not measured."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(item).items()
    }


def _live_wer(observations: Sequence[Observation]) -> float:
    return word_error_percent(
        [(spoken(one.recording.entry), one.take.text) for one in observations]
    )


def _offline_wer(observations: Sequence[Observation]) -> float:
    pairs = [
        (spoken(one.recording.entry), " ".join(said.text for said in one.offline))
        for one in observations
    ]
    return word_error_percent(pairs)


def _live_pairs(one: Observation) -> list[tuple[str, str]]:
    return translation_pairs(one.recording.entry, one.take)


def _pooled(
    observations: Iterable[Observation], values: Callable[[Observation], list[float]]
) -> list[float]:
    return [value for one in observations for value in values(one)]


def _rounded(value: float) -> float:
    return value if math.isnan(value) else round(value)
