"""A whole file over REST against bare faster-whisper: same file, same model, same run.

The two take turns, and bare faster-whisper may use every core. Neither is told the language; both
decode with five beams and give word times.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from faster_whisper import WhisperModel

from benchmarks.environment import ROOT
from benchmarks.report import parser_of, tell, write
from deployments.models import ModelChoice, resolve
from serve_app.client.audio import open_source, read_pcm
from serve_app.client.options import StreamOptions
from serve_app.client.samples import Sample, load_samples
from serve_app.client.server import child_server

BEAMS = 5
SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class Turn:
    """Both on the file, once."""

    audio_s: float
    rest_s: float
    bare_s: float

    @property
    def relative_speed(self) -> float:
        """Of REST, where bare faster-whisper is 1."""
        return self.bare_s / self.rest_s


def write_wav(path: Path, samples: Sequence[Sample], repeats: int) -> float:
    """The samples one after the other, `repeats` times; returns the length in seconds."""
    pcm = b"".join(piece for sample in samples for piece in read(sample)) * repeats
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(pcm)
    return len(pcm) / 2 / SAMPLE_RATE_HZ


def read(sample: Sample) -> list[bytes]:
    """16-bit mono PCM at 16 kHz."""
    with open_source(str(sample.path)) as source:
        return list(read_pcm(source, StreamOptions()))


async def rest_s(url: str, path: Path) -> float:
    """Seconds for one request, upload and answer included."""
    began = time.perf_counter()
    with path.open("rb") as file:
        form = aiohttp.FormData({"model": "whisper-1", "response_format": "verbose_json"})
        form.add_field("timestamp_granularities[]", "word")
        form.add_field("file", file, filename=path.name)
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(f"{url}/v1/audio/transcriptions", data=form) as answer,
        ):
            answer.raise_for_status()
            await answer.json()
    return time.perf_counter() - began


def bare_s(model: WhisperModel, path: Path) -> float:
    """Seconds for faster-whisper alone."""
    began = time.perf_counter()
    segments, _ = model.transcribe(str(path), beam_size=BEAMS, word_timestamps=True)
    list(segments)
    return time.perf_counter() - began


async def run(arguments: argparse.Namespace) -> list[Turn]:
    """All turns, against one server."""
    path = resolve(ModelChoice(arguments.model, "asr")).path
    model = WhisperModel(str(path), device="cpu", compute_type="int8")
    turns = []
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "speech.wav"
        audio_s = write_wav(file, load_samples(arguments.samples), arguments.repeats)
        async with child_server(arguments.config, arguments.port, tell) as server:
            for _ in range(arguments.turns):
                over_rest_s = await rest_s(server.url, file)
                alone_s = await asyncio.to_thread(bare_s, model, file)
                turns.append(Turn(round(audio_s, 1), round(over_rest_s, 2), round(alone_s, 2)))
                tell(_line(turns[-1]))
    return turns


def main() -> None:
    """Measure, show, and write JSON where asked to."""
    parser = parser_of("files", __doc__)
    parser.add_argument("--repeats", type=int, default=2, help="of all samples, in the file")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--model", default="dragoman-asr", help="the one that the config serves")
    parser.add_argument("--samples", type=Path, default=ROOT / "samples")
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    turns = asyncio.run(run(arguments))
    write(
        arguments.out,
        "files",
        {"rows": [{**asdict(t), "relative_speed": round(t.relative_speed, 2)} for t in turns]},
    )


def _line(turn: Turn) -> str:
    return (
        f"{turn.audio_s:.0f} s of audio: REST {turn.rest_s:.1f} s, faster-whisper alone "
        f"{turn.bare_s:.1f} s, relative speed {turn.relative_speed:.2f}"
    )


if __name__ == "__main__":
    main()
