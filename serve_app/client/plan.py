"""`dragoman plan`: whether the replicas fit on the machines, without starting anything."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from serve_app.client.errors import UsageError
from serve_app.client.exits import ExitCode
from serve_app.client.plan_view import as_json, show
from serve_app.profiles import SIZES, UnknownProfileError, profile_path

DESCRIPTION = """\
Check a configuration against the machines that it describes under `pods`: the memory of each model,
the shares of GPUs and cores, and whether all replicas find a place. Starts and downloads nothing.

exit codes: 0 it fits, 1 it does not, 2 the file cannot be used
"""
EXAMPLES = """\
examples:
  dragoman plan                          serve_config.yaml
  dragoman plan --profile gpu-24gb       a profile that ships with Dragoman
  dragoman plan my.yaml --json           for programs
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "plan",
        help="check that models and replicas fit on GPUs and cores",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_configuration(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Declare what names a configuration: a file, or a profile that ships."""
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        help="Serve's YAML file (default: serve_config.yaml)",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help=f"one that ships, instead of a file: cpu, gpu-24gb, ...; or {', '.join(SIZES)}",
    )


def configuration(arguments: argparse.Namespace) -> Path:
    """The file that the arguments name; raises UsageError."""
    if arguments.profile is None:
        return arguments.config or Path("serve_config.yaml")
    if arguments.config is not None:
        raise UsageError("Give a file or --profile, not both.")
    try:
        return profile_path(arguments.profile)
    except UnknownProfileError as error:
        raise UsageError(str(error)) from error


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    # Ray takes seconds to import, and the other commands do not need it.
    from deployments.models import ModelError  # noqa: PLC0415
    from serve_app.launch import StartError, load_serve_config  # noqa: PLC0415
    from serve_app.planning import plan_application, usable_cpus  # noqa: PLC0415

    path = configuration(arguments)
    try:
        [application] = load_serve_config(path).applications
        plan = plan_application(application, usable_cpus())
    except (StartError, ModelError) as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        raise UsageError(f"{path} must hold one application.") from error
    if arguments.json:
        console.print(json.dumps(as_json(plan)), markup=False, highlight=False, soft_wrap=True)
    else:
        show(plan, str(path), console)
    return ExitCode.FAILED if plan.problems else ExitCode.OK
