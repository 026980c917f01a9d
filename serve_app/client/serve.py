"""`dragoman serve`: a server in this terminal until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from types import FrameType

from rich.console import Console

from serve_app.client.exits import ExitCode
from serve_app.client.plan import add_configuration, configuration

EXAMPLES = """\
examples:
  dragoman serve                                   on the address that serve_config.yaml names
  dragoman serve --profile gpu-24gb                a configuration that ships with Dragoman
  dragoman serve --host 0.0.0.0 --port 9000        reachable from other machines
  ASR_MODEL=small dragoman serve                   with another speech model
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "serve",
        help="start a server on this machine",
        description="Start a server, say when it is ready or why it cannot start, stop on Ctrl-C.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_configuration(parser)
    parser.add_argument("--host", help="instead of the file's, for example 0.0.0.0")
    parser.add_argument("--port", type=int, help="instead of the file's")
    parser.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="where Prometheus finds the metrics, at /metrics (default: any free port)",
    )
    parser.add_argument("--dashboard", action="store_true", help="with Ray's dashboard")
    parser.add_argument(
        "--grace",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="for sessions to take their leave when the server is stopped (default: 10)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for the models to load (default: 600)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, _console: Console) -> ExitCode:
    """Serve until SIGINT or SIGTERM; sessions then have --grace to take their leave."""
    # Ray takes seconds to import, and the other commands do not need it.
    from serve_app.launch import StartError, load_serve_config, start, stop  # noqa: PLC0415

    grace_s = 0.0
    try:
        schema = load_serve_config(configuration(arguments))
        http_options = schema.http_options.model_copy(update=_chosen_address(arguments))
        schema = schema.model_copy(update={"http_options": http_options})
        running = start(
            schema,
            _say,
            dashboard=arguments.dashboard,
            metrics_port=arguments.metrics_port,
            timeout_s=arguments.timeout,
        )
        _say(f"serving on {running.url} (Ctrl-C stops; logs in {running.log_directory})")
        _say(f"metrics at {running.metrics_url}")
        _wait_for_signal()
        _say("stopping")
        grace_s = arguments.grace
    except StartError as error:
        _say(f"cannot start: {error}")
        return ExitCode.FAILED
    finally:
        stop(_say, grace_s)
    return ExitCode.OK


def _chosen_address(arguments: argparse.Namespace) -> dict[str, object]:
    options = {"host": arguments.host, "port": arguments.port}
    return {key: value for key, value in options.items() if value is not None}


def _wait_for_signal() -> None:
    asked_to_stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()

    # Only now: Ray and Serve put handlers of their own in place while they start.
    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    asked_to_stop.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"dragoman: {text}\n")
    sys.stderr.flush()
