"""Viewer links: signed, of one session, for some hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.tables import Side
from serve_app.errors import DragomanError, InvalidRequestError
from serve_app.tokens import TokenError, TokenKind, TokenSigner

VIEWER = TokenKind(
    "v1",
    "viewer_token",
    "Ask whoever speaks for a new link.",
)


CONVERSATION = TokenKind(
    "c1",
    "conversation_token",
    "Ask whoever invited you for a new link.",
)


class LinkRefusedError(InvalidRequestError):
    """The link was not signed here, was changed or has expired."""

    status = 401
    type = "authentication_error"


class ForeignLinkError(InvalidRequestError):
    """The link is good, and for something else."""

    status = 403
    type = "permission_error"
    code = "foreign_link"


@dataclass(frozen=True, slots=True)
class ViewerLink:
    """A link that was verified."""

    session_id: str
    expires_at_s: float
    """Unix time."""


class ViewerLinks:
    """Signs and reads the links of all sessions."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def token(self, session_id: str) -> str:
        """Lets its holder follow the session."""
        return self._signer.sign({"sid": session_id})

    def read(self, token: str, session_id: str) -> ViewerLink:
        """Raises LinkRefusedError, and ForeignLinkError for a link of another session."""
        claims = verified(self._signer, token)
        if claims["sid"] != session_id:
            raise ForeignLinkError(
                f"This link is not for the session {session_id!r}: take the link as it was given.",
                param="token",
            )
        return ViewerLink(session_id, float(claims["exp"]))


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link to one side of a conversation that was verified."""

    conversation_id: str
    side: Side
    expires_at_s: float
    """Unix time."""
    client: str = ""
    """Who began the conversation: what is said in it is counted as its client's."""
    key_id: str = ""
    """Of the key that it was begun with."""


class Invitations:
    """Signs and reads the links of all conversations, which exist because their links say so."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def token(self, conversation_id: str, side: Side, client: str, key_id: str) -> str:
        """Lets its holder speak, as a guest of the client, and read as this side."""
        claims = {"cid": conversation_id, "side": side, "client": client, "key": key_id}
        return self._signer.sign(claims)

    def read(self, token: str, conversation_id: str | None = None) -> Invitation:
        """Raises LinkRefusedError, and ForeignLinkError for a link of another conversation."""
        claims = verified(self._signer, token)
        if conversation_id not in (None, claims["cid"]):
            raise ForeignLinkError(
                f"This link is not for the conversation {conversation_id!r}: take the link as it "
                "was given.",
                param="token",
            )
        return Invitation(
            claims["cid"], claims["side"], float(claims["exp"]), claims["client"], claims["key"]
        )


def verified(signer: TokenSigner, token: str) -> dict[str, Any]:
    """The claims of a capability; raises LinkRefusedError."""
    try:
        return signer.verify(token)
    except TokenError as error:
        raise _refused(error) from error


def _refused(error: DragomanError) -> LinkRefusedError:
    return LinkRefusedError(error.message, param="token", code=error.code)
