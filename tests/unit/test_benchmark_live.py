"""A paced stream over real HTTP: its events on the schedule of the audio."""

from __future__ import annotations

from benchmarks.live import listen
from benchmarks.measures import TimedText, word_lags_ms
from deployments.types import StageInfo
from serve_app.api.service import Service
from serve_app.client.options import StreamOptions
from serve_app.session import events as ev
from serve_app.session.audio import to_ms
from tests.support.doors import serving
from tests.support.oracle import EXACT, account_transcript, speak
from tests.support.oracle_stages import OraclePorts, oracle_config

ANY = StageInfo("oracle", "1", ())


async def test_events_come_on_the_schedule_of_the_audio() -> None:
    stream = speak(1, 5)
    config = oracle_config()
    service = Service(config, OraclePorts(config).ports, ANY, ANY)
    async with serving(service) as url:
        options = StreamOptions(targets=("de",), format="pcm_s16le")
        heard, lateness_ms = await listen(url, stream.pcm(), options)
    assert account_transcript([item.event for item in heard], stream) == EXACT
    spoken = [TimedText(word.text, to_ms(word.end_samples)) for word in stream.words]
    lags_ms = word_lags_ms(spoken, heard)
    assert len(lags_ms) == len(stream.words)
    assert min(lags_ms) > 0
    assert isinstance(heard[-1].event, ev.SessionClosed)
    assert heard[-1].audio_ms >= to_ms(stream.length_samples)
    assert len(lateness_ms) == -(-stream.length_samples // 320)
