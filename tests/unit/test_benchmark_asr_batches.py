"""The same windows, in batches of every size."""

from __future__ import annotations

from benchmarks.asr_batches import in_batches, measure
from benchmarks.asr_cost import together, traces
from benchmarks.inprocess import Engines
from deployments.asr import load_engine
from tests.support.oracle import speak
from tests.support.oracle_stages import oracle_config


def test_every_size_decodes_the_same_windows_to_the_same_words() -> None:
    config = oracle_config()
    asked = traces(Engines(config), [speak(number, 12).pcm() for number in range(4)])
    windows = [window for batch in together(asked) for window in batch]
    assert [len(batch) for batch in in_batches(windows[:10], 4)] == [4, 4]

    rows = measure(load_engine(config.asr), windows, [1, 4], rounds=1)
    assert [row.batch_size for row in rows] == [1, 4]
    assert [row.windows for row in rows] == [len(windows) // 4 * 4] * 2
    assert [row.same_text_percent for row in rows] == [100, 100]
    assert all(row.audio_s_per_s > 0 for row in rows)
