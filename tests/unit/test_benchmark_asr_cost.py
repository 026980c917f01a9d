"""How windows of several streams are put together, and texts compared."""

from __future__ import annotations

import numpy as np

from benchmarks.asr_cost import decode, one_by_one, same_text, together, traces
from benchmarks.inprocess import Engines
from deployments.asr import load_engine
from deployments.types import AsrRequest
from tests.support.oracle import speak
from tests.support.oracle_stages import oracle_config


def window(length: int) -> AsrRequest:
    return AsrRequest(np.zeros(length, np.float32), "en")


def test_streams_that_update_at_once_are_one_batch_until_they_end() -> None:
    a, b, c, d = (window(length) for length in (1, 2, 3, 4))
    assert together([[a, b, c], [d]]) == [[a, d], [b], [c]]
    assert one_by_one([[a, b, c], [d]]) == [[a], [d], [b], [c]]


def test_what_sessions_ask_is_answered_alike_alone_and_in_batches() -> None:
    config = oracle_config()
    streams = traces(Engines(config), [speak(number, 12).pcm() for number in range(3)])
    assert all(streams)
    engine = load_engine(config.asr)
    alone, _ = decode(engine, one_by_one(streams))
    batched, _ = decode(engine, together(streams))
    assert same_text(alone, batched) == 100
    assert same_text(alone, batched[::-1]) < 100
