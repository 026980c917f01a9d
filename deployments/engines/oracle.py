"""Engines without models: they hear the words written into the audio, and map them word by word.

Selected in the configuration like any other engine. Since it is known what every window says, words
lost, doubled, out of order or in the wrong session can be counted; and what a server costs with
these engines is the cost of everything but its models. See oracle_audio for the audio.
"""

from __future__ import annotations

import logging
import math
import os
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from deployments.engines.oracle_audio import (
    ENDINGS,
    LOUDNESS,
    OracleWord,
    WordId,
    decode,
    session_of,
)
from deployments.engines.oracle_settings import (
    OracleAsrSettings,
    OracleMtSettings,
    OracleSettings,
    OracleWordSettings,
)
from deployments.types import (
    SAMPLE_RATE_HZ,
    VAD_FRAME_SAMPLES,
    AsrRequest,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    Samples,
    StageInfo,
    UnsupportedLanguageError,
    VadAnswer,
    VadRequest,
    VadState,
    Word,
)

logger = logging.getLogger("ray.serve")

MAX_WINDOW_SAMPLES = 30 * SAMPLE_RATE_HZ
"""As Whisper's."""

_VERSION = "1"
_SURE = 0.95
_UNSURE = 0.4
_NO_WORD = "z"
"""No word's text begins with this letter and has seven: it would be beyond the last word."""


class Disturbance:
    """Seeded delays and failures, in the order in which an engine is asked."""

    def __init__(self, settings: OracleSettings) -> None:
        self._settings = settings
        # Two generators, because the two methods are called from different threads.
        self._delays = np.random.default_rng([settings.seed, 0])
        self._failures = np.random.default_rng([settings.seed, 1])

    def fail(self) -> None:
        """Raise EngineError for the share of requests that is to fail."""
        if self._failures.random() < self._settings.failure_rate:
            raise EngineError("the oracle was told to fail some requests, and this is one")

    def wait(self) -> None:
        """Take as long as a batch is to take."""
        delay_s = self.next_delay_s()
        if delay_s:
            time.sleep(delay_s)

    def next_delay_s(self) -> float:
        """Log-normal with the mean and the deviation of the settings."""
        mean, deviation = self._settings.delay_ms, self._settings.delay_jitter_ms
        if not deviation:
            return mean / 1000
        variance = math.log1p((deviation / mean) ** 2)
        location = math.log(mean) - variance / 2
        return float(self._delays.lognormal(location, math.sqrt(variance))) / 1000


def suffer(words: Iterable[str], settings: OracleWordSettings) -> None:
    """Raise EngineError, end the process, or never return, where the settings say so of a word."""
    said = {word.strip().rstrip("".join(ENDINGS)) for word in words}
    if not said.isdisjoint(settings.deadly_words):
        logger.error("the oracle was told to die of a word, and it was said")
        os._exit(1)
    while not said.isdisjoint(settings.hanging_words):
        time.sleep(1)
    if not said.isdisjoint(settings.failing_words):
        raise EngineError("the oracle was told to fail at a word, and it was said")


class OracleVad:
    """Speech is where the samples are loud.

    The state says whose audio it belongs to, so that a state that reaches another session's audio
    is an error.
    """

    def __init__(self, settings: OracleSettings) -> None:
        self._disturbance = Disturbance(settings)

    def check(self, request: VadRequest) -> None:
        """Raise EngineError unless samples are whole float32 frames, or by chance of settings."""
        samples = request.samples
        _require_mono_float32(samples, "VAD")
        if len(samples) == 0 or len(samples) % VAD_FRAME_SAMPLES:
            raise EngineError(
                f"VAD takes whole frames of {VAD_FRAME_SAMPLES} samples, not {len(samples)}"
            )
        self._disturbance.fail()

    def detect(self, batch: Sequence[VadRequest]) -> list[VadAnswer]:
        """One answer for each request; EngineError for a state of another session."""
        self._disturbance.wait()
        return [_detect(request) for request in batch]

    def warm(self) -> None:
        """Nothing to warm: the first request is as fast as any."""


class OracleAsr:
    """Hears the words that lie whole in the window.

    The same request always gets the same hypothesis, so that it may be asked again, of any replica,
    in any batch.
    """

    def __init__(self, settings: OracleAsrSettings) -> None:
        self._settings = settings
        self._disturbance = Disturbance(settings)

    @property
    def info(self) -> StageInfo:
        """Any language: the audio says which."""
        return StageInfo("oracle-asr", _VERSION, ())

    def shape(self, request: AsrRequest) -> bool:
        """As with Whisper, finals are decoded apart."""
        return request.final

    def check(self, request: AsrRequest) -> None:
        """Raise EngineError for what no engine would decode, or by chance of settings."""
        _require_mono_float32(request.samples, "ASR")
        if len(request.samples) > MAX_WINDOW_SAMPLES:
            raise EngineError(
                f"ASR takes windows of up to {MAX_WINDOW_SAMPLES} samples, "
                f"not {len(request.samples)}"
            )
        self._disturbance.fail()

    def transcribe(self, batch: Sequence[AsrRequest]) -> list[Hypothesis]:
        """One hypothesis for each request, the same whatever else is in the batch."""
        self._disturbance.wait()
        return [self._transcribe(request) for request in batch]

    def warm(self) -> None:
        """Nothing to warm: the first request is as fast as any."""

    def _transcribe(self, request: AsrRequest) -> Hypothesis:
        heard = decode(request.samples)
        suffer((word.text for word in heard), self._settings)
        committed = _committed_count(heard, request.prefix)
        words = [_said(word) for word in heard[committed:]]
        if words and not request.final:
            words[-1:] = self._newest(words[-1], heard[-1], len(request.samples))
        spoken = heard[0].language if heard else "en"
        return Hypothesis(
            words=tuple(words),
            language=request.language or spoken,
            language_probability=_SURE,
            no_speech_probability=0.0 if heard else 1.0,
            average_log_probability=math.log(_SURE) if words else 0.0,
        )

    def _newest(self, said: Word, heard: OracleWord, window_samples: int) -> list[Word]:
        """The last word of a window as one hears it while it is still being spoken."""
        word, seed = heard.word, self._settings.seed
        draw = np.random.default_rng([seed, word.session, word.index, window_samples])
        if draw.random() >= self._settings.unsure_rate:
            return [said]
        if draw.random() < 0.5:
            return []
        wrong = _NO_WORD + f"{draw.integers(10**6):06}"
        return [
            replace(
                said,
                text=f" {wrong}{heard.ending}",
                probability=_UNSURE,
                attended_samples=window_samples,
            )
        ]


class OracleMt:
    """Translates `word` into German as `t[de]word`, and keeps the order.

    The same request always gets the same draft. Of an open segment the end may be a guess, as a
    real translator's is before it has heard the rest.
    """

    def __init__(self, settings: OracleMtSettings) -> None:
        self._settings = settings
        self._languages = settings.languages
        self._disturbance = Disturbance(settings)

    @property
    def info(self) -> StageInfo:
        """The languages of the settings."""
        return StageInfo("oracle-mt", _VERSION, self._languages, takes_open=True)

    def check(self, request: MtRequest) -> None:
        """Raise UnsupportedLanguageError for the pair, or EngineError by chance of settings."""
        pair = (request.source_language, request.target_language)
        unserved = bool(self._languages) and not set(pair) <= set(self._languages)
        if unserved or pair[0] == pair[1]:
            served = ", ".join(self._languages) or "any languages"
            raise UnsupportedLanguageError(
                f"the oracle does not translate {pair[0]} to {pair[1]}; "
                f"it translates between any two of {served}"
            )
        if request.glossary:
            raise EngineError("the oracle takes no glossary")
        self._disturbance.fail()

    def translate(self, batch: Sequence[MtRequest]) -> list[Draft]:
        """One draft for each request, the same whatever else is in the batch."""
        self._disturbance.wait()
        return [Draft(self._translate(request)) for request in batch]

    def warm(self) -> None:
        """Nothing to warm: the first request is as fast as any."""

    def _translate(self, request: MtRequest) -> str:
        suffer(request.source.split(), self._settings)
        draft = _translate(request)
        return self._guess(draft, request) if request.open else draft

    def _guess(self, draft: str, request: MtRequest) -> str:
        """The draft with another end, though never with another beginning than was committed."""
        asked = zlib.crc32(f"{request.target_language} {request.source}".encode())
        draw = np.random.default_rng([self._settings.seed, asked])
        if draw.random() >= self._settings.unsure_rate:
            return draft
        kept = draft.rpartition(" ")[0] if draw.random() < 0.7 else draft
        wrong = [f"t[{request.target_language}]{_NO_WORD}{draw.integers(10**6):06}"]
        guess = " ".join([kept, *wrong * int(draw.integers(3))]).strip()
        return guess if guess.startswith(request.committed_target) else draft


def translated(text: str, target: str) -> str:
    """What the oracle makes of source text."""
    return " ".join(f"t[{target}]{word}" for word in text.split())


def _translate(request: MtRequest) -> str:
    whole = translated(request.source, request.target_language)
    committed = request.committed_target
    if whole.startswith(committed):
        return whole
    # Committed of another source text; it stands, as with any engine that is forced to go on.
    rest = request.source.split()[len(committed.split()) :]
    return " ".join([committed, translated(" ".join(rest), request.target_language)]).rstrip()


def _detect(request: VadRequest) -> VadAnswer:
    loudest = np.abs(request.samples).reshape(-1, VAD_FRAME_SAMPLES).max(axis=1)
    probabilities = np.where(loudest >= LOUDNESS, _SURE, 1 - _SURE)
    state = _state_of(request.state, session_of(request.samples))
    return VadAnswer(state, tuple(probabilities.tolist()))


def _state_of(state: VadState, session: int | None) -> VadState:
    """The state with the session written into it; EngineError where another one's is there."""
    owner = int(state.lstm[0, 0, 0]) - 1
    if session is None or session == owner:
        return state
    if owner >= 0:
        raise EngineError(f"the VAD state of session {owner} came with session {session}'s audio")
    lstm = state.lstm.copy()
    lstm[0, 0, 0] = session + 1
    return replace(state, lstm=lstm)


def _committed_count(heard: Sequence[OracleWord], prefix: str) -> int:
    """How many words of a window lie before the end of the forced prefix."""
    committed = {WordId.of_text(text) for text in prefix.split()}
    places = [place for place, word in enumerate(heard, 1) if word.word in committed]
    return places[-1] if places else 0


def _said(heard: OracleWord) -> Word:
    return Word(f" {heard.text}", heard.start_samples, heard.end_samples, _SURE)


def _require_mono_float32(samples: Samples, stage: str) -> None:
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise EngineError(f"{stage} takes mono float32, not {samples.dtype} {samples.shape}")
