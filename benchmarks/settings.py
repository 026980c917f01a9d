"""The named ways to run a session that are measured against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from serve_app.client.stream import StreamOptions
from serve_app.session.options import SessionOptions


@dataclass(frozen=True, slots=True)
class Setting:
    """A way to run a session, in this process and as a client asks a server for it."""

    name: str
    session: SessionOptions
    stream: StreamOptions

    def session_for(self, targets: tuple[str, ...]) -> SessionOptions:
        """With the targets of a recording."""
        return replace(self.session, targets=targets)

    def stream_for(self, targets: tuple[str, ...]) -> StreamOptions:
        """The same for a server, the audio being raw PCM."""
        return replace(self.stream, targets=targets, format="pcm_s16le")


SETTINGS = (Setting("la2", SessionOptions(), StreamOptions()),)
"""The first is the default."""


def named(names: list[str]) -> list[Setting]:
    """Settings by name; raises KeyError."""
    by_name = {setting.name: setting for setting in SETTINGS}
    return [by_name[name] for name in names]
