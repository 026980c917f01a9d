"""A small file for each container and encoding served: `python -m tests.fuzz.make_corpus`.

What PyAV's encoders write is the same every time for one version of FFmpeg, but for what names it.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np

CORPUS = Path(__file__).parent / "corpus"
RATE_HZ = 48_000
SECONDS = 0.3

CONTAINERS = {
    "flac.flac": ("flac", "flac", {}),
    "opus.ogg": ("ogg", "libopus", {}),
    "vorbis.ogg": ("ogg", "vorbis", {}),
    "flac.ogg": ("ogg", "flac", {}),
    "opus.webm": ("webm", "libopus", {}),
    "live-opus.webm": ("webm", "libopus", {"live": "1", "cluster_time_limit": "100"}),
    "vorbis.webm": ("webm", "vorbis", {}),
    "aac.mkv": ("matroska", "aac", {}),
    "mp3.mkv": ("matroska", "mp3", {}),
    "flac.mkv": ("matroska", "flac", {}),
    "s16.mkv": ("matroska", "pcm_s16le", {}),
    "f32.mkv": ("matroska", "pcm_f32le", {}),
    "mp3.mp3": ("mp3", "mp3", {}),
    "aac.m4a": ("mp4", "aac", {}),
    "fragments.m4a": ("mp4", "aac", {"movflags": "empty_moov+frag_keyframe"}),
    "alac.m4a": ("mp4", "alac", {}),
    "aac.aac": ("adts", "aac", {}),
}
SAMPLES = {
    "u8": (1, 8),
    "s16": (1, 16),
    "s24": (1, 24),
    "s32": (1, 32),
    "f32": (3, 32),
    "f64": (3, 64),
}
FULL_SCALE = {"u8": 127, "s16": 2**15 - 1, "s24": 2**23 - 1, "s32": 2**31 - 128}


def tone(rate_hz: int) -> np.ndarray:
    """A little more than one sine, so that no encoder has it too easy."""
    at = np.arange(int(SECONDS * rate_hz)) / rate_hz
    return 0.4 * np.sin(2 * np.pi * 440 * at) + 0.1 * np.sin(2 * np.pi * 1_700 * at * (1 + at))


def contained(name: str, codec: str, options: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with av.open(out, mode="w", format=name, options=options) as media:
        rate_hz = RATE_HZ if codec in {"libopus", "vorbis", "aac", "mp3"} else 16_000
        # FFmpeg's own Vorbis encoder is experimental, and knows two channels only.
        layout = "stereo" if codec == "vorbis" else "mono"
        stream = media.add_stream(codec, rate=rate_hz, layout=layout)
        stream.codec_context.options = {"strict": "experimental"}
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(
            tone(rate_hz).astype(np.float32).reshape(1, -1), format="flt", layout="mono"
        )
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or 1_024,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            # With an empty packet FLAC tells at its end what it has learnt: its own file only.
            media.mux([packet for packet in stream.encode(part) if packet.size or name == "flac"])
    return out.getvalue()


def wav(sample: str, channels: int = 1) -> bytes:
    tag, bits = SAMPLES[sample]
    samples = np.repeat(tone(16_000), channels)
    if sample in FULL_SCALE:
        whole = np.rint(samples * FULL_SCALE[sample]) + (128 if sample == "u8" else 0)
        wide = whole.astype("<i4").view(np.uint8).reshape(-1, 4)
        data = wide[:, : bits // 8].tobytes()
    else:
        data = samples.astype(f"<f{bits // 8}").tobytes()
    width = channels * bits // 8
    head = struct.pack("<HHIIHH", tag, channels, 16_000, 16_000 * width, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def main() -> None:
    CORPUS.mkdir(exist_ok=True)
    for file, (name, codec, options) in CONTAINERS.items():
        (CORPUS / file).write_bytes(contained(name, codec, options))
    for sample in SAMPLES:
        (CORPUS / f"{sample}.wav").write_bytes(wav(sample))
    (CORPUS / "stereo.wav").write_bytes(wav("s16", channels=2))


if __name__ == "__main__":
    main()
