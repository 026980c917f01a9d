"""A server whose engines hear the words that a test wrote into the audio, under Ray Serve."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.conftest import ROOT, Server, free_port, start, stop_server

REPORT_INTERVAL_MS = 1_000
"""How often Ray's processes report their metrics; 10 s otherwise."""


def write_config(
    path: Path,
    port: int,
    *,
    args: dict[str, Any] | None = None,
    encoding: str = "TEXT",
    deployments: dict[str, dict[str, Any]] | None = None,
) -> None:
    """serve_config.yaml with oracles; `deployments` changes Serve's own settings by name."""
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    config["http_options"]["port"] = port
    config["logging_config"]["encoding"] = encoding
    (application,) = config["applications"]
    application["args"] = {stage: {"engine": "oracle"} for stage in ("vad", "asr", "mt")}
    for section, values in (args or {}).items():
        application["args"][section] = {**application["args"].get(section, {}), **values}
    for deployment in application["deployments"]:
        changes = (deployments or {}).get(deployment["name"], {})
        if "num_replicas" in changes:
            del deployment["autoscaling_config"]
        deployment.update(changes)
    path.write_text(yaml.safe_dump(config))


@contextmanager
def oracle_server(
    directory: Path,
    metrics_port: int,
    *,
    port: int | None = None,
    **changes: Any,  # noqa: ANN401
) -> Iterator[Server]:
    """`dragoman serve` with oracles, on a Ray of its own; it must end well."""
    port = port or free_port()
    path = directory / "oracle.yaml"
    write_config(path, port, **changes)
    command = [sys.executable, "-m", "serve_app.client.cli", "serve", str(path)]
    command += ["--metrics-port", str(metrics_port)]
    environment = {"RAY_metrics_report_interval_ms": str(REPORT_INTERVAL_MS)}
    server = start(command, directory, port, environment)
    try:
        yield server
    finally:
        code = stop_server(server)
    assert code == 0, server.log.read_text()
