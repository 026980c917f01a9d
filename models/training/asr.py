"""Trains, exports and measures the bundled recogniser: `python -m models.training.asr`.

Synthesises the corpus, trains, exports to `models/dragoman-asr` and writes how good it is next
to it. An interrupted run goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from models.training import corpus, tokens
from models.training.batches import Source
from models.training.evaluate import evaluate, quick, table
from models.training.export import NAME, export, write_manifest
from models.training.network import Recogniser
from models.training.trainer import Plan, Position, load_weights, train

log = logging.getLogger("models.training.asr")

_DESTINATION = Path(__file__).parents[1] / NAME
_TOKENIZER_SENTENCES = 60_000
# About 150 minutes on two cores. The shipped weights had as many, in several runs on a machine busy
# with other things: their learning rate followed the clock (--minutes), not the steps.
_STEPS = 13_300
_SHARDS = 72
_DEV_SENTENCES = 40
_GOOD_ENOUGH_WER = 0.30


def main() -> None:
    """Run what the command line asks for."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    root = corpus.training_dir() / "asr"
    destination = Path(arguments.destination)
    if arguments.evaluate:
        _measure(destination, arguments)
        return
    plan = _plan(root, arguments)
    if arguments.checkpoint:
        model, position = load_weights(plan, tokens.Tokens(plan.source.tokenizer))
        _publish_if_better(model, position, plan, destination)
        return
    train(plan, functools.partial(_measure_checkpoint, command=sys.argv[1:]))
    model, _ = load_weights(plan, tokens.Tokens(plan.source.tokenizer))
    export(model.whisper, plan.source.tokenizer, destination, {})
    _measure(destination, arguments)


def _plan(root: Path, arguments: argparse.Namespace) -> Plan:
    tokenizer = root / "tokenizer.json"
    if not tokenizer.exists():
        texts = corpus.training_texts(_TOKENIZER_SENTENCES, arguments.seed)
        tokens.train_tokenizer(texts, tokenizer)
    corpus.build(root / "corpus", arguments.shards, arguments.seed, arguments.processes)
    speech = corpus.load(root / "corpus", arguments.shards)
    log.info("corpus: %d utterances, %.1f h", len(speech.utterances), speech.hours)
    return Plan(
        source=Source(root / "corpus", arguments.shards, tokenizer),
        run_dir=root / arguments.run,
        phonemes=len(speech.phonemes()),
        steps=arguments.steps,
        minutes=arguments.minutes,
        seed=arguments.seed,
        processes=arguments.processes,
    )


def _measure_checkpoint(*, command: list[str]) -> None:
    """Start a process that measures the last checkpoint, so that the training need not wait."""
    nice = ["nice", "-n", "5"]
    program = [sys.executable, "-m", "models.training.asr", *command, "--checkpoint"]
    subprocess.Popen([*nice, *program])  # noqa: S603  # our own interpreter and program


def _publish_if_better(
    model: Recogniser, position: Position, plan: Plan, destination: Path
) -> None:
    """Measure a checkpoint; put it in place when it is useful and better than what is there."""
    candidate = plan.run_dir / "candidate"
    export(model.whisper, plan.source.tokenizer, candidate, {})
    report = quick(candidate, _DEV_SENTENCES, threads=1)
    log.info("checkpoint at step %d\n%s", position.step, table(report))
    scores = report["greedy"]["wer_clean"], report["greedy"]["wer_cut"]
    wer = sum(sum(score.values()) for score in scores) / sum(len(score) for score in scores)
    best_path = plan.run_dir / "best.json"
    best = json.loads(best_path.read_text()) if best_path.exists() else _GOOD_ENOUGH_WER
    if wer < best:
        export(model.whisper, plan.source.tokenizer, destination, {"intermediate": True, **report})
        best_path.write_text(json.dumps(wer))
        log.info("checkpoint at step %d is now in %s", position.step, destination)


def _measure(destination: Path, arguments: argparse.Namespace) -> None:
    report: dict[str, Any] = evaluate(
        destination, arguments.sentences, arguments.padded_sentences, arguments.threads
    )
    log.info("%s", table(report))
    write_manifest(destination, None, report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=_STEPS)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end sooner than --steps")
    parser.add_argument("--shards", type=int, default=_SHARDS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--run", default="run", help="name of the run; an old one is resumed")
    parser.add_argument("--destination", default=str(_DESTINATION))
    parser.add_argument("--evaluate", action="store_true", help="only measure what is exported")
    parser.add_argument("--checkpoint", action="store_true", help="only export the last checkpoint")
    parser.add_argument("--sentences", type=int, default=150, help="per language, to measure with")
    parser.add_argument("--padded-sentences", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
