"""The translator's network: a very small Qwen3, as transformers, vLLM and CTranslate2 know it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import Qwen3Config, Qwen3ForCausalLM

from models.training.mt_tokens import END, TRANSLATE, VOCABULARY_SIZE, Tokens

# vLLM's attention kernels take few head sizes; 64 is the smallest that all of them take.
_HEAD_DIM = 64
_POSITIONS = 1_024
ROTARY_BASE = 10_000.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences padded at the right, which a causal model cannot see, so no mask is needed."""

    ids: Tensor
    is_loss: Tensor


def build(tokens: Tokens) -> Qwen3ForCausalLM:
    """A new model with random weights."""
    end, begin = tokens.ids([END, TRANSLATE])
    config = Qwen3Config(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=_HEAD_DIM,
        max_position_embeddings=_POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE},
        tie_word_embeddings=True,
        bos_token_id=begin,
        eos_token_id=end,
        use_cache=True,
    )
    model = Qwen3ForCausalLM(config)
    # On sequences this short, plain matrix products are faster on a CPU than the fused kernel.
    model.set_attn_implementation("eager")
    return model


def collate(examples: Sequence[tuple[list[int], int]], end: int) -> Batch:
    """Pad examples to one tensor; only what follows a prompt counts for the loss."""
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.full((len(examples), longest), end)
    is_loss = torch.zeros((len(examples), longest - 1), dtype=torch.bool)
    for row, (sequence, prompt) in enumerate(examples):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        is_loss[row, prompt - 1 : len(sequence) - 1] = True
    return Batch(ids, is_loss)


class Loss:
    """Mean cross-entropy of the target tokens; the others never reach the output layer."""

    def __init__(self, model: Qwen3ForCausalLM) -> None:
        self._model = model
        # Compiled, a step takes four fifths of the time.
        has_compiler = shutil.which("g++") is not None
        self._body = torch.compile(model.model, dynamic=True) if has_compiler else model.model

    def __call__(self, batch: Batch) -> Tensor:
        """The loss of one batch."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self._body(input_ids=batch.ids[:, :-1], use_cache=False).last_hidden_state
            logits = self._model.lm_head(hidden[batch.is_loss])
        return cross_entropy(logits.float(), batch.ids[:, 1:][batch.is_loss])
