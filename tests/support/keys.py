"""A service with keys, and the keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from serve_app.api.service import Service
from serve_app.auth.keys import KeyRecord, Scope, digest, new_key
from serve_app.auth.settings import AuthSettings


@dataclass(frozen=True)
class Key:
    """A key and what the server keeps of it."""

    key: str
    record: KeyRecord


def key_for(client: str, *scopes: Scope, name: str = "") -> Key:
    key = new_key()
    record = KeyRecord(
        id=name or client,
        client=client,
        scopes=scopes,
        sha256=digest(key),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Key(key, record)


def with_keys(service: Service, *keys: Key) -> Service:
    auth = AuthSettings(keys=tuple(key.record for key in keys))
    return replace(service, config=service.config.model_copy(update={"auth": auth}))
