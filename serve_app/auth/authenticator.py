"""From what a caller shows to who it is."""

from __future__ import annotations

from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import Scope as AsgiScope

from serve_app.auth.client_secrets import PREFIX as SECRET_PREFIX
from serve_app.auth.client_secrets import SecretSigner
from serve_app.auth.keys import ANYBODY, PREFIX, Principal
from serve_app.auth.store import KeySource
from serve_app.errors import UnauthorizedError
from serve_app.tokens import TokenError

KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers on a WebSocket; OpenAI's take the key as a subprotocol."""
HOW_TO_SHOW = (
    "Send it as a header, Authorization: Bearer KEY; on a browser's WebSocket as the subprotocol "
    f"{KEY_SUBPROTOCOL}KEY beside realtime. Keys never go into a URL."
)


class Authenticator(Protocol):
    """Tells who a caller is."""

    @property
    def unknown(self) -> Principal | None:
        """Who a caller is that shows nothing, at a door that checks tokens of its own."""
        ...

    def principal(self, credential: str | None) -> Principal:
        """The caller that shows this; raises UnauthorizedError."""
        ...

    def guest(self, client: str, key_id: str) -> Principal:
        """Whom the holder of a key has invited; raises UnauthorizedError."""
        ...


class KeyAuthenticator:
    """Lets in who holds a key, or a client secret that the holder of a good key asked for."""

    def __init__(self, keys: KeySource, secrets: SecretSigner) -> None:
        self._keys = keys
        self._secrets = secrets

    @property
    def unknown(self) -> Principal | None:
        """Nobody."""
        return None

    def principal(self, credential: str | None) -> Principal:
        """Raises UnauthorizedError."""
        if not credential:
            raise UnauthorizedError(
                f"This server wants an API key. {HOW_TO_SHOW}", code="missing_api_key"
            )
        if credential.startswith(SECRET_PREFIX):
            found = principal_of_secret(self._secrets, credential)
            self._require_good(found.key_id, "client secret", "invalid_client_secret")
            return found
        record = self._keys.ring().find(credential)
        if record is None:
            raise UnauthorizedError(
                "The API key is not known here; it may have been revoked. A key begins with "
                f"{PREFIX} and is made with: dragoman keys create CLIENT.",
                code="invalid_api_key",
            )
        return Principal(record.client, record.id, frozenset(record.scopes))

    def guest(self, client: str, key_id: str) -> Principal:
        """May stream, and uses the client's share."""
        self._require_good(key_id, "link", "invalid_conversation_token")
        return Principal(client, key_id, frozenset({"stream"}))

    def _require_good(self, key_id: str, made: str, code: str) -> None:
        if self._keys.ring().by_id(key_id) is None:
            raise UnauthorizedError(
                f"The API key that this {made} was made with has been revoked. Ask whoever gave it "
                "to you for another.",
                code=code,
            )


class OpenAuthenticator:
    """Lets anybody in; a client secret still binds what it is bound to."""

    def __init__(self, secrets: SecretSigner) -> None:
        self._secrets = secrets

    @property
    def unknown(self) -> Principal | None:
        """Anybody, like all."""
        return ANYBODY

    def principal(self, credential: str | None) -> Principal:
        """Raises UnauthorizedError for a client secret that is not good."""
        if credential and credential.startswith(SECRET_PREFIX):
            return principal_of_secret(self._secrets, credential)
        return ANYBODY

    def guest(self, client: str, key_id: str) -> Principal:
        """Anybody, like all."""
        return ANYBODY


def principal_of_secret(secrets: SecretSigner, credential: str) -> Principal:
    """May stream and nothing else; raises UnauthorizedError."""
    try:
        holder = secrets.read(credential)
    except TokenError as error:
        raise UnauthorizedError(error.message, code=error.code) from error
    return Principal(holder.client, holder.key_id, frozenset({"stream"}), holder.secret)


def credential_of(scope: AsgiScope) -> str | None:
    """What a caller shows, wherever it may; raises UnauthorizedError for what cannot be read."""
    given = Headers(scope=scope).getlist("authorization")
    if len(given) > 1:
        raise UnauthorizedError(
            f"There are {len(given)} authorization headers; send one.", code="invalid_api_key"
        )
    if given:
        scheme, _, credential = given[0].partition(" ")
        if scheme.lower() != "bearer" or not credential.strip():
            raise UnauthorizedError(
                f"The authorization header is not a bearer key. {HOW_TO_SHOW}",
                code="invalid_api_key",
            )
        return credential.strip()
    offered = [
        name.removeprefix(KEY_SUBPROTOCOL)
        for name in scope.get("subprotocols", ())
        if name.startswith(KEY_SUBPROTOCOL)
    ]
    return offered[0] if offered else None
