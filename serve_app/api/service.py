"""What every door needs of the application behind it."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.types import StageInfo
from serve_app.config import AppConfig
from serve_app.runner import Ports


@dataclass(frozen=True, slots=True)
class Service:
    """The configuration, the way to the stages, and what these can do."""

    config: AppConfig
    ports: Ports
    asr: StageInfo
    mt: StageInfo
