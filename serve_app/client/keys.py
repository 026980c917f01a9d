"""`dragoman keys`: make, list and revoke API keys in the file that the server reads."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from serve_app.auth.keys import SCOPES, KeyRecord, Scope, digest, new_key, problem_with
from serve_app.auth.settings import KEY_FILE_VARIABLE
from serve_app.auth.store import KeyFileError, read_keys, write_keys
from serve_app.client.errors import UsageError
from serve_app.client.exits import ExitCode

DEFAULT_SCOPES: tuple[Scope, ...] = ("stream", "batch")
EXAMPLES = f"""\
examples:
  dragoman keys create kiosk                     make a key and show it, this once
  dragoman keys create page --scope stream       one that may only stream
  dragoman keys list
  dragoman keys revoke 3f9a2b1c

The file is --file, else {KEY_FILE_VARIABLE}, else keys.yaml. It holds hashes, never keys. A running
server sees a change within seconds. To rotate, make a second key of the same client, hand it out,
and revoke the first.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "keys",
        help="make, list and revoke API keys",
        description="Make, list and revoke API keys.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = verbs.add_parser("create", help="make a key and show it, once")
    create.add_argument("client", help="who will hold it, for example kiosk")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help=f"what it may do; repeat for several (default: {' and '.join(DEFAULT_SCOPES)})",
    )
    create.set_defaults(run=run_create)
    listing = verbs.add_parser("list", help="show which keys there are")
    listing.set_defaults(run=run_list)
    revoke = verbs.add_parser("revoke", help="make a key useless")
    revoke.add_argument("id", help="as `dragoman keys list` shows it")
    revoke.set_defaults(run=run_revoke)
    for verb in (create, listing, revoke):
        verb.add_argument("--file", type=Path, default=_default_file(), help="the key file")


def run_create(arguments: argparse.Namespace, _console: Console) -> ExitCode:
    """Print the key alone on standard output; it cannot be shown again."""
    records = _read(arguments.file) if arguments.file.exists() else ()
    key = new_key()
    fields = {
        "id": secrets.token_hex(4),
        "client": arguments.client,
        "scopes": tuple(dict.fromkeys(arguments.scope or DEFAULT_SCOPES)),
        "sha256": digest(key),
        "created": datetime.now(UTC).replace(microsecond=0),
    }
    try:
        record = KeyRecord.model_validate(fields)
    except ValueError as error:
        raise UsageError(
            f"{arguments.client!r} is no name for a client: up to 64 letters, digits, '.', '_', '-'"
        ) from error
    after = (*records, record)
    if problem := problem_with(after):
        raise UsageError(problem)
    _write(arguments.file, after)
    _say(f"{arguments.file}: key {record.id} of {record.client}, {', '.join(record.scopes)}.")
    _say("The key is shown this once and kept nowhere:")
    sys.stdout.write(f"{key}\n")
    return ExitCode.OK


def run_list(arguments: argparse.Namespace, console: Console) -> ExitCode:
    """A row for each key."""
    table = Table("id", "client", "scopes", "created", box=None, pad_edge=False)
    for record in _read(arguments.file):
        row = (record.id, record.client, ", ".join(record.scopes), record.created.isoformat())
        table.add_row(*row)
    console.print(table)
    return ExitCode.OK


def run_revoke(arguments: argparse.Namespace, _console: Console) -> ExitCode:
    """Take the key out of the file; its client secrets end with it."""
    records = _read(arguments.file)
    kept = tuple(record for record in records if record.id != arguments.id)
    if len(kept) == len(records):
        known = ", ".join(record.id for record in records) or "none"
        raise UsageError(f"{arguments.file} has no key {arguments.id!r}; it has {known}")
    _write(arguments.file, kept)
    _say(f"{arguments.file}: key {arguments.id} is revoked.")
    return ExitCode.OK


def _default_file() -> Path:
    return Path(os.environ.get(KEY_FILE_VARIABLE) or "keys.yaml")


def _read(path: Path) -> tuple[KeyRecord, ...]:
    try:
        return read_keys(path)
    except KeyFileError as error:
        raise UsageError(str(error)) from error


def _write(path: Path, records: tuple[KeyRecord, ...]) -> None:
    try:
        write_keys(path, records)
    except KeyFileError as error:
        raise UsageError(str(error)) from error


def _say(text: str) -> None:
    sys.stderr.write(f"dragoman: {text}\n")
