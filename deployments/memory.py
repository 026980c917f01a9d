"""What models need of a GPU's memory: stated by a manifest or a setting, else estimated.

The estimates count what CTranslate2 holds: weights, and for each stream in a batch the tensors that
are alive at the same time. docs/gpu.md sets them against published measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from deployments.settings import ComputeType

# Bytes of a weight, and of an activation: what is not a matrix product stays in the wider format.
_BYTES: dict[ComputeType, tuple[int, int]] = {
    "int8": (1, 4),
    "int8_float32": (1, 4),
    "int8_float16": (1, 2),
    "int8_bfloat16": (1, 2),
    "int16": (2, 4),
    "float16": (2, 2),
    "bfloat16": (2, 2),
    "float32": (4, 4),
}

_ENCODER_POSITIONS = 1_500
_DECODER_POSITIONS = 448
_ENCODER_WIDTHS = 10
"""Tensors of the model's width that one encoder layer holds at a time: input, sum, queries, keys,
values, context and four of the feed-forward part."""
_PROMPT_TOKENS = 512
"""Instructions, history and glossary of a translation."""
DEFAULT_BEAM_SIZE = 5
DEFAULT_SOURCE_TOKENS = 300


class ModelMemory(BaseModel):
    """What a model needs in one number format, in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_bytes: Annotated[int, Field(ge=0)]
    stream_bytes: Annotated[int, Field(ge=0)]
    """Peak for each stream in a batch; between batches a stream holds none."""

    def batch_bytes(self, streams: int) -> int:
        """Peak of one batch."""
        return self.stream_bytes * streams


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """What Whisper's memory depends on."""

    parameters: int
    width: int
    heads: int
    decoder_layers: int

    def memory(self, compute_type: ComputeType, beam_size: int = DEFAULT_BEAM_SIZE) -> ModelMemory:
        """With the larger of two peaks: attention over a window of 30 s in one layer of the
        encoder, or the keys and values of all layers of the decoder."""
        weight, activation = _BYTES[compute_type]
        scores = 2 * self.heads * _ENCODER_POSITIONS**2
        encoder = scores + _ENCODER_WIDTHS * _ENCODER_POSITIONS * self.width
        positions = _ENCODER_POSITIONS + beam_size * _DECODER_POSITIONS
        decoder = 2 * self.decoder_layers * self.width * positions
        return ModelMemory(
            weights_bytes=self.parameters * weight,
            stream_bytes=activation * max(encoder, decoder),
        )


@dataclass(frozen=True, slots=True)
class LanguageModelSize:
    """What the memory of a causal language model depends on."""

    parameters: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int

    def kv_bytes_per_token(self, activation_bytes: int = 2) -> int:
        """Keys and values of one token in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_width * activation_bytes

    def memory(
        self, compute_type: ComputeType, source_tokens: int = DEFAULT_SOURCE_TOKENS
    ) -> ModelMemory:
        """With prompt, source, and an answer of twice its length; attention over all of it."""
        weight, activation = _BYTES[compute_type]
        tokens = _PROMPT_TOKENS + 3 * source_tokens
        scores = 2 * self.heads * tokens**2 * activation
        return ModelMemory(
            weights_bytes=self.parameters * weight,
            stream_bytes=self.kv_bytes_per_token(activation) * tokens + scores,
        )


def weight_bytes(compute_type: ComputeType) -> int:
    """Of one parameter."""
    return _BYTES[compute_type][0]


def in_each_format(memory: Callable[[ComputeType], ModelMemory]) -> dict[str, dict[str, int]]:
    """As a manifest states it."""
    return {compute_type: memory(compute_type).model_dump() for compute_type in _BYTES}
