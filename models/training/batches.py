"""Batches made in worker processes: windows of about the same length, a constant frame budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from models.training import corpus
from models.training.features import MELS, PADDING_VALUE, LogMel
from models.training.tokens import Tokens
from models.training.windows import IGNORED, Window, WindowMaker

FULL_FRAMES = 3_000
_ROUND_FRAMES = 16
_POOL_BATCHES = 16
_MEAN_FRAMES = 260
_MAX_WINDOWS = 96


@dataclass(frozen=True, slots=True)
class Source:
    """What windows are made of: the first `shards` shards of a corpus, and a tokenizer file."""

    corpus_dir: Path
    shards: int
    tokenizer: Path


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares of the three kinds of batches; the rest is short windows."""

    medium_share: float = 0.16
    full_share: float = 0.05
    frames_per_batch: int = 7_000
    # The share of noisy windows climbs to this over `ramp_batches`.
    noisy_share: float = 0.68
    ramp_batches: int = 1_200


@dataclass(slots=True)
class Batch:
    """B windows. mels: float32 (B, 80, T). inputs, targets: int64 (B, L). spans: int64 (B, L, 2).
    phonemes: int64 (B, T / 2). words: int64 (B, W), word_counts: int64 (B,)."""

    mels: torch.Tensor
    inputs: torch.Tensor
    targets: torch.Tensor
    spans: torch.Tensor
    phonemes: torch.Tensor
    words: torch.Tensor
    word_counts: torch.Tensor


class Batches(IterableDataset[Batch]):
    """An endless stream of batches; each worker draws its own."""

    def __init__(self, source: Source, mixture: Mixture, *, seed: int, skip: int = 0) -> None:
        self._source = source
        self._mixture = mixture
        self._seed = seed
        self._skip = skip

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        speech = corpus.load(self._source.corpus_dir, self._source.shards)
        tokens = Tokens(self._source.tokenizer)
        maker = WindowMaker(speech.utterances, speech.phonemes(), tokens, self._seed)
        # `skip` enters the seed: a resumed run sees new windows, not the first ones again.
        rng = np.random.default_rng([self._seed, worker, self._skip])
        mel = LogMel()
        made = self._skip // workers
        while True:
            for windows, frames in self._groups(maker, rng, made * workers):
                made += 1
                yield collate(windows, mel, tokens, frames)

    def _groups(
        self, maker: WindowMaker, rng: np.random.Generator, made: int
    ) -> list[tuple[list[Window], int | None]]:
        """A pool of windows, sorted by length and cut into batches in random order."""
        mix = self._mixture
        noisy = mix.noisy_share * (0.25 + 0.75 * min(1.0, made / mix.ramp_batches))
        kinds = rng.random(_POOL_BATCHES)
        full = int((kinds < mix.full_share).sum())
        medium = int((kinds < mix.full_share + mix.medium_share).sum()) - full
        groups: list[tuple[list[Window], int | None]] = []
        for _ in range(full):
            count = max(1, mix.frames_per_batch // (2 * FULL_FRAMES))
            windows = [
                maker.long(rng, noisy, 29.0) if rng.random() < 0.5 else maker.short(rng, noisy)
                for _ in range(count)
            ]
            groups.append((windows, FULL_FRAMES))
        for _ in range(medium):
            count = max(1, mix.frames_per_batch // 900)
            groups.append(([maker.long(rng, noisy, 10.0) for _ in range(count)], None))
        short = _POOL_BATCHES - full - medium
        count = short * mix.frames_per_batch // _MEAN_FRAMES
        groups.extend(
            (windows, None)
            for windows in self._cut([maker.short(rng, noisy) for _ in range(count)])
        )
        order = rng.permutation(len(groups))
        return [groups[int(i)] for i in order]

    def _cut(self, pool: list[Window]) -> list[list[Window]]:
        """Consecutive stretches of the sorted pool, each within the frame budget."""
        pool.sort(key=lambda window: len(window.audio))
        cut: list[list[Window]] = [[]]
        for window in pool:
            frames = len(window.audio) // 160 + _ROUND_FRAMES
            full = (len(cut[-1]) + 1) * frames > self._mixture.frames_per_batch
            if cut[-1] and (full or len(cut[-1]) >= _MAX_WINDOWS):
                cut.append([])
            cut[-1].append(window)
        return cut


def collate(windows: list[Window], mel: LogMel, tokens: Tokens, frames: int | None) -> Batch:
    """Pad to the longest, or to `frames`, as faster-whisper does: with zeros after the features."""
    mels = [mel(window.audio) for window in windows]
    longest = max(m.shape[1] for m in mels)
    width = frames or -(-longest // _ROUND_FRAMES) * _ROUND_FRAMES
    features = torch.full((len(windows), MELS, width), PADDING_VALUE)
    phonemes = torch.full((len(windows), width // 2), IGNORED, dtype=torch.long)
    for row, (m, window) in enumerate(zip(mels, windows, strict=True)):
        features[row, :, : m.shape[1]] = m[:, :width]
        labels = torch.from_numpy(window.phonemes[: width // 2])
        phonemes[row, : len(labels)] = labels
    length = max(len(window.inputs) for window in windows)
    # 0 frames means unknown, for padding too
    return Batch(
        features,
        _padded([w.inputs for w in windows], length, tokens.end),
        _padded([w.targets for w in windows], length, IGNORED),
        torch.stack([
            torch.tensor(w.spans + [(0, 0)] * (length - len(w.spans))) for w in windows
        ]),
        phonemes,
        _padded([w.words for w in windows], max(1, *(len(w.words) for w in windows)), 0),
        torch.tensor([len(w.words) for w in windows]),
    )  # fmt: skip


def loader(source: Source, mixture: Mixture, *, seed: int, skip: int) -> Iterator[Batch]:
    """Batches from one worker process."""
    dataset = Batches(source, mixture, seed=seed, skip=skip)
    return iter(DataLoader(dataset, batch_size=None, num_workers=1, prefetch_factor=8))


def _padded(rows: list[list[int]], length: int, value: int) -> torch.Tensor:
    return torch.tensor([row + [value] * (length - len(row)) for row in rows])
