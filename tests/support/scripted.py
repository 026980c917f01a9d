"""Stages that follow a script, so that a session's behaviour is exact.

Each word of the script occupies a stretch of the audio; the scripted VAD hears speech where a word
is, and the scripted ASR says the words whose stretch has ended inside the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from deployments.types import (
    VAD_FRAME_SAMPLES,
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    VadAnswer,
    VadRequest,
    Word,
)
from serve_app.session import effects as fx
from serve_app.session.events import Event
from serve_app.session.session import Session

SAMPLES_PER_MS = 16
SPEECH_LEVEL = 1000
MAX_WINDOW_SAMPLES = 30_000 * SAMPLES_PER_MS
"""As Whisper's; a longer window is refused."""


@dataclass(frozen=True)
class Spoken:
    """A word and when it is said."""

    text: str
    start_ms: int
    end_ms: int


@dataclass
class Script:
    """What is said in an audio stream, marked in the samples themselves.

    A sample's value is SPEECH_LEVEL + the index of the word being said, and 0 in silence, so the
    scripted stages know from the audio alone what they hear.
    """

    words: list[Spoken]
    length_ms: int
    language: str = "en"
    requests: list[AsrRequest] = field(default_factory=list)
    most_words: int = 1_000
    """What one decode can say, the prefix included."""

    def pcm(self) -> bytes:
        samples = np.zeros(self.length_ms * SAMPLES_PER_MS, dtype="<i2")
        for index, word in enumerate(self.words):
            span = slice(word.start_ms * SAMPLES_PER_MS, word.end_ms * SAMPLES_PER_MS)
            samples[span] = SPEECH_LEVEL + index
        return samples.tobytes()

    def detect(self, request: VadRequest) -> VadAnswer:
        frames = request.samples.reshape(-1, VAD_FRAME_SAMPLES)
        return VadAnswer(request.state, tuple(0.9 if f.max() > 0 else 0.1 for f in frames))

    def transcribe(self, request: AsrRequest) -> Hypothesis:
        assert len(request.samples) <= MAX_WINDOW_SAMPLES
        self.requests.append(request)
        heard = [w for w in self._heard(request) if w is not None]
        already = len(request.prefix.split())
        return Hypothesis(
            words=tuple(heard[already : self.most_words]),
            language=request.language or self.language,
            language_probability=0.99,
            no_speech_probability=0.01,
            average_log_probability=-0.1,
            full=len(heard) > self.most_words,
        )

    def _heard(self, request: AsrRequest) -> Iterable[Word | None]:
        codes = np.rint(request.samples * 32768).astype(int)
        for index, word in enumerate(self.words):
            at = np.flatnonzero(codes == SPEECH_LEVEL + index)
            said = (word.end_ms - word.start_ms) * SAMPLES_PER_MS
            if len(at) == said:
                yield Word(f" {word.text}", int(at[0]), int(at[-1]) + 1, 0.9)


def translate(request: MtRequest) -> Draft:
    return Draft(f"<{request.target_language}>{request.source}")


def answer(script: Script, effect: fx.Effect) -> fx.Input | None:
    """The stage's answer to a request; None for effects that want none."""
    match effect:
        case fx.RunVad(request):
            return fx.VadAnswered(script.detect(request))
        case fx.RunAsr(request):
            return fx.AsrAnswered(script.transcribe(request))
        case fx.RunMt(segment_id, request):
            return fx.MtAnswered(segment_id, request.target_language, translate(request))
    return None


def drive(
    session: Session,
    script: Script,
    pieces: Iterable[bytes],
    respond: Callable[[Script, fx.Effect], fx.Input | None] = answer,
) -> list[fx.Effect]:
    """Feed the pieces and the end; each request is answered before the next effect is seen."""
    seen: list[fx.Effect] = []

    def carry_out(effects: list[fx.Effect]) -> None:
        for effect in effects:
            seen.append(effect)
            reply = respond(script, effect)
            if reply is not None:
                carry_out(session.receive(reply))

    carry_out(session.open({}))
    for piece in pieces:
        carry_out(session.receive(fx.Audio(piece)))
    carry_out(session.receive(fx.EndOfAudio()))
    return seen


def events(effects: list[fx.Effect]) -> list[Event]:
    return [effect.event for effect in effects if isinstance(effect, fx.Emit)]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
