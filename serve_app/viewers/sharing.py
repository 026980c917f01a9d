"""What a door does so that a session can be followed: opens and ends its broadcast, signs links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.resume import Resumption
from serve_app.viewers.links import Invitation, ViewerLinks
from serve_app.viewers.newsroom import Broadcast, Newsroom, ServeViewers

UNSHARED = "unshared"
"""Reason for viewers where the owner has set `viewers` to false again."""


class Sharing:
    """One connection of a session, shared as long as its config says so."""

    def __init__(
        self,
        session_id: str,
        newsroom: Newsroom,
        links: ViewerLinks,
        serve_viewers: ServeViewers,
        *,
        own: tuple[str, ...],
        resumption: Resumption | None = None,
        invitation: Invitation | None = None,
        owner: str = "",
    ) -> None:
        """`own`: the languages that the speaker asked for."""
        self.own = own
        self._session_id = session_id
        self._newsroom = newsroom
        self._links = links
        self._serve_viewers = serve_viewers
        self._resumption = resumption
        self._invitation = invitation
        self._owner = owner
        self._broadcast: Broadcast | None = None
        self._token: str | None = None

    def pass_on(self, emit: fx.Emit) -> fx.Emit:
        """Let viewers know of an event; the event as the owner is told it."""
        event = emit.event
        if isinstance(event, events.SessionCreated | events.SessionUpdated):
            self._configure(event.config)
            emit = replace(emit, event=replace(event, viewer_token=self._token))
        if self._broadcast is not None:
            self._broadcast.note(event)
        return emit

    def close(self) -> None:
        """The connection is gone."""
        if self._broadcast is not None:
            self._broadcast.close()

    def _configure(self, config: Mapping[str, Any]) -> None:
        has_viewers = bool(config.get("viewers"))
        if not has_viewers:
            self._token = None
        elif self._token is None:
            self._token = self._links.token(self._session_id)
        if not has_viewers and self._invitation is None:
            self._end()
            return
        if self._broadcast is None:
            self._broadcast = self._newsroom.open(
                self._session_id, self._resumption, self._invitation, self._serve_viewers
            )
            # What the speaker held when it came back says nothing of a later sharing.
            self._resumption = None
        addable, owner = (config["viewer_targets"], self._owner) if has_viewers else (0, "")
        added = tuple(target for target in config["target"] if target not in self.own)
        self._broadcast.allow(addable, added, owner)

    def _end(self) -> None:
        if self._broadcast is not None:
            self._broadcast.close(UNSHARED)
        self._broadcast = None
