"""The oracle engines: exact where they are told to be, late and wrong where they are told to be."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from deployments.asr import AsrEngine
from deployments.asr import load_engine as load_asr
from deployments.engines.oracle import MAX_WINDOW_SAMPLES, Disturbance, OracleAsr, OracleMt
from deployments.engines.oracle_audio import OracleWord, WordId, encode
from deployments.engines.oracle_settings import (
    OracleAsrSettings,
    OracleMtSettings,
    OracleSettings,
)
from deployments.mt import load_batch_engine as load_mt
from deployments.mt_adapters import BatchMtEngine
from deployments.types import (
    AsrRequest,
    EngineError,
    MtRequest,
    Samples,
    UnsupportedLanguageError,
    VadRequest,
    VadState,
)
from deployments.vad import VadEngine
from deployments.vad import load_engine as load_vad
from tests.support.oracle_stages import oracle_config

SESSION = 3
WORDS = [
    OracleWord(WordId(SESSION, 0), 1_000, 6_000, "de"),
    OracleWord(WordId(SESSION, 1), 6_000, 11_003, "de", ","),
    OracleWord(WordId(SESSION, 2), 12_000, 18_001, "de", "."),
]
A, B, C = (word.text for word in WORDS)


def audio(begin: int, end: int, words: list[OracleWord] = WORDS) -> Samples:
    return encode(words, begin, end).astype(np.float32) / np.float32(32_768)


def _stretch(word: OracleWord) -> tuple[int, int]:
    return word.start_samples, word.end_samples


@pytest.fixture
def vad() -> VadEngine:
    return load_vad(oracle_config().vad)


@pytest.fixture
def asr() -> AsrEngine:
    return load_asr(oracle_config().asr)


@pytest.fixture
def mt() -> BatchMtEngine:
    return load_mt(oracle_config().mt)


def test_vad_hears_speech_in_each_frame_that_a_word_touches(vad: VadEngine) -> None:
    request = VadRequest(VadState.initial(), audio(0, 40 * 512))
    vad.check(request)
    [answer] = vad.detect([request])
    spoken = {frame for frame, p in enumerate(answer.probabilities) if p > 0.5}
    assert spoken == {at // 512 for word in WORDS for at in range(*_stretch(word))}


def test_vad_knows_whose_audio_its_state_has_heard(vad: VadEngine) -> None:
    silence = VadRequest(VadState.initial(), audio(0, 512))
    ours = VadRequest(VadState.initial(), audio(0, 4_096))
    state = vad.detect([silence, ours])[1].state
    vad.detect([VadRequest(state, audio(4_096, 8_192))])
    theirs = audio(0, 4_096, [OracleWord(WordId(4, 0), 0, 4_096)])
    with pytest.raises(EngineError, match="state of session 3 came with session 4's audio"):
        vad.detect([VadRequest(state, theirs)])


@pytest.mark.parametrize(
    "samples",
    [audio(0, 0), audio(0, 513), audio(0, 512).astype(np.float64), audio(0, 512).reshape(2, -1)],
    ids=["none", "half a frame", "float64", "stereo"],
)
def test_vad_refuses_what_silero_would(vad: VadEngine, samples: Samples) -> None:
    with pytest.raises(EngineError):
        vad.check(VadRequest(VadState.initial(), samples))


def test_asr_says_the_whole_words_of_the_window_with_its_times(asr: AsrEngine) -> None:
    request = AsrRequest(audio(500, 18_000), None)
    asr.check(request)
    [hypothesis] = asr.transcribe([request])
    assert [(w.text, w.start_samples, w.end_samples) for w in hypothesis.words] == [
        (f" {A}", 500, 5_500),
        (f" {B}", 5_500, 10_503),
    ]
    assert hypothesis.language == "de"


@pytest.mark.parametrize(
    ("prefix", "begin", "said"),
    [
        (f" {A}", 0, [B, C]),
        (f"{A} {B}", 0, [C]),
        (f"{A} {B} {C}", 0, []),
        (f"{A} {B}", 7_000, [C]),
        (WordId(4, 0).text, 0, [A, B, C]),
    ],
    ids=["one", "two", "all", "before the window", "not in the audio"],
)
def test_asr_goes_on_after_the_prefix(
    asr: AsrEngine, prefix: str, begin: int, said: list[str]
) -> None:
    [hypothesis] = asr.transcribe([AsrRequest(audio(begin, 20_000), "de", prefix=prefix)])
    assert [word.text.strip() for word in hypothesis.words] == said


def test_asr_hears_nothing_in_silence(asr: AsrEngine) -> None:
    [hypothesis] = asr.transcribe([AsrRequest(audio(20_000, 40_000), None)])
    assert hypothesis.words == ()
    assert hypothesis.no_speech_probability == 1.0


@pytest.mark.parametrize(
    "samples",
    [audio(0, 512).astype(np.float64), np.zeros(MAX_WINDOW_SAMPLES + 1, dtype=np.float32)],
    ids=["float64", "too long"],
)
def test_asr_refuses_what_whisper_would(asr: AsrEngine, samples: Samples) -> None:
    with pytest.raises(EngineError):
        asr.check(AsrRequest(samples, "en"))


def test_an_unsure_asr_errs_in_the_newest_word_of_unfinished_windows_alone() -> None:
    asr = OracleAsr(OracleAsrSettings(unsure_rate=0.6, seed=5))
    windows = [AsrRequest(audio(0, end), None) for end in range(12_000, 18_000, 10)]
    hypotheses = asr.transcribe(windows)
    said = [tuple(word.text.strip() for word in h.words) for h in hypotheses]
    assert {words[:1] for words in said} == {(A,)}
    newest = [words[1] if len(words) > 1 else "" for words in said]
    wrong = [word for word in newest if word not in {B, ""}]
    assert 0.25 < newest.count("") / len(said) < 0.35
    assert 0.25 < len(wrong) / len(said) < 0.35
    assert len(set(wrong)) == len(wrong)
    assert all(WordId.of_text(word) is None for word in wrong)

    assert asr.transcribe(windows[::-1]) == hypotheses[::-1]
    finals = asr.transcribe([AsrRequest(w.samples, None, final=True) for w in windows])
    assert {tuple(word.text.strip() for word in h.words) for h in finals} == {(A, B)}


def test_mt_maps_each_word_in_order(mt: BatchMtEngine) -> None:
    request = MtRequest(f"{A} {B} {C}", "de", "es")
    mt.check(request)
    assert mt.translate([request])[0].text == f"t[es]{A} t[es]{B} t[es]{C}"


@pytest.mark.parametrize(
    ("source", "committed", "draft"),
    [
        ("a b", "", "t[es]a t[es]b"),
        ("a b", "t[es]a", "t[es]a t[es]b"),
        ("a b", "t[es]a t[es", "t[es]a t[es]b"),
        ("a b", "other", "other t[es]b"),
        ("a", "t[es]a t[es]b", "t[es]a t[es]b"),
        ("", "", ""),
    ],
)
def test_mt_goes_on_after_what_is_committed(
    mt: BatchMtEngine, source: str, committed: str, draft: str
) -> None:
    request = MtRequest(source, "de", "es", committed_target=committed)
    assert mt.translate([request])[0].text == draft


def test_an_unsure_mt_errs_at_the_end_of_open_sources_alone() -> None:
    mt = OracleMt(OracleMtSettings(unsure_rate=0.6, seed=5))
    sources = [f"{A} {B} c{i}" for i in range(600)]
    beginning = f"t[es]{A} t[es]{B}"
    requests = [MtRequest(source, "de", "es", f"t[es]{A}", open=True) for source in sources]
    drafts = [draft.text for draft in mt.translate(requests)]
    right = [f"{beginning} t[es]c{i}" for i in range(600)]
    assert all(draft.startswith(beginning) for draft in drafts)
    assert 0.4 < sum(map(str.__eq__, drafts, right)) / 600 < 0.6
    assert beginning in drafts
    assert mt.translate(requests[::-1])[0].text == drafts[-1]
    closed = mt.translate([MtRequest(source, "de", "es") for source in sources])
    assert [draft.text for draft in closed] == right


def test_mt_serves_the_languages_it_is_told() -> None:
    mt = OracleMt(OracleMtSettings(languages=("de", "en")))
    assert mt.info.languages == ("de", "en")
    mt.check(MtRequest("a", "de", "en"))
    with pytest.raises(EngineError, match="no glossary"):
        mt.check(MtRequest("a", "de", "en", glossary=(("a", "b"),)))
    for pair in (("de", "es"), ("es", "de"), ("de", "de")):
        with pytest.raises(UnsupportedLanguageError, match="between any two of de, en"):
            mt.check(MtRequest("a", *pair))


def test_delays_have_the_mean_and_the_deviation_of_the_settings() -> None:
    settings = OracleSettings(delay_ms=100, delay_jitter_ms=50, seed=1)
    disturbance = Disturbance(settings)
    delays_s = np.array([disturbance.next_delay_s() for _ in range(5_000)])
    assert delays_s.min() > 0
    assert abs(delays_s.mean() - 0.100) < 0.005
    assert abs(delays_s.std() - 0.050) < 0.005
    again = Disturbance(settings)
    assert [again.next_delay_s() for _ in range(5)] == delays_s[:5].tolist()
    assert Disturbance(OracleSettings(delay_ms=100)).next_delay_s() == 0.1


def test_a_batch_waits_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    asr = OracleAsr(OracleAsrSettings(delay_ms=80))
    asr.transcribe([AsrRequest(audio(0, 8_000), None)] * 7)
    asr.warm()
    assert slept == [0.08]


def test_a_share_of_requests_fails_each_for_itself() -> None:
    mt = OracleMt(OracleMtSettings(failure_rate=0.2, seed=3))

    def outcomes(engine: OracleMt) -> list[bool]:
        failed = []
        for _ in range(1_000):
            try:
                engine.check(MtRequest("a", "de", "en"))
                failed.append(False)
            except EngineError:
                failed.append(True)
        return failed

    failed = outcomes(mt)
    assert 160 < sum(failed) < 240
    assert outcomes(OracleMt(OracleMtSettings(failure_rate=0.2, seed=3))) == failed
    mt.translate([MtRequest("a", "de", "en")] * 100)


def test_jitter_without_a_delay_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="set that too"):
        OracleSettings(delay_jitter_ms=5)


def test_some_words_are_too_much() -> None:
    asr = OracleAsr(OracleAsrSettings(failing_words=(WORDS[1].word.text,)))
    assert len(asr.transcribe([AsrRequest(audio(0, 8_000), None)])[0].words) == 1
    with pytest.raises(EngineError, match="fail at a word"):
        asr.transcribe([AsrRequest(audio(0, 11_003), None)])
    mt = OracleMt(OracleMtSettings(failing_words=(WORDS[1].word.text,)))
    assert mt.translate([MtRequest(f"{A} {C}.", "de", "en")])
    with pytest.raises(EngineError, match="fail at a word"):
        mt.translate([MtRequest(f"{A} {B}, {C}.", "de", "en")])


def test_a_process_dies_of_a_word() -> None:
    code = (
        "from deployments.engines.oracle import suffer\n"
        "from deployments.engines.oracle_settings import OracleAsrSettings\n"
        "suffer(['good', 'bad,'], OracleAsrSettings(deadly_words=('bad',)))"
    )
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert died.returncode == 1
    assert b"told to die of a word" in died.stderr
