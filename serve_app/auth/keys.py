"""API keys: how they look, what is kept of them, and how one is found."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from serve_app.auth.client_secrets import ClientSecret

Scope = Literal["stream", "batch", "view", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may do: live sessions; files and texts; read along in its client's sessions."""
ADMIN: Scope = "admin"
"""May do whatever the others may."""

PREFIX = "dgm_"
"""By which people and secret scanners know a key of this server."""
KEY_BYTES = 32
"""Of randomness: a hash of it needs no salt and no slow function."""
MAX_LIVE_KEYS = 2
"""Of one client: the one in use, and the one that replaces it."""


class KeyRecord(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{4,32}$")]
    """Names the key in lists and logs; no part of the key itself."""
    client: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    """Who holds it; limits are counted by client."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that is known."""

    client: str
    key_id: str
    scopes: frozenset[Scope]
    secret: ClientSecret | None = None
    """Where the caller came with a client secret, what it is bound to."""

    def may(self, scope: Scope) -> bool:
        """Whether the caller's key has the scope."""
        return scope in self.scopes or ADMIN in self.scopes


ANYBODY = Principal("anybody", "none", frozenset(SCOPES))
"""Every caller of a server without keys."""


def new_key() -> str:
    """A key that nobody has yet."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRing:
    """The keys that are good now."""

    def __init__(self, records: Sequence[KeyRecord]) -> None:
        self._known = [(bytes.fromhex(record.sha256), record) for record in records]
        self._ids = {record.id: record for record in records}

    def find(self, key: str) -> KeyRecord | None:
        """The record of a key. The time it takes does not depend on which one it is, if any."""
        given = bytes.fromhex(digest(key))
        found = None
        for known, record in self._known:
            if hmac.compare_digest(known, given):
                found = record
        return found

    def by_id(self, key_id: str) -> KeyRecord | None:
        """The record with the id, while the key is good."""
        return self._ids.get(key_id)


def problem_with(records: Iterable[KeyRecord]) -> str | None:
    """Why the records cannot stand together, if they cannot."""
    listed = list(records)
    for name, values in (
        ("id", [record.id for record in listed]),
        ("sha256", [record.sha256 for record in listed]),
    ):
        double = [value for value, count in Counter(values).items() if count > 1]
        if double:
            return f"two keys have the {name} {double[0]}; remove one"
    for client, count in Counter(record.client for record in listed).items():
        if count > MAX_LIVE_KEYS:
            return (
                f"the client {client!r} has {count} keys, and may have {MAX_LIVE_KEYS}: the one in "
                "use and its successor; revoke those that are no longer used"
            )
    return None
