"""What every door needs of the application behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployments.metering import process_meters
from deployments.types import StageInfo
from serve_app.config import AppConfig
from serve_app.metrics import SessionMeter, SessionMeters, Transport
from serve_app.runner import Ports, SessionRunner
from serve_app.session.session import Session


def _of_this_process() -> SessionMeters:
    return SessionMeters(process_meters())


@dataclass(frozen=True, slots=True)
class Service:
    """The configuration, the way to the stages, and what these can do."""

    config: AppConfig
    ports: Ports
    asr: StageInfo
    mt: StageInfo
    meters: SessionMeters = field(default_factory=_of_this_process)

    def runner(self, session: Session, transport: Transport) -> SessionRunner:
        """What carries a session that came through a door; it is measured from its first event."""
        meter = SessionMeter(self.meters, transport)
        return SessionRunner(session, self.ports, self.config.timeouts.stage_timeouts(), meter)
