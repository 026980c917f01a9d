"""In front of every door: who calls, and whether the caller may go through this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from serve_app.audit import current_call
from serve_app.auth.authenticator import Authenticator, credential_of
from serve_app.auth.client_secrets import SecretFor
from serve_app.auth.keys import PREFIX, Principal, Scope
from serve_app.errors import DragomanError, ForbiddenError, UnauthorizedError
from serve_app.viewers.links import Invitation

PAGES = ("/", "/view", "/conversation")
DESCRIPTION = "/openapi.json"
OPEN_PATHS = frozenset({*PAGES, "/health/live", "/health/ready", DESCRIPTION, "/v1/languages"})
"""What anybody may see: pages and languages, the description of the doors, that it lives."""
OPEN_FOLDERS = ("/web/",)
"""What the pages are made of."""
OWN_TOKENS = ("/v1/sessions/", "/v1/conversations/")
"""Doors that take signed tokens of their own, `token` in the query, and check them themselves."""
INVITED_DOOR = "/v1/stream"
"""Where the two sides of a conversation speak: the token in the URL's `conversation` does."""
SCOPES: tuple[tuple[str, tuple[Scope, ...]], ...] = (
    ("/v1/stream", ("stream",)),
    ("/v1/realtime", ("stream",)),
    ("/v1/conversations", ("stream",)),
    ("/v1/sessions/", ("view",)),
    ("/v1/audio/", ("batch",)),
    ("/v1/translate", ("batch",)),
    ("/v1/models", ("stream", "batch")),
)
"""What a key must have, one of several, by the beginning of a path."""
SECRET_DOORS: dict[SecretFor, frozenset[str]] = {
    "transcription": frozenset({"/v1/realtime", "/v1/stream"}),
    "translation": frozenset({"/v1/realtime/translations", "/v1/stream"}),
}
"""Where a client secret lets its holder in."""

PRINCIPAL = "dragoman.principal"
"""Where in the scope the guard leaves who calls."""


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware; refuses in OpenAI's shape, a WebSocket before it is accepted."""

    app: ASGIApp
    authenticator: Authenticator
    count: Callable[[DragomanError], None]
    """Told of every refusal."""
    invited: Callable[[str], Invitation]
    """Reads a conversation's token; raises DragomanError for one that lets nobody in."""
    described_to_all: bool = True
    """Whether the description of the doors takes no key."""

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Let the call through, with its principal in the scope."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            scope[PRINCIPAL] = self._admit(scope)
        except DragomanError as error:
            self.count(error)
            await refuse(error, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _admit(self, scope: AsgiScope) -> Principal | None:
        path = path_of(scope)
        if is_for_everybody(scope) and (self.described_to_all or path != DESCRIPTION):
            return None
        if path.startswith(OWN_TOKENS) and (_has_token(scope) or not _shows_key(scope)):
            return self.authenticator.unknown
        if path == INVITED_DOOR and scope["type"] == "websocket":
            invitation = self._invitation(scope)
            if invitation is not None:
                return self.authenticator.guest(invitation.client, invitation.key_id)
        principal = self.authenticator.principal(credential_of(scope))
        _require_door(principal, path)
        return principal

    def _invitation(self, scope: AsgiScope) -> Invitation | None:
        """What lets in one side of a conversation, where the URL has it and no key is shown."""
        token = QueryParams(scope["query_string"]).get("conversation")
        if token is None or credential_of(scope) is not None:
            return None
        return self.invited(token)


def is_for_everybody(scope: AsgiScope) -> bool:
    """Whether a path is open to all."""
    path = path_of(scope)
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def principal_of(connection: HTTPConnection) -> Principal | None:
    """Who calls; None where the guard did not ask, because the door checks tokens of its own."""
    principal: Principal | None = connection.scope.get(PRINCIPAL)
    return principal


def require(connection: HTTPConnection, scope: Scope) -> Principal:
    """The caller, who has the scope; raises UnauthorizedError, ForbiddenError."""
    principal = principal_of(connection)
    if principal is None:
        raise UnauthorizedError("This takes an API key.", code="missing_api_key")
    if not principal.may(scope):
        raise _lacks(principal, (scope,))
    return principal


async def refuse(error: DragomanError, scope: AsgiScope, receive: Receive, send: Send) -> None:
    """Answer with an error; a WebSocket's handshake as well, where the server can."""
    note_refusal(error)
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
        "extensions", {}
    ):
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    answer = JSONResponse(error.to_wire(), status_code=error.status, headers=error.headers)
    await answer(scope, receive, send)


def note_refusal(error: DragomanError) -> None:
    """For the audit log: what the caller is told."""
    call = current_call.get()
    if call is not None:
        call.code = error.code


def path_of(scope: AsgiScope) -> str:
    """As the router sees it, below where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def _has_token(scope: AsgiScope) -> bool:
    return "token" in QueryParams(scope["query_string"])


def _shows_key(scope: AsgiScope) -> bool:
    credential = credential_of(scope)
    return credential is not None and credential.startswith(PREFIX)


def _require_door(principal: Principal, path: str) -> None:
    """Raise ForbiddenError where the caller may not go."""
    secret = principal.secret
    if secret is not None and path not in SECRET_DOORS[secret.session_type]:
        doors = " and ".join(sorted(SECRET_DOORS[secret.session_type]))
        raise ForbiddenError(
            f"This client secret was made for {secret.session_type} sessions: it opens {doors}. "
            "Use an API key, or ask for a secret of the other kind.",
            code="wrong_client_secret",
        )
    for beginning, scopes in SCOPES:
        if path.startswith(beginning) and not any(map(principal.may, scopes)):
            raise _lacks(principal, scopes)


def _lacks(principal: Principal, scopes: tuple[Scope, ...]) -> ForbiddenError:
    return ForbiddenError(
        f"The API key {principal.key_id} of {principal.client} lacks the scope "
        f"{' or '.join(map(repr, scopes))}. Make one that has it: dragoman keys create "
        f"{principal.client} --scope {scopes[0]}."
    )
