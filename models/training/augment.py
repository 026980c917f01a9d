"""What rooms and microphones do to speech. Everything works on float32 samples at 16 kHz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt  # type: ignore[import-untyped]

from models.training.speech import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]
NOISES = ("white", "pink", "babble", "hum")
_BANK_S = 60
_BABBLE_SPEAKERS = (3, 8)


def pink_noise(count: int, rng: np.random.Generator) -> Samples:
    """Noise of equal power per octave, unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / noise.std(), np.float32)


def babble(count: int, speech: Sequence[NDArray[np.int16]], rng: np.random.Generator) -> Samples:
    """Several people talking at once: random stretches of `speech`, unit variance."""
    mixed = np.zeros(count, np.float32)
    for _ in range(int(rng.integers(*_BABBLE_SPEAKERS))):
        at = -int(rng.integers(SAMPLE_RATE_HZ))
        while at < count:
            piece = speech[int(rng.integers(len(speech)))].astype(np.float32)
            lo, hi = max(at, 0), max(0, min(at + len(piece), count))
            mixed[lo:hi] += piece[lo - at : hi - at]
            at += len(piece)
    return np.asarray(mixed / max(float(mixed.std()), 1e-3), np.float32)


def hum(count: int, rng: np.random.Generator) -> Samples:
    """Mains and fans: a few harmonics over low-passed noise, unit variance."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    base_hz = float(rng.uniform(45, 130))
    tone = np.zeros(count)
    for harmonic in range(1, int(rng.integers(2, 8))):
        tone += rng.uniform(0.1, 1.0) * np.sin(
            2 * np.pi * base_hz * harmonic * time_s + rng.uniform(0, 6)
        )
    tone += rng.uniform(0.1, 1.0) * np.cumsum(rng.standard_normal(count)) / 50
    tone -= tone.mean()
    return np.asarray(tone / max(float(tone.std()), 1e-6), np.float32)


def mix(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add unit-variance noise at the ratio to the mean power of `samples`."""
    power = float(np.mean(np.square(samples)))
    return samples + noise * np.float32(np.sqrt(max(power, 1e-9) / 10 ** (snr_db / 10)))


def reverberate(samples: Samples, rng: np.random.Generator) -> Samples:
    """Convolve with an exponentially decaying impulse response; the length stays."""
    decay_s = float(rng.uniform(0.1, 0.5))
    count = int(decay_s * SAMPLE_RATE_HZ)
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    # -60 dB after decay_s
    tail = rng.standard_normal(count) * np.exp(-6.9 * time_s / decay_s)
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    wet = fftconvolve(samples, tail.astype(np.float32))[: len(samples)]
    return np.asarray(wet, np.float32)


def tilt(samples: Samples, rng: np.random.Generator) -> Samples:
    """A dull or a bright microphone: one zero."""
    tilted = samples.copy()
    tilted[1:] += np.float32(rng.uniform(-0.5, 0.6)) * samples[:-1]
    return tilted


def narrow(samples: Samples, rng: np.random.Generator) -> Samples:
    """A telephone's band: nothing above 3.2 to 4 kHz."""
    low_pass = butter(6, float(rng.uniform(3_200, 4_000)), fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sosfilt(low_pass, samples), np.float32)


class NoiseBank:
    """Noises made once; windows take random stretches of them."""

    def __init__(self, speech: Sequence[NDArray[np.int16]], seed: int) -> None:
        rng = np.random.default_rng([seed, 7])
        count = _BANK_S * SAMPLE_RATE_HZ
        self._noises: dict[str, list[Samples]] = {
            "white": [np.asarray(rng.standard_normal(count), np.float32)],
            "pink": [pink_noise(count, rng)],
            "babble": [babble(count, speech, rng) for _ in range(6)],
            "hum": [hum(count // 4, rng) for _ in range(6)],
        }

    def take(self, kind: str, count: int, rng: np.random.Generator) -> Samples:
        """`count` samples of unit-variance noise."""
        choices = self._noises[kind]
        noise = choices[int(rng.integers(len(choices)))]
        at = int(rng.integers(len(noise)))
        repeated = np.resize(np.concatenate([noise[at:], noise[:at]]), count)
        return np.asarray(repeated, np.float32)


def augment(
    samples: Samples, bank: NoiseBank, noisy_share: float, rng: np.random.Generator
) -> Samples:
    """Room, microphone, telephone band, noise (3 to 25 dB) and gain, each on a share of the
    windows."""
    if rng.random() < 0.15:
        samples = reverberate(samples, rng)
    if rng.random() < 0.4:
        samples = tilt(samples, rng)
    if rng.random() < 0.08:
        samples = narrow(samples, rng)
    if rng.random() < noisy_share:
        kind = str(rng.choice(NOISES, p=(0.35, 0.2, 0.35, 0.1)))
        snr_db = float(rng.uniform(3.0, 25.0))
        samples = mix(samples, bank.take(kind, len(samples), rng), snr_db)
    elif rng.random() < 0.7:
        # A quiet noise floor, so that digital silence is not what silence sounds like.
        level = np.float32(10 ** rng.uniform(-4.5, -2.5))
        samples = samples + bank.take("white", len(samples), rng) * level
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-6)
    return samples * np.float32(10 ** rng.uniform(-1.2, 0.0) / peak)
