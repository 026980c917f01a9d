"""Trains, exports and measures the bundled translator: `python -m models.training.mt`."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import random
import shutil
from itertools import islice
from pathlib import Path

import torch

from models.training import mt_export
from models.training.mt_data import Examples, training_sentences, vocabularies
from models.training.mt_evaluate import Evaluation, Translator
from models.training.mt_model import build
from models.training.mt_tokens import LANGUAGES, Tokens, train_tokenizer
from models.training.mt_train import Plan, Trainer

log = logging.getLogger("models.training.mt")

_DEFAULTS = Plan()
_DESTINATION = Path(__file__).parents[1] / mt_export.NAME
_TOKENIZER_SENTENCES = 60_000
_VOCABULARY_SENTENCES = 60_000
_DEV_SENTENCES = 40
_FINAL_SENTENCES = 400
_DEV_SEED = 7
_FINAL_SEED = 11


def main() -> None:
    """Run what the command line asks for."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    if arguments.evaluate_only:
        _evaluate(arguments.destination)
        return
    plan = Plan(
        steps=arguments.steps,
        minutes=arguments.minutes,
        seed=arguments.seed,
        warm_up_steps=min(_DEFAULTS.warm_up_steps, arguments.steps // 10),
        rate_scale=arguments.rate_scale,
    )
    work_dir = Path(os.environ.get("DRAGOMAN_TRAINING_DIR", ".cache/training")) / "mt"
    trainer = _train(plan, work_dir, arguments)
    final = work_dir / "final"
    mt_export.export(trainer.model, work_dir / "tokenizer.json", final, arguments.quantisation)
    _evaluate(final)
    mt_export.publish(final, arguments.destination)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=_DEFAULTS.steps)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end sooner than --steps")
    parser.add_argument("--seed", type=int, default=_DEFAULTS.seed)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--begin-with",
        type=Path,
        metavar="CHECKPOINT",
        help="weights of an earlier run, to learn on",
    )
    parser.add_argument("--rate-scale", type=float, default=_DEFAULTS.rate_scale)
    parser.add_argument("--quantisation", default="int8_float32")
    parser.add_argument("--destination", type=Path, default=_DESTINATION)
    parser.add_argument("--publish-from", type=float, default=70.0, metavar="CHRF")
    parser.add_argument("--evaluate-only", action="store_true")
    return parser.parse_args()


def _train(plan: Plan, work_dir: Path, arguments: argparse.Namespace) -> Trainer:
    """A model trained to the end of the plan; good ones on the way are published."""
    tokenizer = work_dir / "tokenizer.json"
    if arguments.begin_with and not tokenizer.exists():
        work_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(arguments.begin_with.with_name(tokenizer.name), tokenizer)
    if not tokenizer.exists():
        sentences = training_sentences(random.Random(f"tokenizer {plan.seed}"))
        chosen = islice(sentences, _TOKENIZER_SENTENCES)
        train_tokenizer((s.text(lang) for s in chosen for lang in LANGUAGES), tokenizer)
    tokens = Tokens(tokenizer)
    torch.manual_seed(plan.seed)
    examples = Examples(vocabularies(_VOCABULARY_SENTENCES, plan.seed))
    trainer = Trainer(build(tokens), tokens, examples, plan, work_dir / "checkpoint.pt")
    trainer.resume(arguments.begin_with)
    development = Evaluation(_DEV_SENTENCES, _DEV_SEED)
    best = arguments.publish_from

    def measure(step: int) -> None:
        nonlocal best
        current = work_dir / "current"
        mt_export.export(trainer.model, tokenizer, current)
        figures = development.directions(Translator(current))
        log.info(
            "step %d dev chrF %s", step, " ".join(f"{k} {v.chrf:.1f}" for k, v in figures.items())
        )
        worst = min(row.chrf for row in figures.values())
        if worst > best:
            best = worst
            mt_export.write_manifest(current, {"step": step, "dev_chrf_worst": worst})
            mt_export.publish(current, arguments.destination)

    trainer.run(measure)
    return trainer


def _evaluate(directory: Path) -> None:
    """Measure an export and write the figures into its manifest."""
    report = Evaluation(_FINAL_SENTENCES, _FINAL_SEED).report(Translator(directory))
    log.info("\n%s", report.table())
    mt_export.write_manifest(directory, report.as_json())
    log.info("%s", json.dumps(report.as_json()))


if __name__ == "__main__":
    main()
