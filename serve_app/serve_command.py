"""`dragoman serve`: a server in this terminal until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from serve_app.launch import StartError, load_serve_config, start, stop

EXIT_OK = 0
EXIT_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path("serve_config.yaml"), help="Serve's YAML file"
    )
    parser.add_argument("--host", help="instead of the file's, for example 0.0.0.0")
    parser.add_argument("--port", type=int, help="instead of the file's")
    parser.add_argument("--dashboard", action="store_true", help="with Ray's dashboard")
    parser.add_argument(
        "--timeout", type=float, default=600.0, metavar="SECONDS", help="for the models to load"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; sessions are then given their grace period."""
    asked_to_stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()

    try:
        schema = load_serve_config(arguments.config)
        options = {"host": arguments.host, "port": arguments.port}
        chosen = {key: value for key, value in options.items() if value is not None}
        http_options = schema.http_options.model_copy(update=chosen)
        schema = schema.model_copy(update={"http_options": http_options})
        running = start(schema, _say, dashboard=arguments.dashboard, timeout_s=arguments.timeout)
        # Ray and Serve put handlers of their own in place while they start.
        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)
        _say(f"serving on {running.url} (Ctrl-C stops; logs in {running.log_directory})")
        asked_to_stop.wait()
        _say("stopping")
    except StartError as error:
        _say(f"cannot start: {error}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        _say("stopping")
    finally:
        stop()
    return EXIT_OK


def _say(text: str) -> None:
    sys.stderr.write(f"dragoman: {text}\n")
    sys.stderr.flush()
