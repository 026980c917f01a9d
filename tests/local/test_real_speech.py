"""What a human says, to models that were made for something else: no rule is broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.inprocess import Engines
from serve_app.client.audio import open_source, read_pcm
from serve_app.client.options import StreamOptions
from serve_app.config import SessionSettings
from serve_app.session import events as ev
from serve_app.session.session import Session

SHARED = Path(__file__).parents[3] / "shared" / "data"
JFK = Path(os.environ.get("DRAGOMAN_SPEECH", SHARED)) / "jfk.flac"
PHRASES_MS = [(300, 2_200), (3_300, 4_300), (5_400, 7_600), (8_200, 10_500)]
"""The four phrases of the recording, to a few tenths of a second."""


@pytest.mark.skipif(not JFK.exists(), reason=f"there is no {JFK.name} in DRAGOMAN_SPEECH")
def test_human_speech_is_cut_into_its_phrases_and_breaks_no_rule() -> None:
    with open_source(str(JFK)) as source:
        pcm = b"".join(read_pcm(source, StreamOptions()))
    options = SessionSettings().options(None, ("de", "en"), partials=True)
    told = [one.event for one in Engines().stream(Session("s", options), pcm)]

    starts = [event.at_ms for event in told if isinstance(event, ev.SpeechStarted)]
    stops = [event.at_ms for event in told if isinstance(event, ev.SpeechStopped)]
    assert starts == [pytest.approx(start_ms, abs=300) for start_ms, _ in PHRASES_MS]
    assert stops == [pytest.approx(end_ms, abs=300) for _, end_ms in PHRASES_MS]

    committed = [event for event in told if isinstance(event, ev.TranscriptCommitted)]
    words = [word for event in committed for word in event.words]
    times = [(word.start_ms, word.end_ms) for word in words]
    assert times == sorted(times)
    closed = [event.segment_id for event in committed if event.closed]
    assert closed == list(dict.fromkeys(event.segment_id for event in committed))
    for target in ("de", "en"):
        done = [
            event.segment_id
            for event in told
            if isinstance(event, ev.TranslationCommitted)
            and event.target == target
            and event.closed
        ]
        assert done == closed
    assert isinstance(told[-1], ev.SessionClosed)
    assert told[-1].reason == "completed"
