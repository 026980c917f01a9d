"""What the commands that open a session have in common on the command line."""

from __future__ import annotations

import argparse
import os
from typing import get_args

from serve_app.client.api import AsyncClient
from serve_app.client.options import DEFAULT_URL, StreamOptions
from serve_app.session.append import MtMode
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay

API_KEY_VARIABLE = "DRAGOMAN_API_KEY"


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """What to ask of the session, where, and how to show it."""
    parser.add_argument(
        "--to",
        dest="targets",
        metavar="LANG",
        action="append",
        default=[],
        help="language to translate into, such as de; repeat it for more; without it: text only",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="LANG",
        default="auto",
        help="spoken language, or auto to detect it (default: auto)",
    )
    parser.add_argument(
        "--mt-mode",
        choices=get_args(MtMode),
        help="translations grow and are never taken back (append), are revised until the sentence "
        "is complete, or come when it is (final); without it: the server's choice",
    )
    parser.add_argument(
        "--url",
        dest="urls",
        action="append",
        help=f"server (default: {DEFAULT_URL}); repeat it for others to go on at when one is lost",
    )
    parser.add_argument(
        "--delay",
        choices=get_args(Delay),
        help="from fastest to best; the server's own setting without it",
    )
    parser.add_argument(
        "--policy",
        choices=get_args(PolicyName),
        help="when words are committed; as the delay has it without this",
    )
    parser.add_argument("--json", action="store_true", help="print the raw events, one per line")


def stream_options(arguments: argparse.Namespace) -> StreamOptions:
    """What the command line asks for."""
    return StreamOptions(
        targets=tuple(dict.fromkeys(arguments.targets)),
        source=arguments.source,
        delay=arguments.delay,
        policy=arguments.policy,
        mt_mode=arguments.mt_mode,
    )


def new_client(arguments: argparse.Namespace) -> AsyncClient:
    """A client of the servers that the command line names."""
    # Not an argument: other users of the machine can read those.
    return AsyncClient(arguments.urls or DEFAULT_URL, api_key=os.environ.get(API_KEY_VARIABLE))
