"""How right and how fast a stream was, from its events and the references. No I/O, no clock."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from serve_app.client.pacing import Schedule
from serve_app.client.samples import SampleEntry, SampleSentence
from serve_app.session import events as ev

MAX_WER_PERCENT = 15.0
MIN_CHRF = 80.0

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(slots=True)
class Segment:
    """What was committed as one segment."""

    start_ms: int
    end_ms: int = 0
    text: str = ""
    language: str = ""
    translations: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Take:
    """One sample as the server heard it."""

    segments: dict[str, Segment] = field(default_factory=dict)
    """By id, in the order of the speech."""
    lags_ms: list[float] = field(default_factory=list)
    """Per committed word: from its end in the audio to its event."""
    first_translation_s: float | None = None
    """On the clock of the events."""

    def note(self, event: ev.Event, at_s: float, schedule: Schedule) -> None:
        """Take in an event that came at `at_s` on the clock of the schedule."""
        match event:
            case ev.TranscriptCommitted():
                segment = self.segments.setdefault(event.segment_id, Segment(event.start_ms))
                segment.text += event.text
                segment.end_ms, segment.language = event.end_ms, event.language
                self.lags_ms += [schedule.lag_ms(at_s, end_ms) for end_ms in _word_ends_ms(event)]
            case ev.TranslationCommitted():
                translations = self.segments[event.segment_id].translations
                told = translations.get(event.target, "")
                translations[event.target] = told + event.text
                if self.first_translation_s is None:
                    self.first_translation_s = at_s

    @property
    def text(self) -> str:
        """All that was committed."""
        return " ".join(segment.text.strip() for segment in self.segments.values())


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one or more takes."""

    wer_percent: float
    chrf: float
    lag_p50_ms: float
    lag_p95_ms: float

    @property
    def line(self) -> str:
        """The figures as `make demo` ends with them."""
        return (
            f"WER {self.wer_percent:.1f} % chrF {self.chrf:.1f} "
            f"lag_p50_ms {self.lag_p50_ms:.0f} lag_p95_ms {self.lag_p95_ms:.0f}"
        )

    @property
    def problem(self) -> str:
        """What is badly wrong; empty where nothing is."""
        if self.wer_percent > MAX_WER_PERCENT:
            return f"WER {self.wer_percent:.1f} % is over {MAX_WER_PERCENT:g} %"
        if self.chrf < MIN_CHRF:
            return f"chrF {self.chrf:.1f} is under {MIN_CHRF:g}"
        return ""


def score(takes: Sequence[tuple[SampleEntry, Take]]) -> Score:
    """All takes together: every word, sentence and lag counts the same."""
    lags_ms = [lag_ms for _, take in takes for lag_ms in take.lags_ms]
    return Score(
        wer_percent=word_error_percent([(spoken(entry), take.text) for entry, take in takes]),
        chrf=chrf([pair for entry, take in takes for pair in translation_pairs(entry, take)]),
        lag_p50_ms=percentile(lags_ms, 0.50),
        lag_p95_ms=percentile(lags_ms, 0.95),
    )


def spoken(entry: SampleEntry) -> str:
    """The reference text of a whole sample."""
    return " ".join(sentence.text for sentence in entry.sentences)


def translation_pairs(entry: SampleEntry, take: Take) -> list[tuple[str, str]]:
    """(reference, translation) for each sentence and target; '' where nothing was said."""
    placed = by_sentence(entry.sentences, take.segments.values())
    return [
        (reference, " ".join(segment.translations.get(target, "") for segment in segments).strip())
        for sentence, segments in zip(entry.sentences, placed, strict=True)
        for target, reference in sentence.translations.items()
    ]


def by_sentence(
    sentences: Sequence[SampleSentence], segments: Iterable[Segment]
) -> list[list[Segment]]:
    """Each segment with the sentence that it shares the most time with, or is nearest to."""
    placed: list[list[Segment]] = [[] for _ in sentences]
    for segment in segments:
        shared_ms = [
            min(sentence.end_ms, segment.end_ms) - max(sentence.start_ms, segment.start_ms)
            for sentence in sentences
        ]
        placed[shared_ms.index(max(shared_ms))].append(segment)
    return placed


def normalised(text: str) -> str:
    """Lower-case words without punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def word_error_percent(pairs: Sequence[tuple[str, str]]) -> float:
    """Word error rate over all (reference, hypothesis) pairs."""
    # In an extra: only the demo and the benchmarks measure.
    import jiwer  # noqa: PLC0415

    references = [normalised(reference) for reference, _ in pairs]
    return 100 * float(jiwer.wer(references, [normalised(said) for _, said in pairs]))


def chrf(pairs: Sequence[tuple[str, str]]) -> float:
    """Character n-gram F-score, 0 to 100, over all (reference, translation) pairs."""
    import sacrebleu  # noqa: PLC0415 - as above

    translations = [translation for _, translation in pairs]
    return float(sacrebleu.corpus_chrf(translations, [[ref for ref, _ in pairs]]).score)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; NaN without values."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _word_ends_ms(event: ev.TranscriptCommitted) -> list[int]:
    if event.words:
        return [word.end_ms for word in event.words]
    return [event.end_ms] * len(event.text.split())
