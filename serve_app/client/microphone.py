"""Recording by the system's own recorder: `arecord` on Linux, FFmpeg elsewhere or without it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from serve_app.client.errors import UsageError
from serve_app.client.pacing import PIECE_BYTES
from serve_app.session.audio import BYTES_PER_SAMPLE

STOP_TIMEOUT_S = 2.0
MAX_COMPLAINT_BYTES = 2_000


class MicrophoneError(UsageError):
    """There is nothing to record with, or it does not record."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A program that writes 16 kHz mono 16-bit PCM to its standard output."""

    program: str
    platform: str
    """As sys.platform begins."""
    arguments: tuple[str, ...]
    """`{device}` stands for the device."""
    devices: str
    """The command that lists the devices."""
    install: str
    """The command that installs it."""

    def command(self, device: str) -> list[str]:
        """What to run."""
        return [self.program, *(part.format(device=device) for part in self.arguments)]


_FFMPEG = ("-nostdin", "-hide_banner", "-loglevel", "error", "-fflags", "nobuffer")
_RAW = ("-ac", "1", "-ar", "16000", "-f", "s16le", "-flush_packets", "1", "pipe:1")

RECORDERS = (
    Recorder(
        "arecord", "linux",
        # Without a period of its own, arecord hands over audio every 125 ms.
        ("-q", "-D", "{device}", "-t", "raw", "-f", "S16_LE", "-r", "16000", "-c", "1",
         "--period-time=20000", "--buffer-time=500000"),
        "arecord -L", "apt-get install alsa-utils",
    ),
    Recorder(
        "ffmpeg", "linux",
        (*_FFMPEG, "-f", "pulse", "-i", "{device}", *_RAW),
        "pactl list short sources", "apt-get install ffmpeg",
    ),
    Recorder(
        "ffmpeg", "darwin",
        (*_FFMPEG, "-f", "avfoundation", "-i", ":{device}", *_RAW),
        'ffmpeg -f avfoundation -list_devices true -i ""', "brew install ffmpeg",
    ),
)  # fmt: skip
"""The first that is installed is used."""

DEFAULT_DEVICE = "default"


def find_recorder(platform: str = sys.platform) -> Recorder:
    """Raises MicrophoneError."""
    fitting = [one for one in RECORDERS if platform.startswith(one.platform)]
    for recorder in fitting:
        if shutil.which(recorder.program):
            return recorder
    if not fitting:
        raise MicrophoneError(
            f"Recording is not supported on {platform}. Record with another program and pipe it: "
            "ffmpeg ... -f wav - | dragoman translate -"
        )
    programs = " or ".join(one.program for one in fitting)
    raise MicrophoneError(
        f"There is no {programs} to record with. Install one, for example: {fitting[0].install}"
    )


class Microphone:
    """A recorder at work."""

    def __init__(self, recorder: Recorder, device: str, process: Process, log: BinaryIO) -> None:
        self._recorder = recorder
        self._device = device
        self._process = process
        self._log = log
        self.stopped = False
        """Whether `stop` was called."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self._device} ({self._recorder.program})"

    def stop(self) -> None:
        """Record no more; `pieces` comes to its end."""
        self.stopped = True
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def release(self) -> None:
        """Stop, and wait until the device is free."""
        self.stop()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """16 kHz mono 16-bit PCM until `stop`; raises MicrophoneError where it ends by itself."""
        rest = b""
        while data := await self._read():
            data = rest + data
            whole = len(data) - len(data) % BYTES_PER_SAMPLE
            rest = data[whole:]
            yield data[:whole]
        if not self.stopped:
            raise self._ended()

    async def _read(self) -> bytes:
        output = self._process.stdout
        return await output.read(PIECE_BYTES) if output else b""

    def _ended(self) -> MicrophoneError:
        self._log.seek(0)
        complaint = self._log.read(MAX_COMPLAINT_BYTES).decode(errors="replace").strip()
        said = f": {complaint}" if complaint else ""
        return MicrophoneError(
            f"{self._recorder.program} stopped recording from {self._device!r}{said}. Choose "
            f"another microphone with --device; `{self._recorder.devices}` lists them."
        )


@asynccontextmanager
async def recording(recorder: Recorder, device: str) -> AsyncIterator[Microphone]:
    """The recorder, from its start until the device is free again."""
    # A file, because nobody reads while it records, and a full pipe would stop it.
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *recorder.command(device),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            # Ctrl-C in the terminal is for us; what was recorded until then is still read.
            start_new_session=True,
        )
        microphone = Microphone(recorder, device, process, log)
        try:
            yield microphone
        finally:
            await microphone.release()
