"""Every metric: its name, meaning, labels and buckets. Plain data.

Times are in seconds and audio is in seconds of audio. Ray puts `ray_` in front of each name, and
adds the labels `application`, `deployment` and `replica`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure by name."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """A sum that only grows; its name ends in `_total`."""


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """A figure that goes up and down."""


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """How often something was at most as large as each of the buckets."""

    buckets: tuple[float, ...] = ()


LAG_BUCKETS_S = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
WAIT_BUCKETS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
FACTOR_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 3.0)
SIZE_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
DURATION_BUCKETS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)

SESSIONS_ACTIVE = Gauge(
    "dragoman_sessions_active", "Sessions that are open now, by door.", ("transport",)
)
SESSIONS_TOTAL = Counter(
    "dragoman_sessions_total",
    "Sessions that ended: `completed`, `client_gone`, `drained` or `error`.",
    ("transport", "outcome"),
)
SESSION_DURATION = Histogram(
    "dragoman_session_duration_seconds",
    "How long connections lasted.",
    ("transport",),
    DURATION_BUCKETS_S,
)
CLOSES_TOTAL = Counter(
    "dragoman_closes_total",
    "WebSockets that were closed, by close code, `by` the `server` or the `client`.",
    ("code", "by"),
)
RESUMES_TOTAL = Counter(
    "dragoman_resumes_total",
    "Sessions taken up again: `ok`, `expired` or `refused`.",
    ("result",),
)
ADMISSION_REJECTED_TOTAL = Counter(
    "dragoman_admission_rejected_total",
    "Sessions that were turned away: `capacity`, `lag`, `backlog`, `ramp` (too many at a time) or "
    "`draining`.",
    ("reason",),
)
ERRORS_TOTAL = Counter(
    "dragoman_errors_total",
    "Errors and warnings that clients were told of, by code.",
    ("code",),
)
VIEWERS_ACTIVE = Gauge(
    "dragoman_viewers_active",
    "Connections that read along now: of a `session`, or of one side of a `conversation`.",
    ("kind",),
)
HUB_SESSIONS = Gauge(
    "dragoman_hub_sessions", "Sessions that the hub keeps for viewers and conversations."
)

AUDIO_SECONDS_TOTAL = Counter(
    "dragoman_audio_seconds_total",
    "Audio of live sessions: `received`, `voiced` (speech, by VAD), and `transcribed` (dealt with, "
    "silence too). Of sessions that ended, received = transcribed + dropped.",
    ("stage",),
)
AUDIO_DROPPED_SECONDS_TOTAL = Counter(
    "dragoman_audio_dropped_seconds_total",
    "Audio without a transcript: `transcription_failed`, `text_discarded`, or `unfinished`, which "
    "its client replays where it takes the session up again.",
    ("reason",),
)
BACKLOG_AUDIO_SECONDS = Gauge(
    "dragoman_backlog_audio_seconds",
    "Audio that waits: in front of a stage, or, for `ingress`, in the sessions of a replica.",
    ("stage",),
)
FIRST_PARTIAL_SECONDS = Histogram(
    "dragoman_first_partial_seconds",
    "From the onset of an utterance in the audio to its first text; `src` is the source asked for.",
    ("src",),
    WAIT_BUCKETS_S,
)
COMMIT_LAG_SECONDS = Histogram(
    "dragoman_commit_lag_seconds",
    "From the end of a word in the audio to its commit.",
    ("src",),
    LAG_BUCKETS_S,
)
TRANSLATION_LAG_SECONDS = Histogram(
    "dragoman_translation_lag_seconds",
    "From the end of a segment in the audio to the end of its translation.",
    ("pair",),
    LAG_BUCKETS_S,
)
TRANSLATION_DELAY_SECONDS = Histogram(
    "dragoman_translation_delay_seconds",
    "From the commit of a segment's last word to the end of its translation.",
    ("pair",),
    WAIT_BUCKETS_S,
)
ENDPOINT_DELAY_SECONDS = Histogram(
    "dragoman_endpoint_delay_seconds",
    "From the end of an utterance in the audio to the commit of its last word.",
    (),
    WAIT_BUCKETS_S,
)
COMMITTED_WORDS_TOTAL = Counter(
    "dragoman_committed_words_total", "Words committed, by language.", ("src",)
)
REVISIONS_TOTAL = Counter(
    "dragoman_revisions_total", "Volatile words that were shown and then taken back."
)

STAGE_SECONDS = Histogram(
    "dragoman_stage_seconds",
    "How long a batch took (`vad`, `asr`, `mt`), how long a request waited for it (`queue_asr` "
    "...), and a session for its answer (`answer_asr` ...).",
    ("stage",),
    STAGE_BUCKETS_S,
)
REALTIME_FACTOR = Histogram(
    "dragoman_realtime_factor",
    "Time that a batch took for each second of its audio.",
    ("stage",),
    FACTOR_BUCKETS,
)
BATCH_SIZE = Histogram(
    "dragoman_batch_size", "Requests that were answered together.", ("stage",), SIZE_BUCKETS
)
MODEL_INFO = Gauge("dragoman_model_info", "1 for each loaded model.", ("stage", "model", "version"))


def _all() -> Iterator[Metric]:
    return (value for value in list(globals().values()) if isinstance(value, Metric))


CATALOGUE: tuple[Metric, ...] = tuple(_all())
