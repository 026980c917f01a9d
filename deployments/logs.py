"""What every log line of a replica says beside its message, and what none of them says.

Lines go through Serve's logger, so `logging_config: {encoding: JSON}` in serve_config.yaml makes
them JSON, with Serve's own fields (request_id, route, deployment, replica). Ids and numbers only:
what people said is never logged at INFO and above. Messages of errors may quote it, ours or a
library's, so tracebacks go without them but at DEBUG.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

from ray.exceptions import RayError, RayTaskError

from deployments.gpu_errors import is_gpu_failure

SERVICE = "dragoman"
WITHHELD = "(its message is not logged, because it may quote what was said; log_level DEBUG does)"
_ABOUT_MACHINES = (OSError, MemoryError, ImportError, RayError)
"""What these say is of files, networks and processes."""

current_session: ContextVar[str | None] = ContextVar("current_session", default=None)
"""The session that a task works for; tasks hand it on to those that they start."""

logger = logging.getLogger("ray.serve")


class Fields(logging.Filter):
    """Adds `timestamp`, `service`, `level`, and `session_id` where there is one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        moment = datetime.fromtimestamp(record.created, UTC)
        record.timestamp = moment.isoformat(timespec="milliseconds")
        record.service = SERVICE
        record.level = record.levelname
        if (session_id := current_session.get()) is not None:
            record.session_id = session_id
        return True


class Discretion(logging.Filter):
    """Takes out of tracebacks what errors quote."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not logger.isEnabledFor(logging.DEBUG):
            # Formatters take it for what they would have made of exc_info themselves.
            record.exc_text = discreet_traceback(error)
        return True


def set_up_logs() -> None:
    """Once in a process, from the constructor of its deployment: Serve's logger is set up then."""
    for kind in (Fields, Discretion):
        if not any(isinstance(known, kind) for known in logger.filters):
            logger.addFilter(kind())


def discreet(error: BaseException) -> str:
    """An error's type, and its message where that cannot quote anybody."""
    name = type(error).__name__
    safe = isinstance(error, _ABOUT_MACHINES) and not isinstance(error, RayTaskError)
    if safe or is_gpu_failure(error):
        return f"{name}: {error}" if str(error) else name
    return name


def discreet_traceback(error: BaseException) -> str:
    """Where an error and those that led to it were raised."""
    chain = [error]
    while (before := _before(chain[-1])) is not None and before not in chain:
        chain.append(before)
    return "\n\nwhich led to:\n\n".join(map(_raised, reversed(chain)))


def _before(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _raised(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    told = discreet(error)
    withheld = f" {WITHHELD}" if str(error) and told == type(error).__name__ else ""
    return f"Traceback (most recent call last):\n{places}{told}{withheld}"
