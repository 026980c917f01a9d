"""Python code that reads strangers' bytes: seeds, what once broke it, and a little chance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.errors import DragomanError
from tests.fuzz.driver import CRASHERS, run_one, seeds
from tests.fuzz.mutations import mutants
from tests.fuzz.targets import TARGETS

MUTANTS = 60
CRASHED = sorted(CRASHERS.glob("*/*"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "session", "audio", "input", "output", "target", "event_id"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("name", list(TARGETS))
def test_seeds_and_their_mutants(name: str) -> None:
    for index, seed in enumerate(seeds(name)):
        run_one(name, seed)
        for data in mutants(seed, MUTANTS, f"{name}.{index}"):
            run_one(name, data)


@pytest.mark.parametrize("name", list(TARGETS))
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(name: str, data: bytes) -> None:
    run_one(name, data)


@pytest.mark.parametrize("path", CRASHED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_once_broke_something(path: Path) -> None:
    if path.parent.name in TARGETS:
        run_one(path.parent.name, path.read_bytes())


def test_a_defect_is_no_refusal() -> None:
    def broken(_: bytes) -> None:
        raise KeyError("a defect")

    TARGETS["broken"] = broken
    try:
        with pytest.raises(KeyError):
            run_one("broken", b"")
    finally:
        del TARGETS["broken"]
    with pytest.raises(DragomanError, match="WAV"):
        TARGETS["wav"](b"no RIFF at all")
