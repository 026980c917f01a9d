"""What is written into the samples is read out of any window, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.engines.oracle_audio import (
    ENDINGS,
    INDEX_BITS,
    LOUDNESS,
    MAX_WORD_SAMPLES,
    MIN_WORD_SAMPLES,
    SESSION_BITS,
    OracleWord,
    WordId,
    decode,
    encode,
    session_of,
)
from deployments.types import Samples
from serve_app.session.gates import MAX_COMPRESSION_RATIO, compression_ratio

word_ids = st.builds(
    WordId, st.integers(0, (1 << SESSION_BITS) - 1), st.integers(0, (1 << INDEX_BITS) - 1)
)


@st.composite
def sayings(draw: st.DrawFn) -> tuple[list[OracleWord], int]:
    """Words in order, and the length of the audio they are said in."""
    at = draw(st.integers(0, 60))
    words = []
    for word in draw(st.lists(word_ids, max_size=6)):
        end = at + draw(st.integers(MIN_WORD_SAMPLES, 300))
        language = draw(st.sampled_from(["en", "de", "yue", "zz"]))
        words.append(OracleWord(word, at, end, language, draw(st.sampled_from(ENDINGS))))
        at = end + draw(st.sampled_from([0, 0, 1, 7, 40]))
    return words, at + draw(st.integers(0, 60))


def heard(pcm: np.ndarray) -> Samples:
    """Samples as the stages get them."""
    return pcm.astype(np.float32) / np.float32(32_768)


def moved(word: OracleWord, by: int) -> OracleWord:
    start, end = word.start_samples + by, word.end_samples + by
    return OracleWord(word.word, start, end, word.language, word.ending)


@given(saying=sayings(), data=st.data())
def test_a_window_holds_exactly_the_words_that_lie_whole_in_it(
    saying: tuple[list[OracleWord], int], data: st.DataObject
) -> None:
    words, length = saying
    begin = data.draw(st.integers(0, length))
    end = data.draw(st.integers(begin, length))
    window = heard(encode(words, 0, length))[begin:end]
    whole = [w for w in words if begin <= w.start_samples and w.end_samples <= end]
    assert decode(window) == [moved(word, -begin) for word in whole]
    assert np.array_equal(heard(encode(words, begin, end)), window)


@given(saying=sayings(), data=st.data())
def test_a_word_with_a_missing_a_silenced_or_an_extra_sample_is_not_heard(
    saying: tuple[list[OracleWord], int], data: st.DataObject
) -> None:
    words, length = saying
    if not words:
        return
    pcm = encode(words, 0, length)
    hurt = data.draw(st.sampled_from(words))
    # Not the first or last sample: said twice, they would leave the word whole.
    at = data.draw(st.integers(hurt.start_samples + 1, hurt.end_samples - 2))
    damage = data.draw(st.sampled_from(["cut out", "silenced", "said twice"]))
    if damage == "cut out":
        pcm = np.delete(pcm, at)
    elif damage == "silenced":
        pcm[at] = 0
    else:
        pcm = np.insert(pcm, at, pcm[at])
    others = [word.word for word in words if word is not hurt]
    assert [word.word for word in decode(heard(pcm))] == others


@given(saying=sayings())
def test_all_of_a_word_is_loud_and_all_between_is_silent(
    saying: tuple[list[OracleWord], int],
) -> None:
    words, length = saying
    samples = heard(encode(words, 0, length))
    said = np.zeros(length, dtype=bool)
    for word in words:
        said[word.start_samples : word.end_samples] = True
    assert np.array_equal(np.abs(samples) >= LOUDNESS, said)
    assert not samples[~said].any()


@given(word=word_ids, cut=st.integers(0, 40))
def test_part_of_a_word_tells_whose_it_is(word: WordId, cut: int) -> None:
    samples = heard(encode([OracleWord(word, 0, 100)], 0, 100))
    assert session_of(samples[cut : cut + 2 * MIN_WORD_SAMPLES]) == word.session
    assert session_of(np.zeros(100, dtype=np.float32)) is None


@given(first=word_ids, second=word_ids)
def test_each_word_has_a_text_of_its_own(first: WordId, second: WordId) -> None:
    assert WordId.of_text(first.text) == first
    assert (first.text == second.text) == (first == second)
    assert WordId.of_text(f" {first.text}?") == first


@pytest.mark.parametrize("text", ["", ".", "hello", "zzzzzzz", "ABCDEFG", "abc-efg", "a" * 8])
def test_what_is_no_word_is_known_to_be_none(text: str) -> None:
    assert WordId.of_text(text) is None


def test_long_texts_pass_the_gate_against_loops() -> None:
    for start in (0, 20_000):
        text = " ".join(WordId(1, start + index).text for index in range(200))
        assert compression_ratio(text) < 0.7 * MAX_COMPRESSION_RATIO


@pytest.mark.parametrize("seed", range(5))
def test_noise_says_nothing(seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(-1, 1, 16_000)
    pcm = (noise * 32_767).astype(np.int16)
    pcm[::50] = 32_767
    assert decode(heard(pcm)) == []
    assert session_of(heard(pcm)) is None


@pytest.mark.parametrize(
    "word",
    [
        OracleWord(WordId(1 << SESSION_BITS, 0), 0, 100),
        OracleWord(WordId(0, 1 << INDEX_BITS), 0, 100),
        OracleWord(WordId(0, -1), 0, 100),
        OracleWord(WordId(0, 0), 0, MIN_WORD_SAMPLES - 1),
        OracleWord(WordId(0, 0), 0, MAX_WORD_SAMPLES + 1),
        OracleWord(WordId(0, 0), 0, 100, "engl"),
        OracleWord(WordId(0, 0), 0, 100, "EN"),
        OracleWord(WordId(0, 0), 0, 100, "en", "!"),
    ],
)
def test_what_does_not_fit_is_refused(word: OracleWord) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|not found|not in"):
        encode([word], 0, word.end_samples)


def test_two_words_at_a_time_are_refused() -> None:
    words = [OracleWord(WordId(0, 0), 0, 100), OracleWord(WordId(0, 1), 99, 200)]
    with pytest.raises(ValueError, match="over another word"):
        encode(words, 0, 200)
