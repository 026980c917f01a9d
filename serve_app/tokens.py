"""Signed claims that a client carries, so that any replica can go on where another stopped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serve_app.errors import InvalidRequestError

_VERSION = "d1"
MAX_TOKEN_CHARACTERS = 65_536


class TokenError(InvalidRequestError):
    """The token was not made by this server, or was changed."""

    code = "invalid_resume_token"


class TokenExpiredError(TokenError):
    """The token was good once."""

    code = "expired_resume_token"


class TokenSigner:
    """HMAC-SHA256 over JSON. The first key signs; all verify, so that keys can be rotated."""

    def __init__(
        self, keys: Sequence[str], ttl_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        if not keys:
            raise ValueError("a signer needs a key")
        self._keys = [key.encode() for key in keys]
        self._ttl_s = ttl_s
        self._clock = clock

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Claims that JSON can say, valid for `ttl_s` from now."""
        dated = {**claims, "exp": int(self._clock() + self._ttl_s)}
        body = _encode(json.dumps(dated, ensure_ascii=False, separators=(",", ":")).encode())
        return f"{_VERSION}.{body}.{_encode(self._mac(self._keys[0], body))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims; TokenError, TokenExpiredError."""
        version, _, rest = token.partition(".")
        body, _, mac = rest.partition(".")
        if version != _VERSION or len(token) > MAX_TOKEN_CHARACTERS or not self._known(body, mac):
            raise TokenError(
                "The resume token was not signed by this server, or was changed on the way. Send "
                "the last resume_token exactly as it came, or open a new session without one.",
                param="resume_token",
            )
        claims: dict[str, Any] = json.loads(_decode(body))
        if claims["exp"] < self._clock():
            raise TokenExpiredError(
                f"The resume token is over {self._ttl_s:g} s old. Open a new session without one.",
                param="resume_token",
            )
        return claims

    def _known(self, body: str, mac: str) -> bool:
        try:
            given = _decode(mac)
            return any(hmac.compare_digest(self._mac(key, body), given) for key in self._keys)
        except ValueError:
            return False

    @staticmethod
    def _mac(key: bytes, body: str) -> bytes:
        return hmac.new(key, f"{_VERSION}.{body}".encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
