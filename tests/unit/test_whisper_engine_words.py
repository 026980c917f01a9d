"""Words and their times from aligned tokens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from faster_whisper.tokenizer import Tokenizer
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as HfTokenizer

from deployments.engines.whisper_vocabulary import WhisperVocabulary
from deployments.engines.whisper_words import Alignment, words_after_prefix
from deployments.models import ModelCorruptError

MARKUP = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|ja|>",
    "<|transcribe|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
TEXTS = [" Where is the station, please? It is well-known.", " ¿Dónde está?"]
TOKEN_S = 0.1


def hf_tokenizer(markup: tuple[str, ...] = MARKUP) -> HfTokenizer:
    tokenizer = HfTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in markup])
    return tokenizer


@pytest.fixture(scope="module")
def vocabulary() -> WhisperVocabulary:
    return WhisperVocabulary(hf_tokenizer(), multilingual=True)


def split(
    vocabulary: WhisperVocabulary, text: str, prefix: str = "", language: str = "en"
) -> list[tuple[str, int, int]]:
    """Words of `text` after `prefix`, where each token lasts 100 ms."""
    ids = [*vocabulary.encode(prefix), *vocabulary.encode(text)]
    starts = np.arange(len(ids) + 1) * int(TOKEN_S * 16_000)
    alignment = Alignment(starts, [0.5] * len(ids))
    count = len(vocabulary.encode(prefix))
    words = words_after_prefix(vocabulary.splitter(language), ids, count, alignment)
    return [(word.text, word.start_samples, word.end_samples) for word in words]


def texts(words: list[tuple[str, int, int]]) -> list[str]:
    return [text for text, _, _ in words]


def test_words_carry_their_space_and_their_marks(vocabulary: WhisperVocabulary) -> None:
    found = split(vocabulary, " Where is the station, please? It is well-known.")
    assert texts(found) == [
        " Where", " is", " the", " station,", " please?", " It", " is", " well-known.",
    ]  # fmt: skip


def test_opening_marks_hang_on_the_word_after_them(vocabulary: WhisperVocabulary) -> None:
    assert texts(split(vocabulary, " ¿Dónde está?")) == [" ¿Dónde", " está?"]
    assert texts(split(vocabulary, ' "Where is it?"')) == [' "Where', " is", ' it?"']


def test_a_mark_that_hangs_on_the_prefix_has_no_space(vocabulary: WhisperVocabulary) -> None:
    found = split(vocabulary, "? It is", prefix=" Where is the station")
    assert texts(found) == ["?", " It", " is"]


def test_prefix_words_are_not_repeated(vocabulary: WhisperVocabulary) -> None:
    prefix, text = " Where is", " the station"
    found = split(vocabulary, text, prefix)
    assert texts(found) == [" the", " station"]
    first_new = len(vocabulary.encode(prefix)) * 1_600
    assert found[0][1] == first_new


@pytest.mark.parametrize("cut", [" Where", " Where is", " Where is the station,"])
def test_a_prefix_that_ends_with_a_word_splits_as_the_whole_does(
    vocabulary: WhisperVocabulary, cut: str
) -> None:
    whole = " Where is the station, please?"
    joined = [*vocabulary.encode(cut), *vocabulary.encode(whole.removeprefix(cut))]
    assert joined == vocabulary.encode(whole)


def test_characters_are_words_where_words_have_no_spaces(vocabulary: WhisperVocabulary) -> None:
    found = split(vocabulary, "駅はどこですか。", language="ja")
    assert texts(found) == ["駅", "は", "ど", "こ", "で", "す", "か。"]


def test_half_a_character_is_not_a_word(vocabulary: WhisperVocabulary) -> None:
    ids = vocabulary.encode(" is ア")[:-1]
    alignment = Alignment(np.arange(len(ids) + 1) * 320, [1.0] * len(ids))
    words = words_after_prefix(vocabulary.splitter("en"), ids, 0, alignment)
    assert [word.text for word in words] == [" is"]


def test_nothing_but_marks_and_spaces(vocabulary: WhisperVocabulary) -> None:
    assert texts(split(vocabulary, " ")) == []
    assert texts(split(vocabulary, " ...")) == [" ..."]
    assert texts(split(vocabulary, "")) == []


def test_markup_in_a_prefix_is_plain_text(vocabulary: WhisperVocabulary) -> None:
    ids = vocabulary.encode(" is<|endoftext|><|en|>")
    assert max(ids) < vocabulary.end
    assert vocabulary.splitter("en").decode(ids) == " is<|endoftext|><|en|>"


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelCorruptError, match="notimestamps"):
        WhisperVocabulary(hf_tokenizer(("<|endoftext|>",)), multilingual=False)


def test_path_becomes_times_within_the_window() -> None:
    path = [(0, 0), (0, 1), (1, 2), (1, 3), (2, 3), (3, 9)]
    alignment = Alignment.from_path(path, [0.9, 0.8, 0.7], limit_samples=2_000)
    assert alignment.starts.tolist() == [0, 640, 960, 2_000]


def test_marks_make_no_sound(vocabulary: WhisperVocabulary) -> None:
    """The pause that alignment gives to a full stop belongs to no word."""
    ids = vocabulary.encode(" is. It")
    splitter = vocabulary.splitter("en")
    pieces, groups = splitter.split_to_word_tokens([*ids, splitter.eot])
    assert pieces[:3] == [" is", ".", " It"]
    lengths = [len(group) for group in groups[:3]]
    steps = list(itertools.chain([800] * lengths[0], [16_000] * lengths[1], [800] * lengths[2]))
    starts = np.cumsum([0, *steps])
    probabilities = [0.9] * lengths[0] + [0.1] * lengths[1] + [0.7] * lengths[2]

    words = words_after_prefix(splitter, ids, 0, Alignment(starts, probabilities))

    assert [word.text for word in words] == [" is.", " It"]
    assert words[0].end_samples == 800 * lengths[0]
    assert words[1].start_samples == words[0].end_samples + 16_000
    assert [round(word.probability, 3) for word in words] == [0.9, 0.7]


def test_the_pause_before_the_first_word_is_cut_off(vocabulary: WhisperVocabulary) -> None:
    ids = vocabulary.encode(" the the the the")
    width = len(ids) // 4
    starts = np.array([0, *(32_000 + np.arange(len(ids)) * 1_600)])
    words = words_after_prefix(
        vocabulary.splitter("en"), ids, 0, Alignment(starts, [1.0] * len(ids))
    )
    usual = width * 1_600
    assert words[0].end_samples - words[0].start_samples <= 2 * usual
    assert words[0].start_samples >= 28_000


def test_times_never_run_backwards(vocabulary: WhisperVocabulary) -> None:
    rng = np.random.default_rng(0)
    ids = vocabulary.encode(" Where is the station, please? It is well-known. It is")
    for _ in range(50):
        starts = np.sort(rng.integers(0, 48_000, len(ids) + 1))
        words = words_after_prefix(
            vocabulary.splitter("en"), ids, 0, Alignment(starts, [1.0] * len(ids))
        )
        edges = [edge for word in words for edge in (word.start_samples, word.end_samples)]
        assert edges == sorted(edges)
        assert 0 <= edges[0] <= edges[-1] <= 48_000


def test_english_only_vocabulary_has_no_language_tokens() -> None:
    markup = ("<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>")
    vocabulary = WhisperVocabulary(hf_tokenizer(markup), multilingual=False)
    splitter = vocabulary.splitter("en")
    assert isinstance(splitter, Tokenizer)
    assert vocabulary.start("en") == [splitter.sot]
