"""The audit log: who used the server, from where, through which door, and how that ended.

Names, numbers and codes alone: no text, no audio, no key, no token, no URL. Each line is a JSON
object, on a logger of its own that writes a file of its own beside the replica's log.
"""

from __future__ import annotations

import json
import logging
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging.handlers import MemoryHandler, RotatingFileHandler
from pathlib import Path
from typing import Literal

from serve_app.auth.keys import Principal

Event = Literal["opened", "resumed", "ended", "served", "refused"]
"""A session began, went on here, is over; another request was answered, or was not."""

logger = logging.getLogger("dragoman.audit")
_serve_logger = logging.getLogger("ray.serve")


@dataclass(slots=True)
class Call:
    """One request, or one connection."""

    door: str
    """Method and path as the router has it: `WS /v1/stream`."""
    peer: str
    """Address of who is connected; of a proxy in front, unless the server trusts it."""
    principal: Principal | None = None
    """Who it is; None where nobody asked or nobody is known."""
    session_id: str | None = None
    code: str | None = None
    """Of the error that the caller was told."""
    began_s: float = field(default_factory=time.monotonic)

    def note(self, event: Event, **fields: str | float | None) -> None:
        """Write a line."""
        line: dict[str, str | float | None] = {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "door": self.door,
            "peer": self.peer,
            "client": self.principal.client if self.principal else None,
            "key": self.principal.key_id if self.principal else None,
            "session": self.session_id,
            "code": self.code,
            **fields,
        }
        if event not in ("opened", "resumed"):
            line["lasted_s"] = round(time.monotonic() - self.began_s, 3)
        told = {name: value for name, value in line.items() if value is not None}
        logger.info(json.dumps(told, ensure_ascii=True))


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The request that a task answers."""


def set_up_audit() -> None:
    """Once in a process, when Serve's own logger is set up."""
    logger.setLevel(logging.INFO)
    if logger.handlers:
        return
    handler = _beside_log() or logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.propagate = False


def _beside_log() -> logging.Handler | None:
    """`audit_<replica>.log` beside Serve's file of this replica, rotated as that is."""
    for handler in _serve_logger.handlers:
        file = handler.target if isinstance(handler, MemoryHandler) else handler
        if isinstance(file, RotatingFileHandler):
            path = Path(file.baseFilename)
            name = f"audit_{path.name.removeprefix('replica_')}"
            return RotatingFileHandler(
                path.with_name(name), maxBytes=file.maxBytes, backupCount=file.backupCount
            )
    return None
