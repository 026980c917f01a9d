"""Wire JSON back to the event types; the counterpart of `events.to_wire`. Knows no transport."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeVar

from serve_app.client.errors import MalformedEventError
from serve_app.session import events
from serve_app.session.events import Event, TimedWord, Usage

_T = TypeVar("_T", TimedWord, Usage)

MAX_LINE_BYTES = 4 * 1024 * 1024
"""No event is longer; a longer line comes from something that is no Dragoman server."""


@dataclass(frozen=True, slots=True)
class UnknownEvent(Event):
    """An event type that is newer than this client."""

    type: ClassVar[str] = "unknown"
    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """One event as it came in."""

    seq: int
    """Number in the session, rising."""
    event: Event
    line: str
    """The JSON exactly as the server sent it."""


_TYPES: dict[str, type[Event]] = {
    kind.type: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}


def decode_line(line: bytes) -> Received:
    """One line of NDJSON; raises MalformedEventError."""
    try:
        text = line.decode()
        wire = json.loads(text)
        name, seq = str(wire["type"]), int(wire["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedEventError(
            f"The server sent a line that is no event: {line[:200]!r}. Is this a Dragoman server?"
        ) from error
    return Received(seq, from_wire(name, wire), text)


def from_wire(name: str, wire: Mapping[str, Any]) -> Event:
    """The typed event; fields that this client does not know are left out."""
    kind = _TYPES.get(name)
    if kind is None:
        return UnknownEvent(name, wire)
    missing = [
        item.name
        for item in fields(kind)
        if item.name not in wire and item.default is MISSING and item.default_factory is MISSING
    ]
    if missing:
        raise MalformedEventError(f"The server sent {name} without {', '.join(missing)}.")
    known = {item.name: wire[item.name] for item in fields(kind) if item.name in wire}
    if "words" in known:
        known["words"] = tuple(_nested(TimedWord, word) for word in known["words"])
    if "usage" in known:
        known["usage"] = _nested(Usage, known["usage"])
    return kind(**known)


def _nested(kind: type[_T], wire: Mapping[str, Any]) -> _T:
    names = [item.name for item in fields(kind)]
    try:
        return kind(**{name: wire[name] for name in names})
    except (KeyError, TypeError) as error:
        raise MalformedEventError(f"The server sent {wire!r} as {kind.__name__}.") from error


class LineSplitter:
    """Bytes in any pieces to whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without empty ones; raises MalformedEventError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise MalformedEventError(f"The server sent a line of over {MAX_LINE_BYTES} bytes.")
        return [line for line in lines if line.strip()]
