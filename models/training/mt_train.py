"""The training loop: seeded, resumable, one step after the other."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from models.training.mt_data import Examples
from models.training.mt_model import Batch, Loss, collate
from models.training.mt_tokens import END, Tokens

log = logging.getLogger(__name__)

_BATCHES_PER_CHUNK = 16
_LOG_EVERY_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    steps: int = 4_500
    minutes: float = math.inf
    """Ends sooner than `steps`; the learning rate follows whichever is nearer its end."""
    seed: int = 1
    batch_examples: int = 80
    warm_up_steps: int = 200
    matrix_rate: float = 0.02
    other_rate: float = 3e-3
    weight_decay: float = 0.01
    checkpoint_steps: int = 250
    rate_scale: float = 1.0
    """Below 1 for a model that has learnt before and should not forget."""

    def rate_share(self, step: int, elapsed_s: float) -> float:
        """The share of the peak learning rate: a linear rise, then a cosine down to 2 %."""
        if step < self.warm_up_steps:
            return self.rate_scale * (step + 1) / self.warm_up_steps
        done = (step - self.warm_up_steps) / max(1, self.steps - self.warm_up_steps)
        done = max(done, elapsed_s / 60 / self.minutes)
        return self.rate_scale * (0.02 + 0.98 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)


class Trainer:
    """A model on its way, with everything needed to go on after an interruption."""

    def __init__(
        self,
        model: Qwen3ForCausalLM,
        tokens: Tokens,
        examples: Examples,
        plan: Plan,
        checkpoint: Path,
    ) -> None:
        self.model = model
        self.step = 0
        self.elapsed_s = 0.0
        self._tokens = tokens
        self._examples = examples
        self._plan = plan
        self._checkpoint = checkpoint
        self._loss = Loss(model)
        self._optimisers = _optimisers(model, plan)

    def resume(self, initial: Path | None = None) -> None:
        """Continue from the checkpoint, if there is one; else begin with `initial`'s weights."""
        if not self._checkpoint.exists():
            if initial is not None:
                self.model.load_state_dict(torch.load(initial, weights_only=True)["model"])
                log.info("began with the weights of %s", initial)
            return
        state = torch.load(self._checkpoint, weights_only=True)
        self.step, self.elapsed_s = state["step"], state.get("elapsed_s", 0.0)
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        log.info("resumed at step %d", self.step)

    def save(self) -> None:
        """Write the checkpoint; a crash while writing leaves the one before."""
        partial = self._checkpoint.with_suffix(".partial")
        state = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
        }
        torch.save(state, partial)
        partial.replace(self._checkpoint)

    def run(self, on_checkpoint: Callable[[int], None]) -> None:
        """Train to the end of the plan."""
        meter = _Meter(self._plan.steps, self.step)
        began_s = time.monotonic() - self.elapsed_s
        for batch in self._batches():
            meter.add(self._learn(batch), batch)
            self.step += 1
            self.elapsed_s = time.monotonic() - began_s
            if self.step % _LOG_EVERY_STEPS == 0:
                log.info("%s", meter.line(self.step))
            if self.step % self._plan.checkpoint_steps == 0 or self._is_over:
                self.save()
                on_checkpoint(self.step)
            if self._is_over:
                break

    @property
    def _is_over(self) -> bool:
        return self.step >= self._plan.steps or self.elapsed_s >= 60 * self._plan.minutes

    def _learn(self, batch: Batch) -> Tensor:
        share = self._plan.rate_share(self.step, self.elapsed_s)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * share
        value = self._loss(batch)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self._optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return value.detach()

    def _batches(self) -> Iterator[Batch]:
        """Batches from the current step on; a step's batch depends on the seed alone."""
        while self.step < self._plan.steps:
            chunk, skip = divmod(self.step, _BATCHES_PER_CHUNK)
            yield from self._chunk(chunk)[skip : skip + self._plan.steps - self.step]

    def _chunk(self, index: int) -> list[Batch]:
        rng = random.Random(f"chunk {self._plan.seed} {index}")
        size = self._plan.batch_examples
        drawn = [
            self._tokens.example(self._examples.draw(rng)) for _ in range(size * _BATCHES_PER_CHUNK)
        ]
        # Examples of like length share a batch, so that little of it is padding.
        drawn.sort(key=lambda example: len(example[0]))
        (end,) = self._tokens.ids([END])
        batches = [collate(drawn[at : at + size], end) for at in range(0, len(drawn), size)]
        rng.shuffle(batches)
        return batches


def _optimisers(model: Qwen3ForCausalLM, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings and gains."""
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            [{"params": matrices, "peak": plan.matrix_rate}], weight_decay=plan.weight_decay
        ),
        torch.optim.AdamW(
            [{"params": others, "peak": plan.other_rate}],
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        ),
    ]


class _Meter:
    """Progress since the last line."""

    def __init__(self, steps: int, first: int) -> None:
        self._steps = steps
        self._first = first
        self._began_s = self._last_s = time.monotonic()
        self._losses: list[float] = []
        self._tokens = 0

    def add(self, value: Tensor, batch: Batch) -> None:
        self._losses.append(float(value))
        self._tokens += batch.ids.numel()

    def line(self, step: int) -> str:
        now_s = time.monotonic()
        rate = self._tokens / (now_s - self._last_s)
        left_s = (now_s - self._began_s) / (step - self._first) * (self._steps - step)
        mean = sum(self._losses) / len(self._losses)
        self._last_s, self._tokens, self._losses = now_s, 0, []
        pace = f"{rate:.0f} tokens/s left {left_s / 60:.0f} min"
        return f"step {step}/{self._steps} loss {mean:.4f} {pace}"
