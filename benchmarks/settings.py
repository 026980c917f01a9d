"""The named ways to run a session that are measured against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from serve_app.client.options import StreamOptions
from serve_app.config import SessionSettings
from serve_app.session.options import SessionOptions
from serve_app.session.policies import PolicyName
from serve_app.session.presets import PRESETS, Delay


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


def _asked(name: str, delay: Delay | None = None, policy: PolicyName | None = None) -> Setting:
    session = SessionSettings().options(None, (), partials=True, delay=delay, policy=policy)
    return Setting(name, session, StreamOptions(delay=delay, policy=policy))


def _settings() -> Iterator[Setting]:
    """Every preset, and every policy with the numbers of the default preset."""
    for delay in PRESETS:
        yield _asked(delay, delay=delay)
    for policy in get_args(PolicyName):
        yield _asked(policy, policy=policy)


SETTINGS = tuple(_settings())


def named(names: list[str]) -> list[Setting]:
    """Settings by name; raises KeyError."""
    by_name = {setting.name: setting for setting in SETTINGS}
    return [by_name[name] for name in names]
