"""What a stream's events say about its quality: lag, flicker, errors. No I/O, no clock, no model.

Erasure is that of Arivazhagan et al. 2020 (https://arxiv.org/abs/2004.03643), WER is
jiwer's and chrF sacrebleu's, as in serve_app/client/score.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from serve_app.client.pacing import Schedule
from serve_app.client.score import Take, normalised
from serve_app.session import events as ev

SAME_UPDATE_MS = 25.0
"""Transcript events this close together tell of one update: a live client reads them one by one,
and between them its screen is neither the old nor the new one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and when it came on the audio's own clock (0 is the first sample)."""

    event: ev.Event
    audio_ms: float


@dataclass(frozen=True, slots=True)
class TimedText:
    """A word, or a few that are spoken as one, and when they ended."""

    text: str
    end_ms: float


@dataclass(frozen=True, slots=True)
class Erasure:
    """Words shown and taken back, against the words that stayed."""

    erased: int
    kept: int

    @property
    def normalised(self) -> float:
        """Words taken back for each word of the final text."""
        return self.erased / self.kept if self.kept else 0.0


def take_of(heard: Iterable[Heard]) -> Take:
    """The same events as the score of the client sees them."""
    take = Take()
    for item in heard:
        take.note(item.event, item.audio_ms / 1000, Schedule(0.0))
    return take


def word_lags_ms(spoken: Sequence[TimedText], heard: Iterable[Heard]) -> list[float]:
    """From the true end of each committed word to its event, for the words that were spoken.

    Committed and spoken words are matched as for the WER; words that nobody said have no lag.
    """
    # In an extra: only the benchmarks measure.
    import jiwer  # noqa: PLC0415

    reference = [(word, item.end_ms) for item in spoken for word in normalised(item.text).split()]
    told = [
        (word, item.audio_ms)
        for item in heard
        if isinstance(item.event, ev.TranscriptCommitted)
        for word in normalised(item.event.text).split()
    ]
    if not reference or not told:
        return []
    aligned = jiwer.process_words(
        " ".join(word for word, _ in reference), " ".join(word for word, _ in told)
    )
    return [
        told[chunk.hyp_start_idx + offset][1] - reference[chunk.ref_start_idx + offset][1]
        for chunk in aligned.alignments[0]
        if chunk.type in {"equal", "substitute"}
        for offset in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def screens(heard: Iterable[Heard]) -> Iterator[list[str]]:
    """The words that a viewer sees after each update: what is committed, then the volatile tail."""
    committed, tail = "", ""
    at_ms: float | None = None
    for item in heard:
        if not isinstance(item.event, ev.TranscriptCommitted | ev.TranscriptPartial):
            continue
        if at_ms is not None and item.audio_ms - at_ms > SAME_UPDATE_MS:
            yield f"{committed} {tail}".split()
        at_ms = item.audio_ms
        match item.event:
            case ev.TranscriptCommitted(text=text):
                committed = _joined(committed, text)
            case ev.TranscriptPartial(text=text):
                tail = text
    if at_ms is not None:
        yield f"{committed} {tail}".split()


def erasure(shown: Iterable[Sequence[str]]) -> Erasure:
    """Over successive screens: words behind the first that changed were taken back."""
    erased = 0
    before: Sequence[str] = ()
    for now in shown:
        same = _common_prefix(before, now)
        erased += len(before) - same
        before = now
    return Erasure(erased, len(before))


def first_waits_ms(onsets_ms: Sequence[float], heard: Iterable[Heard]) -> list[float]:
    """From the onset of a sentence to the first text, for sentences that begin an utterance.

    A sentence that runs on in the utterance before it has no first text of its own.
    """
    seen: set[str] = set()
    answered: set[int] = set()
    waits_ms: list[float] = []
    for item in heard:
        event = item.event
        if not isinstance(event, ev.TranscriptCommitted | ev.TranscriptPartial):
            continue
        if not event.text.strip() or event.utterance_id in seen:
            continue
        seen.add(event.utterance_id)
        begun = [index for index, onset in enumerate(onsets_ms) if onset <= item.audio_ms]
        if begun and begun[-1] not in answered:
            answered.add(begun[-1])
            waits_ms.append(item.audio_ms - onsets_ms[begun[-1]])
    return waits_ms


def translation_lags_ms(heard: Iterable[Heard]) -> list[float]:
    """From the event that completed a source segment to the last of its translation.

    A segment that a broken session left without its end has no lag.
    """
    closed_ms: dict[str, float] = {}
    done_ms: dict[tuple[str, str], float] = {}
    for item in heard:
        match item.event:
            case ev.TranscriptCommitted(segment_id=segment, closed=True):
                closed_ms[segment] = item.audio_ms
            case ev.TranslationCommitted(segment_id=segment, target=target):
                done_ms[segment, target] = item.audio_ms
    return [
        at_ms - closed_ms[segment]
        for (segment, _), at_ms in done_ms.items()
        if segment in closed_ms
    ]


def taken_back(heard: Iterable[Heard]) -> int:
    """Commits that change what was final: of a segment closed before, or out of its order."""
    closed: set[str] = set()
    latest_ms = 0
    count = 0
    for item in heard:
        if not isinstance(item.event, ev.TranscriptCommitted):
            continue
        if item.event.segment_id in closed or item.event.start_ms < latest_ms:
            count += 1
        if item.event.closed:
            closed.add(item.event.segment_id)
        latest_ms = max(latest_ms, item.event.start_ms)
    return count


def committed_characters(heard: Iterable[Heard]) -> int:
    """How much text became final, spaces at the ends of pieces apart."""
    return sum(
        len(item.event.text.strip())
        for item in heard
        if isinstance(item.event, ev.TranscriptCommitted)
    )


def shown_partials(heard: Iterable[Heard]) -> int:
    """How often volatile text was shown."""
    partials = (item.event for item in heard if isinstance(item.event, ev.TranscriptPartial))
    return sum(bool(partial.text.strip()) for partial in partials)


def _joined(text: str, addition: str) -> str:
    """Segments begin without the space that divides them from what came before."""
    begins_segment = bool(text) and not addition[:1].isspace()
    return f"{text} {addition}" if begins_segment else text + addition


def _common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
