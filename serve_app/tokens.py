"""Signed claims that a client carries, so that any replica can go on where another stopped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve_app.errors import InvalidRequestError

MAX_TOKEN_CHARACTERS = 65_536


class TokenError(InvalidRequestError):
    """The token was not made by this server, or was changed."""


class TokenExpiredError(TokenError):
    """The token was good once."""


@dataclass(frozen=True, slots=True)
class TokenKind:
    """What a token is for. One kind never passes as another: the mark is signed as well."""

    mark: str
    """What the token begins with."""
    name: str
    """In errors, as a parameter: `resume_token`."""
    advice: str
    """What a client with a bad one should do."""


RESUME = TokenKind(
    "d1",
    "resume_token",
    "Send the last resume_token exactly as it came, or open a new session without one.",
)

REALTIME_RESUME = TokenKind("d1r", RESUME.name, RESUME.advice)
"""Of OpenAI's sockets: it holds what the client was told as well."""


class TokenSigner:
    """HMAC-SHA256 over JSON. The first key signs; all verify, so that keys can be rotated."""

    def __init__(
        self,
        keys: Sequence[str],
        ttl_s: float,
        clock: Callable[[], float] = time.time,
        *,
        kind: TokenKind = RESUME,
    ) -> None:
        if not keys:
            raise ValueError("a signer needs a key")
        self._keys = [key.encode() for key in keys]
        self._ttl_s = ttl_s
        self._clock = clock
        self._kind = kind

    def sign(self, claims: Mapping[str, Any], ttl_s: float | None = None) -> str:
        """Claims that JSON can say, valid from now for `ttl_s`, or as long as all of its kind."""
        lasts_s = self._ttl_s if ttl_s is None else ttl_s
        dated = {**claims, "exp": int(self._clock() + lasts_s)}
        body = _encode(json.dumps(dated, ensure_ascii=False, separators=(",", ":")).encode())
        return f"{self._kind.mark}.{body}.{_encode(self._mac(self._keys[0], body))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims; TokenError, TokenExpiredError."""
        mark, _, rest = token.partition(".")
        body, _, mac = rest.partition(".")
        kind, name = self._kind, self._kind.name.replace("_", " ")
        if mark != kind.mark or len(token) > MAX_TOKEN_CHARACTERS or not self._known(body, mac):
            raise TokenError(
                f"The {name} was not signed by this server, or was changed on the way. "
                f"{kind.advice}",
                param=kind.name,
                code=f"invalid_{kind.name}",
            )
        claims: dict[str, Any] = json.loads(_decode(body))
        late_s = self._clock() - claims["exp"]
        if late_s > 0:
            raise TokenExpiredError(
                f"The {name} expired {late_s:.0f} s ago. {kind.advice}",
                param=kind.name,
                code=f"expired_{kind.name}",
            )
        return claims

    def _known(self, body: str, mac: str) -> bool:
        try:
            given = _decode(mac)
            return any(hmac.compare_digest(self._mac(key, body), given) for key in self._keys)
        except ValueError:
            return False

    def _mac(self, key: bytes, body: str) -> bytes:
        return hmac.new(key, f"{self._kind.mark}.{body}".encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
