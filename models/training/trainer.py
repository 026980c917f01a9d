"""The training loop: data-parallel processes of one thread, resumable, for some steps or minutes.

Several single-threaded processes that average their gradients once a step lose far less to a
busy machine than one process whose threads wait for each other in every operation.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn

from models.training.batches import Mixture, Source, loader
from models.training.losses import Losses, Weights, losses
from models.training.network import Recogniser, Shape
from models.training.tokens import Tokens

log = logging.getLogger("models.training.asr")

_REPORT_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a run, apart from the corpus."""

    source: Source
    run_dir: Path
    phonemes: int
    steps: int
    minutes: float = math.inf
    seed: int = 1
    processes: int = 2
    shape: Shape = field(default_factory=Shape)
    mixture: Mixture = field(default_factory=Mixture)
    weights: Weights = field(default_factory=Weights)
    peak_rate: float = 2e-3
    warm_up_steps: int = 250
    weight_decay: float = 0.02
    checkpoint_minutes: float = 8.0


@dataclass(slots=True)
class Position:
    """How far a run has come."""

    step: int = 0
    elapsed_s: float = 0.0

    def progress(self, plan: Plan) -> float:
        """0 to 1, by steps or by minutes, whichever ends first."""
        return min(1.0, max(self.step / plan.steps, self.elapsed_s / 60 / plan.minutes))


Checkpointed = Callable[[], None]


def train(plan: Plan, checkpointed: Checkpointed) -> None:
    """Run or resume; `checkpointed` is called in the first process after every checkpoint."""
    plan.run_dir.mkdir(parents=True, exist_ok=True)
    spawn(_process, args=(plan, checkpointed), nprocs=plan.processes, join=True)  # type: ignore[no-untyped-call]


def load_weights(plan: Plan, tokens: Tokens) -> tuple[Recogniser, Position]:
    """The averaged weights of the last checkpoint."""
    state = torch.load(_checkpoint(plan), map_location="cpu")
    model = Recogniser(plan.shape, tokens, plan.phonemes)
    model.load_state_dict(state["average"])
    return model, Position(**state["position"])


def learning_rate(plan: Plan, position: Position) -> float:
    """Linear warm-up, then a cosine to 1 % of the peak."""
    warm = min(1.0, (position.step + 1) / plan.warm_up_steps)
    cosine = 0.5 + 0.5 * math.cos(math.pi * position.progress(plan))
    return plan.peak_rate * warm * (0.01 + 0.99 * cosine)


def _checkpoint(plan: Plan) -> Path:
    return plan.run_dir / "checkpoint.pt"


class _Run:
    """One process's share of a run."""

    def __init__(self, plan: Plan, rank: int) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(1)
        self.plan = plan
        self.rank = rank
        self.tokens = Tokens(plan.source.tokenizer)
        self.model = Recogniser(plan.shape, self.tokens, plan.phonemes)
        self.average = Recogniser(plan.shape, self.tokens, plan.phonemes)
        self.average.load_state_dict(self.model.state_dict())
        self.position = Position()
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(self.model, plan.weight_decay), betas=(0.9, 0.98), fused=True
        )
        if _checkpoint(plan).exists():
            state = torch.load(_checkpoint(plan), map_location="cpu")
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.position = Position(**state["position"])
        self._began_s = time.monotonic() - self.position.elapsed_s
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]

    def elapsed_s(self) -> float:
        """Wall-clock time that the run has taken, over all its resumptions."""
        return time.monotonic() - self._began_s

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": dataclasses.asdict(self.position),
        }
        partial = _checkpoint(self.plan).with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(_checkpoint(self.plan))

    def share(self) -> None:
        """Average the gradients over the processes and agree on the time."""
        clock = torch.tensor([self.elapsed_s() if self.rank == 0 else 0.0])
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        flat = torch.cat([*(g.flatten() / self.plan.processes for g in grads), clock])
        if self.plan.processes > 1:
            dist.all_reduce(flat)
        offset = 0
        for parameter in self.parameters:
            count = parameter.numel()
            parameter.grad = flat[offset : offset + count].view_as(parameter)
            offset += count
        self.position.elapsed_s = float(flat[-1])

    @torch.no_grad()
    def follow(self) -> None:
        """Move the averaged weights: slowly later, quickly at first."""
        keep = min(0.998, (self.position.step + 1) / (self.position.step + 20))
        for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)


def _process(rank: int, plan: Plan, checkpointed: Checkpointed) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29541")
    if plan.processes > 1:
        dist.init_process_group("gloo", rank=rank, world_size=plan.processes)
    run = _Run(plan, rank)
    batches = loader(
        plan.source, plan.mixture, seed=plan.seed + 1_000 * rank, skip=run.position.step
    )
    progress = _Progress(run)
    saved_s = run.position.elapsed_s
    while run.position.progress(plan) < 1.0:
        batch = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = run.model(batch.mels, batch.inputs)
        found = losses(outputs, batch, plan.weights, run.position.progress(plan))
        found.total.backward()  # type: ignore[no-untyped-call]
        run.share()
        nn.utils.clip_grad_norm_(run.parameters, 1.0)
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(plan, run.position)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        run.position.step += 1
        run.follow()
        progress.note(found, batch.mels.shape[0] * batch.mels.shape[2])
        due = run.position.elapsed_s - saved_s > plan.checkpoint_minutes * 60
        if due or run.position.progress(plan) >= 1.0:
            saved_s = run.position.elapsed_s
            if rank == 0:
                run.save()
            if rank == 0 and run.position.progress(plan) < 1.0:
                checkpointed()


def _parameter_groups(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """No decay for biases, norms and embeddings."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    decayed = [p for name, p in named if p.ndim > 1 and "embed" not in name]
    rest = [p for name, p in named if p.ndim <= 1 or "embed" in name]
    return [{"params": decayed, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


class _Progress:
    """A line every so many steps."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._reset()

    def _reset(self) -> None:
        self._sums = torch.zeros(4)
        self._frames = 0
        self._since_s = time.perf_counter()

    def note(self, found: Losses, frames: int) -> None:
        parts = (found.text, found.ctc, found.phonemes, found.attention)
        self._sums += torch.stack([part.detach().float() for part in parts])
        self._frames += frames
        if self._run.position.step % _REPORT_STEPS:
            return
        text, ctc, phonemes, attention = (self._sums / _REPORT_STEPS).tolist()
        seconds = time.perf_counter() - self._since_s
        position, plan = self._run.position, self._run.plan
        done = max(position.progress(plan), 1e-6)
        left_min = position.elapsed_s / 60 * (1 - done) / done
        if self._run.rank == 0:
            log.info(
                "step %d text %.3f ctc %.3f phonemes %.3f attention %.3f rate %.2e"
                " %.2f steps/s %.0f s audio/s %.1f %% done, %.0f min left",
                *(position.step, text, ctc, phonemes, attention, learning_rate(plan, position)),
                *(_REPORT_STEPS / seconds, self._frames / 100 / seconds * plan.processes),
                *(100 * done, left_min),
            )
        self._reset()
