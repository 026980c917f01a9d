"""Word times and windows of the recogniser's training data, without any synthesiser."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from models.training.augment import mix
from models.training.speech import Utterance, _word_times
from models.training.tokens import Tokens, train_tokenizer, without_final_punctuation
from models.training.voices import HELD_OUT_VOICES, TRAINING_VARIANTS
from models.training.windows import WindowMaker

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXT = "one two three."


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    texts = [" ".join(a + b + c for c in "aeiou") for a in LETTERS for b in LETTERS]
    train_tokenizer([*texts, TEXT], path)
    return Tokens(path)


@pytest.fixture
def maker(tokens: Tokens) -> WindowMaker:
    utterances = [_utterance(language) for language in ("en", "de", "es")]
    return WindowMaker(utterances, ["a"], tokens, seed=1)


def _utterance(language: str) -> Utterance:
    """Three words of one second each; the middle one is followed by half a second of pause."""
    return Utterance(
        text=TEXT,
        language=language,
        voice="test",
        audio=np.full(56_000, 1_000, np.int16),
        word_starts=np.array([0, 16_000, 40_000], np.int32),
        word_ends=np.array([16_000, 32_000, 56_000], np.int32),
        phonemes=["a", "", "a"],
        phoneme_starts=np.array([0, 32_000, 40_000], np.int32),
    )


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (8_000, []),
        (15_000, []),
        (16_000, ["one"]),
        (31_000, ["one"]),
        (36_000, ["one", "two"]),
        (55_000, ["one", "two"]),
        (56_000, ["one", "two", "three."]),
    ],
)
def test_cut_piece_says_only_finished_words(maker: WindowMaker, end: int, words: list[str]) -> None:
    assert maker._piece(_utterance("en"), 0, end, 0).words == words


def test_piece_from_a_later_word_counts_times_from_its_start(maker: WindowMaker) -> None:
    piece = maker._piece(_utterance("en"), 15_000, 56_000, 1)
    assert piece.words == ["two", "three."]
    assert piece.times == [(1_000, 17_000), (25_000, 41_000)]


def test_windows_line_up_inputs_targets_and_spans(maker: WindowMaker, tokens: Tokens) -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        window = maker.short(rng, noisy_share=0.5)
        assert len(window.inputs) == len(window.targets) == len(window.spans)
        assert window.targets[-1] == tokens.end
        frames = len(window.phonemes)
        assert all(0 <= lo <= hi <= frames + 2 for lo, hi in window.spans)


def test_silence_is_answered_with_no_speech_and_no_words(
    maker: WindowMaker, tokens: Tokens
) -> None:
    window = maker.silent(np.random.default_rng(1), 1.0)
    at = window.inputs.index(tokens.start)
    assert window.targets[at] == tokens.no_speech
    assert window.words == []
    assert window.targets[-1] == tokens.end


def test_words_spoken_as_one_are_placed_by_their_letters() -> None:
    starts, ends = _word_times(
        "one of the new", [(0, 0), (4, 100), (11, 200)], ["w"], np.array([0], np.int32), 300
    )
    assert starts.tolist() == [0, 100, 142, 200]
    assert ends.tolist() == [100, 142, 200, 300]


def test_a_word_before_a_pause_ends_where_the_pause_starts() -> None:
    starts, ends = _word_times(
        "one two", [(0, 0), (4, 200)], ["w", "", "t"], np.array([0, 120, 200], np.int32), 300
    )
    assert starts.tolist() == [0, 200]
    assert ends.tolist() == [120, 300]


def test_word_events_repeated_at_the_end_are_dropped() -> None:
    starts, _ = _word_times(
        "one two", [(0, 0), (4, 200), (0, 300)], ["w"], np.array([0], np.int32), 300
    )
    assert starts.tolist() == [0, 200]


def test_noise_is_mixed_at_the_asked_ratio() -> None:
    speech = np.full(16_000, 0.1, np.float32)
    noise = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    added = mix(speech, noise, snr_db=10.0) - speech
    ratio_db = 10 * np.log10(np.mean(speech**2) / np.mean(added**2))
    assert ratio_db == pytest.approx(10.0, abs=0.2)


def test_no_held_out_voice_is_trained_on() -> None:
    variants = {voice.name.split("+")[1] for voices in HELD_OUT_VOICES.values() for voice in voices}
    assert variants.isdisjoint(TRAINING_VARIANTS)


def test_final_punctuation_is_not_invented() -> None:
    assert without_final_punctuation("please.") == "please"
    assert without_final_punctuation("don't") == "don't"
