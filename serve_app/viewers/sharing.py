"""What a door does so that a session can be followed: opens and ends its broadcast, signs links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.resume import Resumption
from serve_app.viewers.links import ViewerLinks
from serve_app.viewers.newsroom import AddTargets, Broadcast, Newsroom

UNSHARED = "unshared"
"""Reason for viewers where the owner has set `viewers` to false again."""


class Sharing:
    """One connection of a session, shared as long as its config says so."""

    def __init__(
        self,
        session_id: str,
        newsroom: Newsroom,
        links: ViewerLinks,
        add_targets: AddTargets,
        resumption: Resumption | None = None,
    ) -> None:
        self._session_id = session_id
        self._newsroom = newsroom
        self._links = links
        self._add_targets = add_targets
        self._resumption = resumption
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
        if not config.get("viewers"):
            if self._broadcast is not None:
                self._broadcast.close(UNSHARED)
            self._broadcast = self._token = None
            return
        if self._broadcast is None:
            self._broadcast = self._newsroom.open(
                self._session_id, self._resumption, self._add_targets
            )
            # What the speaker held when it came back says nothing of a later sharing.
            self._resumption = None
            self._token = self._links.token(self._session_id)
        self._broadcast.allow(config["viewer_targets"])
