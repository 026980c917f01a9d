"""Text that Whisper invents is caught; ordinary text is not."""

import random

import pytest

from deployments.types import Hypothesis, Word
from models.phrasebook import LANGUAGES, sample
from serve_app.session.gates import Doubt, doubt


def hypothesis(text: str, no_speech: float = 0.01, log_probability: float = -0.1) -> Hypothesis:
    words = tuple(Word(f" {word}", 0, 0, 0.9) for word in text.split())
    return Hypothesis(words, "en", 0.99, no_speech, log_probability)


def seconds(value: float) -> int:
    return int(value * 16_000)


@pytest.mark.parametrize(
    ("heard", "window_s", "expected"),
    [
        (hypothesis("Thank you.", no_speech=0.9, log_probability=-1.4), 3, Doubt.NO_SPEECH),
        (hypothesis("Thank you.", no_speech=0.9, log_probability=-0.3), 3, None),
        (hypothesis("Thank you.", no_speech=0.2, log_probability=-1.4), 3, None),
        (hypothesis("la " * 60), 20, Doubt.COMPRESSION),
        (hypothesis("Subtitles by the Amara.org community, thanks for watching"), 1,
         Doubt.SPEAKING_RATE),
        (hypothesis("we see that one two three one two three one two three"), 6,
         Doubt.REPETITION),
        (hypothesis("well so it is no no no no no no no no"), 6, Doubt.REPETITION),
        (hypothesis("no no no"), 2, None),
        (hypothesis(""), 2, None),
    ],
)  # fmt: skip
def test_each_symptom_is_recognised(
    heard: Hypothesis, window_s: float, expected: Doubt | None
) -> None:
    assert doubt(heard, seconds(window_s)) is expected


def test_ordinary_sentences_pass() -> None:
    rng = random.Random(5)
    for _ in range(500):
        for language in LANGUAGES:
            text = sample(rng).text(language)
            assert doubt(hypothesis(text), seconds(len(text) / 20)) is None, text
