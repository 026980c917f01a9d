"""Whole files through scripted stages: text, times, order, bounds, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from deployments.engines.oracle_audio import OracleWord, WordId, encode
from deployments.types import AsrRequest, EngineError, Hypothesis, VadAnswer, VadRequest
from serve_app.errors import BusyError, TooLargeError
from serve_app.files.pipeline import FileDesk, FileJob, FileLimits, FileRun
from serve_app.files.plan import PlanOptions
from serve_app.files.transcript import FileSegment, Transcript
from serve_app.runner import Ports
from serve_app.session.audio import to_ms
from tests.support.doors import ScriptedPort
from tests.support.oracle import speak
from tests.support.oracle_stages import OraclePorts, oracle_config
from tests.support.scripted import Script, Spoken, cut


def sentences(count: int) -> Script:
    """Two words every three seconds."""
    words = [
        word
        for i in range(count)
        for word in (
            Spoken(f"say{i}", 3_000 * i + 500, 3_000 * i + 900),
            Spoken(f"it{i}.", 3_000 * i + 900, 3_000 * i + 1_200),
        )
    ]
    return Script(words, length_ms=3_000 * count)


async def pieces(pcm: bytes, size: int = 50_000) -> AsyncGenerator[bytes, None]:
    for piece in cut(pcm, size):
        yield piece


def desk(port: ScriptedPort, limits: FileLimits | None = None) -> FileDesk:
    return FileDesk(Ports(port, port, port), limits or FileLimits())


async def transcribed(
    at: FileDesk, pcm: bytes, job: FileJob | None = None, size: int = 50_000
) -> Transcript:
    run = FileRun(at, job or FileJob(), pieces(pcm, size))
    async with aclosing(run.segments()) as segments:
        told = [segment async for segment in segments]
    return Transcript(tuple(told), run.duration_samples)


def told(transcript: Transcript) -> list[tuple[str, int, int]]:
    return [(s.shown, to_ms(s.start), to_ms(s.end)) for s in transcript.segments]


async def test_text_and_times_are_those_of_the_file() -> None:
    script = sentences(40)
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm())
    assert told(transcript) == [
        (f"say{i} it{i}.", 3_000 * i + 500, 3_000 * i + 1_200) for i in range(40)
    ]
    assert transcript.duration_s == 120.0
    assert all(request.final for request in script.requests)


@pytest.mark.parametrize("size", [999, 32_000, 10_000_000])
async def test_a_file_may_be_read_in_any_pieces(size: int) -> None:
    script = sentences(5)
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm(), size=size)
    assert [text for text, _, _ in told(transcript)] == [f"say{i} it{i}." for i in range(5)]


async def test_full_windows_say_the_same_as_single_utterances() -> None:
    script = sentences(20)
    apart = await transcribed(desk(ScriptedPort(script)), script.pcm())
    calls = len(script.requests)
    together = await transcribed(
        desk(ScriptedPort(script)), script.pcm(), FileJob(plan=PlanOptions(fill_ms=28_000))
    )
    assert told(together) == told(apart)
    assert len(script.requests) - calls == 3


async def test_every_word_of_an_oracle_stream_with_its_own_times() -> None:
    stream = speak(3, 300, seed=5)
    ports = OraclePorts(oracle_config())
    run = FileRun(
        FileDesk(ports.ports, FileLimits()),
        FileJob(target="de", plan=PlanOptions(fill_ms=12_000)),
        pieces(stream.pcm()),
    )
    segments = [segment async for segment in run.segments()]
    heard = [word for segment in segments for word in segment.words]
    assert [WordId.of_text(word.text.strip()) for word in heard] == [w.word for w in stream.words]
    assert [(w.start_samples, w.end_samples) for w in heard] == [
        (w.start_samples, w.end_samples) for w in stream.words
    ]
    translated = " ".join(segment.shown for segment in segments).split()
    assert len(translated) == len(stream.words)


async def test_speech_without_a_pause_is_heard_whole() -> None:
    words = [OracleWord(WordId(1, i), 9_600 * i, 9_600 * (i + 1) - 1_600, "en") for i in range(120)]
    pcm = encode(words, 0, 9_600 * 120).astype("<i2").tobytes()
    run = FileRun(
        FileDesk(OraclePorts(oracle_config()).ports, FileLimits()), FileJob(), pieces(pcm)
    )
    heard = [word async for segment in run.segments() for word in segment.words]
    assert [WordId.of_text(word.text.strip()) for word in heard] == [w.word for w in words]


async def test_translations_go_with_their_segments() -> None:
    script = sentences(3)
    job = FileJob(target="de")
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm(), job)
    assert transcript.text == "<de>say0 it0. <de>say1 it1. <de>say2 it2."
    same = await transcribed(desk(ScriptedPort(script)), script.pcm(), replace(job, target="en"))
    assert same.text == "say0 it0. say1 it1. say2 it2."


async def test_what_is_known_of_the_language_goes_to_the_recogniser() -> None:
    script = sentences(2)
    job = FileJob(languages=("de", "es"), context="Zürich")
    await transcribed(desk(ScriptedPort(script)), script.pcm(), job)
    asked = {(r.language, r.languages, r.context) for r in script.requests}
    assert asked == {(None, ("de", "es"), "Zürich")}


class Slow(ScriptedPort):
    """Answers each later request of a handful sooner, and counts those that wait."""

    def __init__(self, script: Script, handful: int) -> None:
        super().__init__(script)
        self.handful = handful
        self.asked = self.waiting = self.most = 0

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        place = self.asked % self.handful
        self.asked += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        for _ in range(100 * (self.handful - place)):
            await asyncio.sleep(0)
        self.waiting -= 1
        return await super().transcribe(request)


class Silent(ScriptedPort):
    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        await asyncio.Event().wait()
        raise AssertionError


async def test_many_windows_are_in_flight_and_come_back_in_order() -> None:
    script = sentences(24)
    port = Slow(script, handful=8)
    transcript = await transcribed(desk(port, FileLimits(max_windows=8)), script.pcm())
    assert [text for text, _, _ in told(transcript)] == [f"say{i} it{i}." for i in range(24)]
    assert port.most == 8


async def test_files_share_the_windows_in_flight() -> None:
    port = Slow(sentences(12), handful=4)
    at = desk(port, FileLimits(max_windows=4))
    texts = await asyncio.gather(*(transcribed(at, sentences(12).pcm()) for _ in range(3)))
    assert len({transcript.text for transcript in texts}) == 1
    assert port.most == 4


async def test_segments_come_before_the_file_is_read_to_its_end() -> None:
    script = sentences(30)
    fed = 0

    async def counted() -> AsyncGenerator[bytes, None]:
        nonlocal fed
        for piece in cut(script.pcm(), 32_000):
            fed += len(piece)
            yield piece

    run = FileRun(desk(ScriptedPort(script), FileLimits(max_windows=2)), FileJob(), counted())
    async with aclosing(run.segments()) as segments:
        first = await anext(segments)
    assert first.text == "say0 it0."
    assert fed < len(script.pcm())


async def test_a_reader_that_leaves_leaves_nothing_behind() -> None:
    script = sentences(30)
    before = asyncio.all_tasks()
    run = FileRun(desk(Slow(script, handful=4)), FileJob(), pieces(script.pcm()))
    async with aclosing(run.segments()) as segments:
        await anext(segments)
    assert asyncio.all_tasks() == before


class Raving(ScriptedPort):
    """Says the same over and over where a window has more than one utterance."""

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        heard = await super().transcribe(request)
        return replace(heard, words=heard.words * 20) if len(heard.words) > 2 else heard


async def test_a_window_that_is_not_believed_is_heard_again_in_parts() -> None:
    script = sentences(6)
    job = FileJob(plan=PlanOptions(fill_ms=28_000))
    transcript = await transcribed(desk(Raving(script)), script.pcm(), job)
    assert [text for text, _, _ in told(transcript)] == [f"say{i} it{i}." for i in range(6)]


class Mad(ScriptedPort):
    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        heard = await super().transcribe(request)
        return replace(heard, words=heard.words * 20)


async def test_an_utterance_that_is_not_believed_is_left_out() -> None:
    script = sentences(2)
    assert (await transcribed(desk(Mad(script)), script.pcm())).segments == ()


async def test_more_audio_than_allowed_is_refused() -> None:
    script = sentences(4)
    limits = FileLimits(max_audio_s=12)
    exact = await transcribed(desk(ScriptedPort(script), limits), script.pcm())
    assert exact.duration_s == 12.0
    with pytest.raises(TooLargeError, match="12 s") as caught:
        await transcribed(desk(ScriptedPort(script), limits), script.pcm() + b"\0\0")
    assert caught.value.status == 413


class Broken(ScriptedPort):
    async def detect(self, request: VadRequest) -> VadAnswer:
        raise EngineError("no voice")


async def test_a_stage_that_fails_fails_the_file() -> None:
    script = sentences(1)
    with pytest.raises(EngineError, match="no voice"):
        await transcribed(desk(Broken(script)), script.pcm())


async def test_a_stage_that_is_silent_fails_the_file() -> None:
    script = sentences(1)
    with pytest.raises(TimeoutError):
        await transcribed(desk(Silent(script), FileLimits(stage_timeout_s=0.05)), script.pcm())


def test_one_file_too_many_is_told_to_come_back() -> None:
    at = desk(ScriptedPort(sentences(1)), FileLimits(max_files=2))
    with at.admitted():
        with at.admitted(), pytest.raises(BusyError, match="2 files") as caught, at.admitted():
            pass
        with at.admitted():
            assert caught.value.headers == {"retry-after": "5"}


async def test_silence_has_no_text() -> None:
    script = Script([], length_ms=60_000)
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm())
    assert (transcript.text, transcript.languages, transcript.duration_s) == ("", (), 60.0)
    assert script.requests == []


def test_an_empty_segment_adds_no_space() -> None:
    segment = FileSegment("Oh.", "en", (), 0.0, 0.0, 0, translation="", target="de")
    assert segment.spaced == ""


@pytest.mark.parametrize("fill_ms", [0, 28_000])
async def test_speech_too_fast_for_one_decode_is_heard_to_its_end(fill_ms: int) -> None:
    script = sentences(30)
    script.most_words = 7
    job = FileJob(plan=PlanOptions(fill_ms=fill_ms))
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm(), job)
    assert transcript.text == " ".join(f"say{i} it{i}." for i in range(30))
    starts = [to_ms(word.start_samples) for s in transcript.segments for word in s.words]
    assert starts == [3_000 * i + at for i in range(30) for at in (500, 900)]


async def test_a_window_that_stays_full_at_its_first_word_ends_nevertheless() -> None:
    script = sentences(1)
    script.most_words = 0
    transcript = await transcribed(desk(ScriptedPort(script)), script.pcm())
    assert transcript.text == ""
