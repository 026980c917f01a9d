"""A server that deploys every configuration file that is named on its standard input.

It says on its standard output when all replicas of one are there.

python -m tests.cluster.changing_server CONFIG METRICS_PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

from serve_app.launch import _deploy, _wait_until_running, load_serve_config, start, stop

TIMEOUT_S = 120.0


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(config: str, metrics_port: int) -> None:
    schema = load_serve_config(Path(config))
    try:
        start(schema, say, dashboard=False, metrics_port=metrics_port, timeout_s=TIMEOUT_S)
        tell("started")
        for line in sys.stdin:
            schema = load_serve_config(Path(line.strip()))
            _deploy(schema)
            _wait_until_running([app.name for app in schema.applications], say, TIMEOUT_S)
            tell("deployed")
    finally:
        stop(say)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
