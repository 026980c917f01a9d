"""What a client asks of a live session, at whichever door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from serve_app.decode import AudioFormat
from serve_app.session.append import MtMode
from serve_app.session.policies import PolicyName
from serve_app.session.presets import Delay

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What to ask of `/v1/stream`."""

    targets: tuple[str, ...] = ()
    """Languages to translate into; none gives a transcript only."""
    source: str = "auto"
    """Spoken language, or `auto`."""
    format: AudioFormat = "auto"
    """Of the audio; `auto` recognises containers, raw PCM must be named."""
    rate_hz: int = 16_000
    """Of raw PCM."""
    channels: int = 1
    """Of raw PCM."""
    partials: bool = True
    """Whether to be told the volatile tail as well."""
    delay: Delay | None = None
    """From fastest to best; None leaves it to the server."""
    policy: PolicyName | None = None
    """When words are committed; None leaves it to the server."""
    mt_mode: MtMode | None = None
    """What of a translation is told while its sentence is spoken; None for the server's choice."""
    hotwords: str = ""
    """Names and terms that are likely to be said."""
    glossary: tuple[str, ...] = ()
    """`source=target` or `de:source=target`."""

    def query(self) -> list[tuple[str, str]]:
        """As query keys of `POST /v1/stream`."""
        keys = [("source", self.source), ("format", self.format)]
        keys += [("target", target) for target in self.targets]
        if self.format.startswith("pcm"):
            keys += [("rate", str(self.rate_hz)), ("channels", str(self.channels))]
        keys += [(key, str(value)) for key, value in self._chosen().items()]
        keys += [("glossary", entry) for entry in self.glossary]
        return [*keys, ("partials", "true" if self.partials else "false")]

    def message(self) -> dict[str, Any]:
        """As the first message on `WS /v1/stream`, which is sent 16 kHz mono PCM."""
        return {
            "type": "config",
            "format": "pcm_s16le",
            "source": self.source,
            "target": list(self.targets),
            "partials": self.partials,
            "glossary": list(self.glossary),
            **self._chosen(),
        }

    def _chosen(self) -> dict[str, str]:
        choices = {
            "delay": self.delay,
            "policy": self.policy,
            "mt_mode": self.mt_mode,
            "hotwords": self.hotwords,
        }
        return {key: value for key, value in choices.items() if value}


class StreamKeys(TypedDict, total=False):
    """The fields of StreamOptions, as keyword arguments."""

    targets: tuple[str, ...]
    source: str
    format: AudioFormat
    rate_hz: int
    channels: int
    partials: bool
    delay: Delay | None
    policy: PolicyName | None
    mt_mode: MtMode | None
    hotwords: str
    glossary: tuple[str, ...]
