"""Runs a target on one input, and says which inputs there are to begin with."""

from __future__ import annotations

from pathlib import Path

from serve_app.errors import DragomanError
from tests.fuzz.make_corpus import CORPUS
from tests.fuzz.targets import SEEDS, TARGETS

CRASHERS = Path(__file__).parent / "crashers"


def run_one(name: str, data: bytes) -> None:
    """Raises what is a defect: any exception but one that blames the client."""
    try:
        TARGETS[name](data)
    except DragomanError as error:
        if error.status >= 500:
            raise
        # It can be told: in an answer, in an event and in the log.
        error.message.encode()


def seeds(name: str) -> tuple[bytes, ...]:
    """Inputs that mean something."""
    if name == "wav":
        return tuple(path.read_bytes() for path in sorted(CORPUS.glob("*.wav")))
    return SEEDS[name]
