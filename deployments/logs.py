"""What every log line of a replica says beside its message.

Lines go through Serve's logger, so `logging_config: {encoding: JSON}` in serve_config.yaml makes
them JSON, with Serve's own fields (request_id, route, deployment, replica). Ids and numbers only:
what people said is never logged at INFO and above.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from datetime import UTC, datetime

SERVICE = "dragoman"

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


def set_up_logs() -> None:
    """Once in a process, from the constructor of its deployment: Serve's logger is set up then."""
    if not any(isinstance(known, Fields) for known in logger.filters):
        logger.addFilter(Fields())
