"""Client secrets: what a browser gets instead of a key, good on every replica for some minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from serve_app.tokens import TokenKind, TokenSigner

PREFIX = "ek_"
"""As OpenAI's begin."""
CLIENT_SECRET = TokenKind(
    f"{PREFIX}1", "client_secret", "Ask the server that gave it to you for another."
)
MIN_TTL_S, DEFAULT_TTL_S, MAX_TTL_S = 10, 600, 7_200
"""As OpenAI has them."""

SecretFor = Literal["transcription", "translation"]


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What a client secret is bound to."""

    session_type: SecretFor
    session: Mapping[str, Any]
    """Configuration that its sessions begin with."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A secret on its way to the client."""

    value: str
    expires_at: int
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a verified secret stands for."""

    client: str
    key_id: str
    secret: ClientSecret


class SecretSigner:
    """Issues and reads client secrets."""

    def __init__(self, keys: Sequence[str], clock: Callable[[], float] = time) -> None:
        self._tokens = TokenSigner(keys, DEFAULT_TTL_S, clock, kind=CLIENT_SECRET)

    def issue(self, holder: Holder, ttl_s: int) -> Issued:
        """A secret that is good from now for `ttl_s`."""
        secret = holder.secret
        claims = {
            "client": holder.client,
            "key": holder.key_id,
            "for": secret.session_type,
            "session": dict(secret.session),
        }
        value = self._tokens.sign(claims, ttl_s)
        return Issued(value, int(self._tokens.verify(value)["exp"]))

    def read(self, value: str) -> Holder:
        """Raises TokenError, TokenExpiredError."""
        claims = self._tokens.verify(value)
        secret = ClientSecret(claims["for"], claims["session"])
        return Holder(claims["client"], claims["key"], secret)
