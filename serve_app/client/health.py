"""Asking a server how it is."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of `/health/ready`."""

    reachable: bool
    ready: bool = False
    stages: dict[str, str] = field(default_factory=dict)
    """Each stage with `ready` or the reason why not."""
    reason: str = ""
    """Why the server cannot be used, where the stages do not tell."""

    @property
    def missing(self) -> str:
        """What stands in the way, in one line."""
        late = [f"{stage}: {why}" for stage, why in self.stages.items() if why != "ready"]
        return "; ".join(late) or self.reason


def ask(url: str, timeout_s: float = TIMEOUT_S) -> Health:
    """Health of the server at `url`; never raises for a server that is ill or absent."""
    address = f"{url.rstrip('/')}/health/ready"
    if not address.startswith(("http://", "https://")):
        return Health(False, reason="the URL must begin with http:// or https://")
    try:
        # The scheme is checked above.
        with urllib.request.urlopen(address, timeout=timeout_s) as answer:  # noqa: S310 # nosec B310
            return Health(True, ready=True, stages=_stages(answer.read()))
    except urllib.error.HTTPError as error:
        stages = _stages(error.read())
        return Health(True, stages=stages, reason=f"HTTP {error.code} at {address}")
    except (OSError, ValueError) as error:
        return Health(False, reason=str(getattr(error, "reason", error)))


def _stages(body: bytes) -> dict[str, str]:
    try:
        stages = json.loads(body)["stages"]
        return {str(stage): str(why) for stage, why in stages.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
