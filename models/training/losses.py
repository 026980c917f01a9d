"""What the model is taught: the text, and three easier things that make it listen sooner.

The decoder's cross-entropy alone stays deaf for an hour. The synthesiser knows what is spoken
when, so the encoder also learns phonemes frame by frame and the text by CTC, and two of the
decoder's heads learn to look where the next token is spoken. All three fade over the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from models.training.batches import Batch
from models.training.network import Outputs
from models.training.windows import IGNORED

_SPAN_MARGIN_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the losses, at the start and at the end of the run."""

    ctc: tuple[float, float] = (0.7, 0.15)
    phonemes: tuple[float, float] = (0.7, 0.1)
    attention: tuple[float, float] = (0.5, 0.1)
    label_smoothing: float = 0.02


@dataclass(slots=True)
class Losses:
    """The weighted sum, and its parts per token or frame."""

    total: torch.Tensor
    text: torch.Tensor
    ctc: torch.Tensor
    phonemes: torch.Tensor
    attention: torch.Tensor


def losses(outputs: Outputs, batch: Batch, weights: Weights, progress: float) -> Losses:
    """Losses of a batch; `progress` runs from 0 to 1."""
    text = functional.cross_entropy(
        outputs.logits.float().flatten(0, 1),
        batch.targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=weights.label_smoothing,
    )
    phonemes = functional.cross_entropy(
        outputs.phoneme_logits.float().flatten(0, 1),
        batch.phonemes.flatten(),
        ignore_index=IGNORED,
    )
    ctc = _ctc(outputs.ctc_logits, batch)
    attention = _attention(outputs.attention, batch.spans)

    def faded(ends: tuple[float, float]) -> float:
        return ends[0] + (ends[1] - ends[0]) * progress

    total = (
        text
        + faded(weights.ctc) * ctc
        + faded(weights.phonemes) * phonemes
        + faded(weights.attention) * attention
    )
    return Losses(total, text, ctc, phonemes, attention)


def _ctc(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    frames = logits.shape[1]
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    summed = functional.ctc_loss(
        log_probs,
        batch.words,
        torch.full((logits.shape[0],), frames),
        batch.word_counts,
        blank=logits.shape[2] - 1,
        reduction="sum",
        zero_infinity=True,
    )
    return summed / batch.word_counts.sum().clamp(min=1)


def _attention(attention: torch.Tensor, spans: torch.Tensor) -> torch.Tensor:
    """Minus the log of the attention mass that falls on the token's own stretch of audio."""
    known = spans[..., 1] > 0
    frames = torch.arange(attention.shape[-1])
    lo = spans[..., 0, None] - _SPAN_MARGIN_FRAMES
    hi = spans[..., 1, None] + _SPAN_MARGIN_FRAMES
    inside = ((frames >= lo) & (frames < hi)).unsqueeze(1)
    mass = (attention * inside).sum(-1).clamp(min=1e-6)
    missed = -mass.log().mean(1) * known
    return missed.sum() / known.sum().clamp(min=1)
