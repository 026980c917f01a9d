"""How the `dragoman` command ends."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status; also in `dragoman --help`."""

    OK = 0
    FAILED = 1
    """The work was begun and did not succeed."""
    USAGE = 2
    """The command line or the file is at fault; argparse uses it too."""
    UNREACHABLE = 3
    """No server answers."""
    INTERRUPTED = 130
    """Ctrl-C."""
    PIPE_CLOSED = 141
    """Whoever read the output went away."""
