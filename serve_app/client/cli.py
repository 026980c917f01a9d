"""The `dragoman` command: its subcommands, its exit codes, and how errors are told."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console

from serve_app.client import config, demo, doctor, keys, listen, plan, serve, translate
from serve_app.client.errors import (
    ClientError,
    RequestRejectedError,
    ServerUnreachableError,
    SessionRefusedError,
    UsageError,
)
from serve_app.client.exits import ExitCode

EPILOG = """\
exit codes:
  0  done                             3  no server answers at the URL
  1  it failed                      130  stopped with Ctrl-C
  2  wrong usage or unusable file   141  the reader of the output went away

examples:
  dragoman demo                                 start a server and translate sample speech
  dragoman translate talk.mp3 --to de --to es
  dragoman listen --to de                       translate what is said into a microphone
  dragoman serve                                start a server
  dragoman plan --profile gpu-24gb              whether models and replicas fit
  dragoman doctor                               what is missing, and how to mend it
  dragoman keys create kiosk                    make an API key
"""


class PipeConsole(Console):
    """Leaves a closed pipe to `main`; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Called while the error is being handled."""
        raise BrokenPipeError


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments, PipeConsole()))
    except ClientError as error:
        Console(stderr=True).print(
            f"dragoman: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        return int(_exit_code(error))
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Python flushes standard output once more at exit, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.PIPE_CLOSED)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="dragoman",
        description="Live speech translation.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serve.add_parser(commands)
    translate.add_parser(commands)
    listen.add_parser(commands)
    plan.add_parser(commands)
    config.add_parser(commands)
    doctor.add_parser(commands)
    demo.add_parser(commands)
    keys.add_parser(commands)
    return parser


def _exit_code(error: ClientError) -> ExitCode:
    match error:
        case ServerUnreachableError():
            return ExitCode.UNREACHABLE
        case UsageError() | SessionRefusedError():
            return ExitCode.USAGE
        case RequestRejectedError(status=status) if 400 <= status < 500:
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILED


def _version() -> str:
    try:
        return version("dragoman")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
