"""Tests on vLLM itself; they run in an environment of their own, by `make test-vllm`."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason="vLLM is not installed here: run make test-vllm")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            if find_spec("vllm") is None:
                item.add_marker(absent)


@pytest.fixture(scope="session", autouse=True)
def imported() -> None:
    """Our warnings are errors, those of its imports are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("deployments.engines.vllm_mt")
