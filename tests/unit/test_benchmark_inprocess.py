"""The simulated clock: what stages cost appears in the lags, and nowhere else."""

from __future__ import annotations

import pytest

from benchmarks.inprocess import Ask, Costs, Engines, fixed, free
from benchmarks.measures import Heard, translation_lags_ms
from deployments.types import AsrRequest
from serve_app.session import effects as fx
from serve_app.session import events as ev
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.oracle import EXACT, account_transcript, account_translation, speak
from tests.support.oracle_stages import oracle_config

STREAM = speak(3, 40)
PIECE_MS = 20


def listen(costs: Costs, asked: list[Ask] | None = None) -> list[Heard]:
    session = Session("s3", SessionOptions(targets=("de",)))
    watch = None if asked is None else asked.append
    return Engines(oracle_config()).stream(session, STREAM.pcm(), costs=costs, watch=watch)


def costs(vad_ms: float, asr_ms: float, mt_ms: float) -> Costs:
    return fixed({fx.Stage.VAD: vad_ms, fx.Stage.ASR: asr_ms, fx.Stage.MT: mt_ms})


def commits_ms(heard: list[Heard]) -> list[float]:
    return [item.audio_ms for item in heard if isinstance(item.event, ev.TranscriptCommitted)]


def windows(asked: list[Ask]) -> list[AsrRequest]:
    return [ask.request for ask in asked if isinstance(ask, fx.RunAsr)]


@pytest.mark.parametrize("spent", [free, costs(3, 40, 25), costs(200, 900, 2_000)])
def test_everything_is_told_once_and_in_order_whatever_it_costs(spent: Costs) -> None:
    heard = listen(spent)
    told = [item.event for item in heard]
    assert account_transcript(told, STREAM) == EXACT
    assert account_translation(told, STREAM, "de") == EXACT
    assert isinstance(told[-1], ev.SessionClosed)
    times = [item.audio_ms for item in heard]
    assert times == sorted(times)


def test_free_stages_answer_on_the_piece_that_asked() -> None:
    heard = listen(free)
    length_ms = STREAM.length_samples / 16
    assert all(at % PIECE_MS == 0 or at == length_ms for at in commits_ms(heard))
    assert set(translation_lags_ms(heard)) == {0.0}


def test_a_stage_that_takes_its_time_delays_what_it_answers_by_that() -> None:
    quick, slow = listen(free), listen(costs(0, 70, 30))
    assert commits_ms(slow) == [at + 70 for at in commits_ms(quick)]
    assert set(translation_lags_ms(slow)) == {30.0}


def test_a_slow_recogniser_is_asked_less_often() -> None:
    quick: list[Ask] = []
    slow: list[Ask] = []
    listen(costs(0, 1, 0), quick)
    listen(costs(0, 1_000, 0), slow)
    assert len(windows(slow)) < len(windows(quick)) / 2
