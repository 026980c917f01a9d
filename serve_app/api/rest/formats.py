"""A transcript in each of the formats that OpenAI's audio API answers in; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from deployments.languages import LANGUAGE_NAMES
from deployments.repetition import compression_ratio
from deployments.types import Word
from serve_app.api.rest.messages import (
    InputTokenDetails,
    Language,
    Logprob,
    Message,
    Transcription,
    TranscriptionVerbose,
    TranscriptTextDelta,
    TranscriptTextDone,
    Translation,
    TranslationVerbose,
    UsageDuration,
    UsageTokens,
    VerboseSegment,
    VerboseWord,
)
from serve_app.files.transcript import FileSegment, Transcript, to_s
from serve_app.session.audio import to_ms

JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"
VTT = "text/vtt; charset=utf-8"
UNKNOWN_LANGUAGE = "unknown"

AUDIO_TOKENS_PER_S = 10
_LEAST_PROBABILITY = 1e-9
_SAMPLES_PER_SEEK = 160

ResponseFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
Granularity = Literal["word", "segment"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the answer is to hold."""

    task: Literal["transcribe", "translate"] = "transcribe"
    language: str | None = None
    """That of the text, where the request says so."""
    granularities: tuple[Granularity, ...] = ("segment",)
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body and its media type."""

    content: str
    media_type: str


class Format(Protocol):
    """One way to write a transcript down."""

    def __call__(self, transcript: Transcript, wish: Wish, /) -> Rendered:
        """All of it."""
        ...


def as_json(transcript: Transcript, wish: Wish) -> Rendered:
    """The text, and what it is made of."""
    if wish.task == "translate":
        return _json(Translation(text=transcript.text))
    return _json(
        Transcription(
            text=transcript.text,
            languages=_languages(transcript),
            logprobs=_logprobs(transcript.segments, wish),
            usage=UsageDuration(seconds=transcript.duration_s),
        )
    )


def as_text(transcript: Transcript, _: Wish) -> Rendered:
    """The text alone."""
    return Rendered(f"{transcript.text}\n", PLAIN)


def as_srt(transcript: Transcript, _: Wish) -> Rendered:
    """SubRip: numbered cues, decimal comma."""
    cues = (
        f"{number}\n{_cue_times(segment, ',')}\n{_cue_text(segment)}\n\n"
        for number, segment in enumerate(transcript.segments, start=1)
    )
    return Rendered("".join(cues), PLAIN)


def as_vtt(transcript: Transcript, _: Wish) -> Rendered:
    """WebVTT (https://www.w3.org/TR/webvtt1/), which wants markup characters escaped."""
    cues = (
        f"{_cue_times(segment, '.')}\n"
        f"{_cue_text(segment).replace('&', '&amp;').replace('<', '&lt;')}\n\n"
        for segment in transcript.segments
    )
    return Rendered("WEBVTT\n\n" + "".join(cues), VTT)


def as_verbose_json(transcript: Transcript, wish: Wish) -> Rendered:
    """The text with its segments or words and their times."""
    heard = next(iter(transcript.languages), None)
    code = wish.language or heard
    language = LANGUAGE_NAMES.get(code, code).lower() if code else UNKNOWN_LANGUAGE
    segments = [_verbose_segment(i, segment) for i, segment in enumerate(transcript.segments)]
    duration = transcript.duration_s
    if wish.task == "translate":
        return _json(
            TranslationVerbose(
                language=language, duration=duration, text=transcript.text, segments=segments
            )
        )
    words = [_verbose_word(w) for segment in transcript.segments for w in segment.words]
    return _json(
        TranscriptionVerbose(
            language=language,
            duration=duration,
            text=transcript.text,
            segments=segments if "segment" in wish.granularities else None,
            words=words if "word" in wish.granularities else None,
            usage=UsageDuration(seconds=duration),
        )
    )


FORMATS: Mapping[str, Format] = {
    "json": as_json,
    "text": as_text,
    "srt": as_srt,
    "vtt": as_vtt,
    "verbose_json": as_verbose_json,
}
"""By `response_format`."""


def delta(segment: FileSegment, wish: Wish, *, first: bool) -> TranscriptTextDelta:
    """The event of a segment; `first` where no text came before it."""
    text = segment.spaced
    return TranscriptTextDelta(
        delta=text.lstrip() if first else text, logprobs=_logprobs([segment], wish)
    )


def done(transcript: Transcript, wish: Wish) -> TranscriptTextDone:
    """The event at the end."""
    return TranscriptTextDone(
        text=transcript.text,
        languages=_languages(transcript),
        logprobs=_logprobs(transcript.segments, wish),
        usage=_token_usage(transcript),
    )


def _json(message: Message) -> Rendered:
    return Rendered(message.to_json(), JSON)


def _languages(transcript: Transcript) -> list[Language]:
    return [Language(code=code) for code in transcript.languages]


def _logprobs(segments: Iterable[FileSegment], wish: Wish) -> list[Logprob] | None:
    if not wish.logprobs:
        return None
    return [_logprob(word) for segment in segments for word in segment.words]


def _logprob(word: Word) -> Logprob:
    logprob = math.log(max(word.probability, _LEAST_PROBABILITY))
    return Logprob(token=word.text, logprob=round(logprob, 4), bytes=list(word.text.encode()))


def _token_usage(transcript: Transcript) -> UsageTokens:
    audio = math.ceil(AUDIO_TOKENS_PER_S * transcript.duration_s)
    written = sum(len(segment.words) for segment in transcript.segments)
    return UsageTokens(
        input_tokens=audio,
        output_tokens=written,
        total_tokens=audio + written,
        input_token_details=InputTokenDetails(audio_tokens=audio, text_tokens=0),
    )


def _verbose_segment(index: int, segment: FileSegment) -> VerboseSegment:
    return VerboseSegment(
        id=index,
        seek=segment.window_start // _SAMPLES_PER_SEEK,
        start=to_s(segment.start),
        end=to_s(segment.end),
        text=segment.spaced,
        tokens=[],
        temperature=0.0,
        avg_logprob=round(segment.average_log_probability, 4),
        compression_ratio=round(compression_ratio(segment.text), 4),
        no_speech_prob=round(segment.no_speech_probability, 4),
    )


def _verbose_word(word: Word) -> VerboseWord:
    return VerboseWord(
        word=word.text.strip(), start=to_s(word.start_samples), end=to_s(word.end_samples)
    )


def _cue_text(segment: FileSegment) -> str:
    """On one line and without the arrow, which would end a cue."""
    return " ".join(segment.shown.split()).replace("-->", "→")


def _cue_times(segment: FileSegment, point: str) -> str:
    return f"{_timestamp(segment.start, point)} --> {_timestamp(segment.end, point)}"


def _timestamp(samples: int, point: str) -> str:
    seconds, ms = divmod(to_ms(samples), 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
