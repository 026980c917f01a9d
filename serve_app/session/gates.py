"""When not to believe a hypothesis: Whisper invents text where there is little speech to hear.

Each gate looks at one symptom. Knows no audio and no earlier hypothesis.
"""

from __future__ import annotations

from enum import StrEnum

from deployments.repetition import MAX_COMPRESSION_RATIO, compression_ratio
from deployments.types import SAMPLE_RATE_HZ, Hypothesis
from serve_app.session.policies.base import normalise

NO_SPEECH_PROBABILITY = 0.6
"""With the next constant, Whisper's rule for a window without speech, as in faster-whisper."""
SILENT_LOG_PROBABILITY = -1.0

MAX_CHARACTERS_PER_S = 25.0
"""Fast speech has about 20 characters a second in any of Whisper's Latin-script languages."""
GRACE_CHARACTERS = 12
"""A window's first word may be longer than its audio allows for."""

MAX_SAME_WORD = 8
MAX_LOOP_WORDS = 8
MAX_LOOPS = 3
MIN_LOOPING_WORDS = 12
"""Loops as WhisperLiveKit detects them: from this many words on, one word this often in a row, or
up to MAX_LOOP_WORDS words MAX_LOOPS times in a row."""


class Doubt(StrEnum):
    """Why a hypothesis is not believed."""

    NO_SPEECH = "no_speech"
    COMPRESSION = "compression"
    SPEAKING_RATE = "speaking_rate"
    REPETITION = "repetition"


INVENTED = frozenset(Doubt) - {Doubt.NO_SPEECH}
"""Doubts about text; where there is no speech, there is nothing to lose."""


def doubt(hypothesis: Hypothesis, window_samples: int) -> Doubt | None:
    """The first gate that the hypothesis of a window does not pass, if any."""
    text = "".join(word.text for word in hypothesis.words).strip()
    if not text:
        return None
    if _is_silence(hypothesis):
        return Doubt.NO_SPEECH
    if compression_ratio(text) > MAX_COMPRESSION_RATIO:
        return Doubt.COMPRESSION
    allowed = GRACE_CHARACTERS + MAX_CHARACTERS_PER_S * window_samples / SAMPLE_RATE_HZ
    if len(text) > allowed:
        return Doubt.SPEAKING_RATE
    if loops([normalise(word.text) for word in hypothesis.words]):
        return Doubt.REPETITION
    return None


def loops(words: list[str]) -> bool:
    """Whether the words end in a loop."""
    if len(words) < MIN_LOOPING_WORDS:
        return False
    if len(set(words[-MAX_SAME_WORD:])) == 1:
        return True
    return any(_ends_in_loop_of(words, length) for length in range(2, MAX_LOOP_WORDS + 1))


def _ends_in_loop_of(words: list[str], length: int) -> bool:
    tail = words[-length * MAX_LOOPS :]
    return len(tail) == length * MAX_LOOPS and tail == tail[:length] * MAX_LOOPS


def _is_silence(hypothesis: Hypothesis) -> bool:
    return (
        hypothesis.no_speech_probability > NO_SPEECH_PROBABILITY
        and hypothesis.average_log_probability < SILENT_LOG_PROBABILITY
    )
