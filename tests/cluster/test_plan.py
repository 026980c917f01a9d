"""A plan that does not fit is refused by Serve itself, whoever hands it over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import ROOT, STOP_TIMEOUT_S, free_port

pytestmark = pytest.mark.cluster

REFUSAL_TIMEOUT_S = 120
REFUSAL = "1 of 1 replicas of Vad can never be placed"


def test_serve_run_is_refused_with_the_arithmetic(short_directory: Path) -> None:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    config["http_options"]["port"] = free_port()
    config["applications"][0]["args"]["pods"] = {"cpus": 1.5}
    config["applications"][0]["deployments"] = [{"name": "Asr", "num_replicas": 2}]
    path, log = short_directory / "too_much.yaml", short_directory / "server.log"
    path.write_text(yaml.safe_dump(config))
    serve = str(Path(sys.executable).with_name("serve"))
    inherited = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [serve, "run", str(path)],
            stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
            env={**inherited, "RAY_TMPDIR": str(short_directory)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + REFUSAL_TIMEOUT_S
        while REFUSAL not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    told = log.read_text()
    assert REFUSAL in told
    assert "1 pod with 1.5 cores and no GPU hold at most 2 x Asr (0.5 cores)" in told
