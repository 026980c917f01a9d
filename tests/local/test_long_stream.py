"""A stream of hours: every word once, and no memory that grows with what has been said.

The oracle engines and one session on a simulated clock, as fast as they go. The events lie on disk
until they are counted, so that what grows is the session's own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inprocess import Engines, Simulation, fixed
from serve_app.session import effects as fx
from serve_app.session.audio import to_samples
from serve_app.session.events import to_wire
from serve_app.session.options import SessionOptions
from serve_app.session.session import Session
from tests.support.oracle import (
    EXACT,
    OracleStream,
    Wire,
    account_transcript,
    account_translation,
    speak,
)
from tests.support.oracle_stages import oracle_config

pytestmark = pytest.mark.local

WORDS_A_MINUTE = 90
PIECE_SAMPLES = to_samples(100)
COSTS = fixed({fx.Stage.VAD: 3, fx.Stage.ASR: 40, fx.Stage.MT: 30})
MAX_GROWTH_BYTES = 1024 * 1024
"""Less than a minute of a stream's audio, or the events of ten."""
KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident bytes, once for each minute of audio."""

    resident: list[int]

    @property
    def growth(self) -> float:
        """From the second quarter of the stream to its last; in the first the engines warm up."""
        quarters = np.array_split(np.array(self.resident), 4)
        return float(np.median(quarters[3]) - np.median(quarters[1]))

    @property
    def slope_kib_per_hour(self) -> float:
        """Least squares, after the first quarter."""
        settled = self.resident[len(self.resident) // 4 :]
        return float(np.polyfit(np.arange(len(settled)), settled, 1)[0]) * 60 / KIB


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("minutes", [12, pytest.param(120, marks=pytest.mark.slow)])
def test_a_long_stream_loses_nothing_and_keeps_nothing(tmp_path: Path, minutes: int) -> None:
    stream = speak(1, WORDS_A_MINUTE * minutes)
    assert stream.length_samples > to_samples(60_000 * minutes)
    events = tmp_path / "events.jsonl"
    began_s = time.monotonic()
    memory = listen(stream, events)
    speed = stream.length_samples / to_samples(1_000) / (time.monotonic() - began_s)
    heard = account_transcript(read(events), stream)
    read_in_german = account_translation(read(events), stream, "de")
    print(  # noqa: T201 - the figures, shown with -s
        f"\n{minutes} minutes at {speed:.0f} times real time, {len(stream.words)} words: "
        f"{len(heard.lost)} lost, {len(heard.doubled)} doubled; memory grew by "
        f"{memory.growth / KIB:.0f} KiB, {memory.slope_kib_per_hour:.0f} KiB an hour"
    )
    assert heard == EXACT
    assert read_in_german == EXACT
    assert memory.growth < MAX_GROWTH_BYTES


def listen(stream: OracleStream, events: Path) -> Memory:
    """Run the stream through one session; its events go to disk as they are told."""
    engines = Engines(oracle_config(asr={"unsure_rate": 0.3, "seed": 1}))
    session = Session("s1", SessionOptions(targets=("de",)))
    resident: list[int] = []
    with events.open("w") as file:
        simulation = Simulation(engines, session, COSTS)
        for heard in simulation.run(stream.pieces(PIECE_SAMPLES)):
            file.write(json.dumps(to_wire(0, heard.event)) + "\n")
            if heard.audio_ms >= 60_000 * (len(resident) + 1):
                resident.append(resident_bytes())
    return Memory(resident)


def read(events: Path) -> Iterator[Wire]:
    with events.open() as file:
        yield from map(json.loads, file)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
