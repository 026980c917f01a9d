"""A model that is not there, or not whole, ends the start with the reason."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.conftest import ROOT, free_port, start_server
from tests.support.faults import record, row_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def missing(directory: Path) -> tuple[str, str]:
    return "no-such-model", "mt.model='no-such-model': unknown model"


def cut_off(directory: Path) -> tuple[str, str]:
    copy = directory / "dragoman-mt"
    shutil.copytree(ROOT / "models" / "dragoman-mt", copy)
    os.truncate(copy / "model.bin", 1_000)
    return str(copy), f"{copy}/model.bin has 1000 bytes"


def unreadable(directory: Path) -> tuple[str, str]:
    copy = directory / "dragoman-mt"
    shutil.copytree(ROOT / "models" / "dragoman-mt", copy)
    (copy / "model_config.json").unlink()
    os.truncate(copy / "model.bin", 1_000)
    return str(copy), "Mt: "


@pytest.mark.parametrize(
    ("fault", "make"),
    [
        ("a model that is missing", missing),
        ("a model that was copied in part", cut_off),
        pytest.param("a model that its engine cannot load", unreadable, marks=pytest.mark.slow),
    ],
)
def test_a_model_that_cannot_be_ends_the_start_with_the_reason(
    short_directory: Path, fault: str, make: Callable[[Path], tuple[str, str]]
) -> None:
    model, reason = make(short_directory)
    began_s = time.monotonic()
    with pytest.raises(AssertionError) as caught:
        start_server(short_directory, free_port(), {"MT_MODEL": model})
    took_s = round(time.monotonic() - began_s, 1)
    assert f"cannot start: {reason}" in str(caught.value)
    row = row_of(fault, "nothing: the server does not start, and says why", [], 0)
    record(replace(row, detect_s=took_s, recover_s=None))
