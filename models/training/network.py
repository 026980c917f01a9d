"""The model: Hugging Face's Whisper modules, with a forward of our own for short windows.

Hugging Face's encoder insists on 3,000 frames; here any even number will do, as in CTranslate2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from transformers import WhisperConfig, WhisperForConditionalGeneration
from transformers.models.whisper.modeling_whisper import WhisperAttention

from models.training.features import MELS
from models.training.tokens import Tokens

# The heads of the last decoder layer that are taught to look where the word is spoken.
ALIGNMENT_HEADS = (0, 1)


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of the network."""

    width: int = 160
    heads: int = 5
    encoder_layers: int = 4
    decoder_layers: int = 2
    phoneme_layer: int = 2


@dataclass(slots=True)
class Outputs:
    """logits: (B, L, vocabulary). ctc_logits: (B, T / 2, end + 1), the blank last.
    phoneme_logits: (B, T / 2, phonemes + 1). attention: (B, heads, L, T / 2) in float32, of the
    alignment heads."""

    logits: torch.Tensor
    ctc_logits: torch.Tensor
    phoneme_logits: torch.Tensor
    attention: torch.Tensor


def new_whisper(shape: Shape, tokens: Tokens) -> WhisperForConditionalGeneration:
    """An untrained model."""
    config = WhisperConfig(
        vocab_size=tokens.size,
        num_mel_bins=MELS,
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.width,
        decoder_ffn_dim=4 * shape.width,
        max_source_positions=1_500,
        max_target_positions=448,
        dropout=0.0,
        bos_token_id=tokens.end,
        eos_token_id=tokens.end,
        pad_token_id=tokens.end,
        decoder_start_token_id=tokens.start,
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    return WhisperForConditionalGeneration(config)


class Recogniser(nn.Module):
    """Whisper and the two heads that exist in training only."""

    def __init__(self, shape: Shape, tokens: Tokens, phonemes: int) -> None:
        super().__init__()
        self.whisper = new_whisper(shape, tokens)
        self.ctc = nn.Linear(shape.width, tokens.end + 1)
        self.phoneme_norm = nn.LayerNorm(shape.width)
        self.phoneme = nn.Linear(shape.width, phonemes + 1)
        self._phoneme_layer = shape.phoneme_layer

    def forward(self, mels: torch.Tensor, inputs: torch.Tensor) -> Outputs:
        """mels: (B, 80, T), T even. inputs: (B, L) ids."""
        encoded, middle = self.encode(mels)
        logits, attention = self.decode(encoded, inputs)
        phoneme_logits = self.phoneme(self.phoneme_norm(middle))
        return Outputs(logits, self.ctc(encoded), phoneme_logits, attention)

    def encode(self, mels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's output and the hidden state below the phoneme head, (B, T / 2, width)."""
        encoder = self.whisper.model.encoder
        hidden = functional.gelu(encoder.conv1(mels))
        hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        middle = hidden
        for index, layer in enumerate(encoder.layers, 1):
            attended = layer.self_attn_layer_norm(hidden)
            hidden = hidden + _attend(layer.self_attn, attended, attended, causal=False)
            hidden = hidden + layer.fc2(functional.gelu(layer.fc1(layer.final_layer_norm(hidden))))
            if index == self._phoneme_layer:
                middle = hidden
        return encoder.layer_norm(hidden), middle

    def decode(
        self, encoded: torch.Tensor, inputs: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the alignment heads' attention to the encoder's positions."""
        decoder = self.whisper.model.decoder
        positions = decoder.embed_positions.weight[: inputs.shape[1]]
        hidden = decoder.embed_tokens(inputs) + positions
        attention = hidden
        for index, layer in enumerate(decoder.layers):
            attended = layer.self_attn_layer_norm(hidden)
            hidden = hidden + _attend(layer.self_attn, attended, attended, causal=True)
            query = layer.encoder_attn_layer_norm(hidden)
            if index == len(decoder.layers) - 1:
                update, attention = _attend_openly(layer.encoder_attn, query, encoded)
            else:
                update = _attend(layer.encoder_attn, query, encoded, causal=False)
            hidden = hidden + update
            hidden = hidden + layer.fc2(functional.gelu(layer.fc1(layer.final_layer_norm(hidden))))
        return self.whisper.proj_out(decoder.layer_norm(hidden)), attention


def _split(hidden: torch.Tensor, heads: int) -> torch.Tensor:
    batch, length, width = hidden.shape
    return hidden.view(batch, length, heads, width // heads).transpose(1, 2)


def _attend(
    module: WhisperAttention, query: torch.Tensor, source: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    queries = _split(module.q_proj(query), module.num_heads)
    keys = _split(module.k_proj(source), module.num_heads)
    values = _split(module.v_proj(source), module.num_heads)
    if causal:
        mixed = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    else:
        # On a CPU, plain matrix products beat PyTorch's fused attention, above all backwards.
        mixed = _weights(queries, keys).to(values.dtype) @ values
    update: torch.Tensor = module.out_proj(mixed.transpose(1, 2).flatten(2))
    return update


def _attend_openly(
    module: WhisperAttention, query: torch.Tensor, source: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    queries = _split(module.q_proj(query), module.num_heads)
    weights = _weights(queries, _split(module.k_proj(source), module.num_heads)).float()
    values = _split(module.v_proj(source), module.num_heads)
    mixed = weights.to(values.dtype) @ values
    update = module.out_proj(mixed.transpose(1, 2).flatten(2))
    return update, weights[:, list(ALIGNMENT_HEADS)]


def _weights(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    return torch.softmax(scores, -1, dtype=scores.dtype)
