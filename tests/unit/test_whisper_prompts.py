"""What the recogniser is told before the window, and how it decodes again what it doubts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
from faster_whisper import decode_audio

from deployments.asr import AsrSettings, load_engine
from deployments.engines.whisper import WhisperAsr
from deployments.engines.whisper_decoder import Decoded, WhisperDecoder
from deployments.engines.whisper_prompts import (
    MAX_HOTWORD_TOKENS,
    DecoderInput,
    decoder_input,
    total_length,
)
from deployments.engines.whisper_vocabulary import WhisperVocabulary
from deployments.types import AsrRequest, Hypothesis, Samples
from tests.unit.test_whisper_engine_words import MARKUP, hf_tokenizer

SPEECH = Path(__file__).parent / "data" / "two_sentences_en.flac"
SAID = " Clara has locked the door today. I have an appointment with the dentist"
WINDOW = np.zeros(16_000, np.float32)


@pytest.fixture(scope="module")
def vocabulary() -> WhisperVocabulary:
    markup = (*MARKUP, "<|startofprev|>")
    return WhisperVocabulary(hf_tokenizer(markup), multilingual=True)


@pytest.fixture(scope="module")
def engine() -> WhisperAsr:
    engine = load_engine(AsrSettings())
    assert isinstance(engine, WhisperAsr)
    return engine


@pytest.fixture(scope="module")
def speech() -> Samples:
    samples: Samples = decode_audio(str(SPEECH))
    return samples


def text(hypothesis: Hypothesis) -> str:
    return "".join(word.text for word in hypothesis.words)


def told(vocabulary: WhisperVocabulary, **request: str) -> str:
    """What stands before the window, after the mark."""
    mark, *ids = decoder_input(AsrRequest(WINDOW, "en", **request), vocabulary).previous
    assert mark == vocabulary.previous
    return str(vocabulary.splitter("en").decode(ids))


def test_context_is_cut_to_one_of_few_lengths_and_keeps_the_newest(
    vocabulary: WhisperVocabulary,
) -> None:
    long = " Where is the station, please?" * 40
    for size in (16, 32, 64):
        ids = vocabulary.encode(long)[: size + 3]
        context = vocabulary.splitter("en").decode(ids)
        given = decoder_input(AsrRequest(WINDOW, "en", context=context), vocabulary)
        assert given.previous == [vocabulary.previous, *ids[3:]]
    assert decoder_input(AsrRequest(WINDOW, "en", context=" is"), vocabulary).previous == []


def test_hotwords_come_first_and_are_bounded(vocabulary: WhisperVocabulary) -> None:
    assert told(vocabulary, hotwords="well-known station") == " well-known station"
    both = told(vocabulary, hotwords="station", context=" Where is the station, please?" * 20)
    assert both.startswith(" station")
    assert both.endswith("station, please?")
    many = decoder_input(AsrRequest(WINDOW, "en", hotwords="station " * 500), vocabulary)
    assert len(many.previous) == 1 + MAX_HOTWORD_TOKENS


def test_a_model_that_was_taught_no_previous_text_is_told_none() -> None:
    untaught = WhisperVocabulary(hf_tokenizer(), multilingual=True)
    assert decoder_input(AsrRequest(WINDOW, "en", hotwords="station"), untaught).previous == []


@pytest.mark.parametrize("previous", [0, 10, 200])
def test_the_decoder_gets_its_steps_whatever_stands_before_them(previous: int) -> None:
    limit = 50
    total = total_length([DecoderInput([0] * previous, [], limit)])
    # What CTranslate2 makes of it.
    assert min(total // 2, total - previous) >= limit


def test_what_was_said_before_is_not_said_again(engine: WhisperAsr, speech: Samples) -> None:
    context = " I'd like a ticket to Barcelona for Sunday, please. It will be hot tomorrow."
    requests = [
        AsrRequest(speech, "en"),
        AsrRequest(speech, "en", context=context),
        AsrRequest(speech, "en", hotwords="Clara, dentist"),
        AsrRequest(speech, "en", hotwords="Clara, dentist", context=context, prefix=" Clara"),
        AsrRequest(speech, "en", context=context, final=True),
    ]
    assert len({engine.shape(request) for request in requests}) == 5
    plain, *others, forced, final = map(text, engine.transcribe(requests))
    assert plain.startswith(SAID)
    for heard in (*others, f" Clara{forced}", final):
        assert heard.endswith("I have an appointment with the dentist at quarter past three.")
        assert len(heard.split()) <= len(plain.split()) + 1
        assert not {"ticket", "Barcelona", "Sunday,", "hot", "tomorrow."} & set(heard.split())


def test_a_word_tells_where_the_decoder_looked(engine: WhisperAsr, speech: Samples) -> None:
    [hypothesis] = engine.transcribe([AsrRequest(speech, "en")])
    looked = [word.attended_samples for word in hypothesis.words]
    assert None not in looked
    assert looked == sorted(looked, key=int)  # type: ignore[arg-type]
    assert all(
        word.attended_samples is not None and word.attended_samples <= word.end_samples
        for word in hypothesis.words
    )


def test_partials_may_have_a_beam_of_their_own(speech: Samples) -> None:
    wide = load_engine(AsrSettings(partial_beam_size=5, beam_size=5))
    window = speech[:20_000]
    partial, final = wide.transcribe(
        [AsrRequest(window, "en"), AsrRequest(window, "en", final=True)]
    )
    assert partial == final


def decoder(engine: WhisperAsr) -> WhisperDecoder:
    return engine._decoder


def test_what_goes_round_in_circles_or_guesses_is_doubted(engine: WhisperAsr) -> None:
    vocabulary = engine._vocabulary

    def item(said: str, log_probability: float = -0.1, no_speech: float = 0.0) -> Decoded:
        ids = vocabulary.encode(said)
        request = AsrRequest(WINDOW, "en", final=True)
        return Decoded(request, "en", 1.0, ids, 0, no_speech, log_probability, cut_off=False)

    doubtful = decoder(engine)._is_doubtful
    assert not doubtful(item(SAID))
    assert doubtful(item(" the door" * 40))
    assert doubtful(item(SAID, log_probability=-1.5))
    assert not doubtful(item(SAID, log_probability=-1.5, no_speech=0.9))
    assert not doubtful(item("", log_probability=-1.5))


@dataclass
class _Result:
    sequences_ids: list[list[int]]
    scores: list[float]
    no_speech_prob: float


@dataclass
class _Looping:
    """A model that goes round in circles in every second window, unless it is told not to."""

    ids: list[int]
    loop: list[int]
    stubborn: bool = False
    asked: list[int] = field(default_factory=list)

    def generate(self, _: object, prompts: list[list[int]], **how: object) -> list[_Result]:
        self.asked.append(len(prompts))
        again = "no_repeat_ngram_size" in how
        loops = [self.stubborn or not again if again else row % 2 for row in range(len(prompts))]
        return [_Result([self.loop if looping else self.ids], [-0.1], 0.0) for looping in loops]


@pytest.mark.parametrize(
    ("final", "stubborn", "asked", "loops"),
    [
        (True, False, [4, 2], [False] * 4),
        (True, True, [4, 2], [False, True, False, True]),
        (False, False, [4], [False, True, False, True]),
    ],
)
def test_finals_that_loop_are_decoded_again_and_bettered_where_that_helps(
    vocabulary: WhisperVocabulary, final: bool, stubborn: bool, asked: list[int], loops: list[bool]
) -> None:
    good, loop = vocabulary.encode(" Where is the station?"), vocabulary.encode(" is the" * 40)
    model = _Looping(good, loop, stubborn)
    encoded = ctranslate2.StorageView.from_array(np.zeros((4, 1, 1), np.float32))
    decoded = WhisperDecoder(model, vocabulary, ("en",), 5, 1).decode(
        [AsrRequest(WINDOW, "en", final=final)] * 4, encoded, final=final
    )
    assert model.asked == asked
    assert [item.tokens != good for item in decoded] == loops


@pytest.mark.parametrize(
    ("usual", "switch_probability", "language"),
    [("de", 0.0, "en"), ("de", 1.01, "de"), ("fr", 1.01, "en"), (None, 1.01, "en")],
)
def test_another_language_than_the_usual_one_must_be_probable_enough(
    engine: WhisperAsr,
    speech: Samples,
    usual: str | None,
    switch_probability: float,
    language: str,
) -> None:
    asked = AsrRequest(speech, None, usual_language=usual, switch_probability=switch_probability)
    [free] = engine.transcribe([AsrRequest(speech, None)])
    [heard] = engine.transcribe([asked])
    assert heard.language == language
    assert (heard.language_probability < 0.2) == (language != free.language)
