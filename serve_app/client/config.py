"""`dragoman config`: the configuration as it takes effect, and where each value is from."""

from __future__ import annotations

import argparse
import json
import os

from rich.console import Console
from rich.table import Table

from serve_app.client.errors import UsageError
from serve_app.client.exits import ExitCode
from serve_app.client.plan import add_configuration, configuration
from serve_app.environment import ConfigError, Setting

DESCRIPTION = """\
Show every key with the value that takes effect and its source: the file, an environment variable
(DRAGOMAN__SECTION__KEY) or the default. Secrets are masked. Starts nothing.

exit codes: 0 it can be used, 1 its profile forbids something, 2 it cannot be read
"""
EXAMPLES = """\
examples:
  dragoman config                                  serve_config.yaml and the environment
  dragoman config --changed                        only what is not the default
  DRAGOMAN__ASR__BEAM_SIZE=1 dragoman config --json
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "config",
        help="show every setting and where its value is from",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_configuration(parser)
    parser.add_argument("--changed", action="store_true", help="only what is not the default")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """Run the command."""
    # Ray takes seconds to import, and the other commands do not need it.
    from serve_app.config import AppConfig, with_environment  # noqa: PLC0415
    from serve_app.environment import DEFAULT, settings  # noqa: PLC0415
    from serve_app.launch import StartError, load_serve_config  # noqa: PLC0415
    from serve_app.safety import require_safe  # noqa: PLC0415
    from serve_app.serve_file import debug_places  # noqa: PLC0415

    path = configuration(arguments)
    try:
        schema = load_serve_config(path)
        written = schema.applications[0].args
        config = with_environment(AppConfig.model_validate(written), os.environ)
    except (StartError, ConfigError) as error:
        raise UsageError(str(error)) from error
    found = settings(config, written, str(path), os.environ)
    shown = [one for one in found if not arguments.changed or one.source != DEFAULT]
    if arguments.json:
        tree = {one.key: {"value": one.value, "source": one.source} for one in shown}
        console.print(json.dumps(tree), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(_table(shown))
    try:
        require_safe(config, debug_places(schema))
    except ConfigError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return ExitCode.FAILED
    return ExitCode.OK


def _table(shown: list[Setting]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("key", "value", "source"):
        table.add_column(column, overflow="fold")
    for one in shown:
        hidden = f" (instead of {one.instead_of} in the file)" if one.instead_of else ""
        table.add_row(one.key, json.dumps(one.value, ensure_ascii=False), f"{one.source}{hidden}")
    return table
