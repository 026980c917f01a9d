"""Raw samples, laid out as the client says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serve_app.decode.g711 import A_LAW, MU_LAW
from serve_app.decode.resample import Resampler
from serve_app.errors import InvalidAudioError, TooLargeError

RATES_HZ = range(8_000, 96_001)
CHANNELS = range(1, 9)

_FULL_SCALE = {
    "u8": np.float32(2**7),
    "s16": np.float32(2**15),
    "s24": np.float32(2**23),
    "s32": np.float32(2**31),
}
_WIDTH_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8, "mulaw": 1, "alaw": 1}


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """What audio this server takes, within what it could, and what decoding it may cost."""

    min_rate_hz: int = RATES_HZ.start
    max_rate_hz: int = RATES_HZ.stop - 1
    max_channels: int = CHANNELS.stop - 1
    max_s: int | None = None
    """Length of a file; a live stream has other bounds."""
    decoder_bytes: int = 256 << 20
    """Memory that one decoder may take beyond what it starts with."""
    decoder_cpu_s: int = 30
    """CPU time that one decoder may take beyond a tenth of the audio that it gave."""

    def require(self, rate_hz: int, channels: int) -> None:
        """Raise InvalidAudioError for audio outside them."""
        if not self.min_rate_hz <= rate_hz <= self.max_rate_hz:
            raise InvalidAudioError(
                f"A sample rate of {rate_hz} Hz is not served: resample to between "
                f"{self.min_rate_hz} (limits.min_rate_hz) and {self.max_rate_hz} Hz "
                "(limits.max_rate_hz), best 16000.",
                param="rate",
                code="unsupported_rate",
            )
        if not 1 <= channels <= self.max_channels:
            raise InvalidAudioError(
                f"{channels} channels are not served: send 1 to {self.max_channels} "
                "(limits.max_channels); they are mixed down to one.",
                param="channels",
                code="unsupported_channels",
            )

    def require_length(self, audio_s: float) -> None:
        """Raise TooLargeError for a file with more audio than that."""
        if self.max_s is not None and audio_s > self.max_s:
            raise too_long(self.max_s)


def too_long(most_s: int) -> TooLargeError:
    """What a client is told whose file holds too much audio."""
    return TooLargeError(
        f"The file holds more than {most_s} s of audio, the most this server takes "
        "(limits.file_audio_s); cut it into parts.",
        param="file",
        code="audio_too_long",
    )


ANY_AUDIO = AudioLimits()
"""All that can be served."""


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """How samples lie in the bytes; little-endian, channels interleaved."""

    rate_hz: int = 16_000
    channels: int = 1
    sample: str = "s16"
    """One of u8, s16, s24, s32, f32, f64, mulaw, alaw."""

    def __post_init__(self) -> None:
        ANY_AUDIO.require(self.rate_hz, self.channels)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return _WIDTH_BYTES[self.sample] * self.channels


class PcmDecoder:
    """Bytes of one layout, cut anywhere, to 16 kHz mono."""

    def __init__(self, layout: PcmLayout) -> None:
        self._layout = layout
        self._rest = b""
        self._resampler = Resampler(layout.rate_hz)

    def feed(self, data: bytes) -> bytes:
        """What the bytes so far complete; a frame cut in two waits for its other half."""
        data = self._rest + data
        whole = len(data) - len(data) % self._layout.frame_bytes
        self._rest = data[whole:]
        return self._resampler.feed(_to_mono(data[:whole], self._layout))

    def finish(self) -> bytes:
        """The end of the audio; half a frame at the very end is not a sample."""
        return self._resampler.finish()


async def decode_pcm(body: AsyncIterator[bytes], layout: PcmLayout) -> AsyncIterator[bytes]:
    """A body of raw samples."""
    decoder = PcmDecoder(layout)
    async for piece in body:
        yield decoder.feed(piece)
    yield decoder.finish()


def _to_mono(data: bytes, layout: PcmLayout) -> NDArray[np.float32]:
    samples = _to_float(data, layout.sample)
    if layout.channels == 1:
        return samples
    mono: NDArray[np.float32] = samples.reshape(-1, layout.channels).mean(axis=1, dtype=np.float32)
    return mono


def _to_float(data: bytes, sample: str) -> NDArray[np.float32]:
    match sample:
        case "f32" | "f64":
            floats = np.frombuffer(data, dtype="<f4" if sample == "f32" else "<f8")
            # Before anything is computed with them: there are numbers that overflow in a filter.
            clipped: NDArray[np.float32] = np.clip(np.nan_to_num(floats), -1, 1).astype(np.float32)
            return clipped
        case "mulaw" | "alaw":
            table = MU_LAW if sample == "mulaw" else A_LAW
            levels: NDArray[np.float32] = table[np.frombuffer(data, dtype=np.uint8)]
            return levels
        case "u8":
            integers = np.frombuffer(data, dtype=np.uint8).astype(np.float32) - np.float32(128)
        case "s24":
            integers = _int24(data).astype(np.float32)
        case "s16" | "s32":
            integers = np.frombuffer(data, dtype=f"<i{_WIDTH_BYTES[sample]}").astype(np.float32)
        case _:
            raise ValueError(f"unknown sample layout {sample!r}")
    return integers / _FULL_SCALE[sample]


def _int24(data: bytes) -> NDArray[np.int32]:
    """Three bytes to the upper three of four, then down: the shift keeps the sign."""
    wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
    wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
    return wide.view("<i4").reshape(-1) >> 8
