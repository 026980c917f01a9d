"""What was heard in a file: hypotheses of its windows to segments on the file's clock; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from deployments.languages import word_joint
from deployments.types import SAMPLE_RATE_HZ, Hypothesis, Word
from serve_app.files.plan import Span, Window
from serve_app.session.segments import ends_sentence, is_bare_punctuation


@dataclass(frozen=True, slots=True)
class FileSegment:
    """A sentence, or what there is of one between two pauses."""

    text: str
    language: str
    words: tuple[Word, ...]
    """With times on the file's clock."""
    average_log_probability: float
    no_speech_probability: float
    window_start: int
    """First sample of the window that it was heard in."""
    translation: str | None = None
    target: str | None = None

    @property
    def start(self) -> int:
        """First sample."""
        return self.words[0].start_samples

    @property
    def end(self) -> int:
        """One past the last sample."""
        return self.words[-1].end_samples

    @property
    def shown(self) -> str:
        """The text asked for: its translation where there is one."""
        return self.text if self.translation is None else self.translation

    @property
    def spaced(self) -> str:
        """`shown` as it follows on other text: with a space in front where its language has one."""
        return word_joint(self.target or self.language) + self.shown if self.shown else ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All of a file."""

    segments: tuple[FileSegment, ...]
    duration_samples: int

    @property
    def text(self) -> str:
        """The text asked for."""
        return "".join(segment.spaced for segment in self.segments).strip()

    @property
    def duration_s(self) -> float:
        """Length of the audio."""
        return to_s(self.duration_samples)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that were spoken, the most spoken first."""
        spoken: Counter[str] = Counter()
        for segment in self.segments:
            spoken[segment.language] += segment.end - segment.start
        return tuple(language for language, _ in spoken.most_common())


def to_s(samples: int) -> float:
    """Seconds, to the millisecond."""
    return round(samples / SAMPLE_RATE_HZ, 3)


def segments_of(window: Window, hypothesis: Hypothesis) -> list[FileSegment]:
    """The segments of one window: cut at sentence ends and at pauses."""
    words = on_file_clock(hypothesis.words, window)
    by_utterance = groupby(words, key=lambda word: _utterance_of(word, window.utterances))
    return [
        FileSegment(
            text="".join(word.text for word in sentence).strip(),
            language=hypothesis.language,
            words=tuple(sentence),
            average_log_probability=hypothesis.average_log_probability,
            no_speech_probability=hypothesis.no_speech_probability,
            window_start=window.start,
        )
        for _, spoken in by_utterance
        for sentence in _sentences(spoken)
    ]


def on_file_clock(words: Iterable[Word], window: Window) -> list[Word]:
    """Times made absolute, within the window; each word has a sample of its own, none overlap."""
    placed: list[Word] = []
    floor = window.start
    for word in words:
        start = max(floor, min(window.start + word.start_samples, window.end - 1))
        end = max(start + 1, min(window.start + word.end_samples, window.end))
        placed.append(replace(word, start_samples=start, end_samples=end))
        floor = end
    return placed


def _utterance_of(word: Word, utterances: tuple[Span, ...]) -> int:
    """The utterance that the middle of a word lies in, or the last before it."""
    middle = (word.start_samples + word.end_samples) // 2
    begun = [index for index, span in enumerate(utterances) if span.start <= middle]
    return begun[-1] if begun else 0


def _sentences(words: Iterable[Word]) -> list[list[Word]]:
    sentences: list[list[Word]] = []
    is_open = False
    for word in words:
        if is_open:
            sentences[-1].append(word)
        elif is_bare_punctuation(word.text):
            continue
        else:
            sentences.append([word])
        is_open = not ends_sentence(word.text)
    return sentences
