"""What every door needs of the application behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployments.metering import process_meters
from deployments.types import StageInfo
from serve_app.api.floor import Floor, Manner
from serve_app.config import AppConfig
from serve_app.metrics import SessionMeter, SessionMeters, Transport
from serve_app.runner import Ports, SessionRunner
from serve_app.session.session import Session

MANNERS: Mapping[Transport, Manner] = {
    "ws": Manner.RESUMES,
    "realtime": Manner.RECONNECTS,
    "translations": Manner.RECONNECTS,
    "http": Manner.STAYS,
}


def _of_this_process() -> SessionMeters:
    return SessionMeters(process_meters())


@dataclass(frozen=True, slots=True)
class Service:
    """The configuration, the way to the stages, and what these can do."""

    config: AppConfig
    ports: Ports
    asr: StageInfo
    mt: StageInfo
    floor: Floor = field(default_factory=Floor)
    meters: SessionMeters = field(default_factory=_of_this_process)

    @contextmanager
    def open(self, session: Session, transport: Transport) -> Iterator[SessionRunner]:
        """What carries a session that came through a door, as long as it is here."""
        meter = SessionMeter(self.meters, transport)
        timeouts = self.config.timeouts.stage_timeouts()
        runner = SessionRunner(session, self.ports, timeouts, meter)
        with self.floor.seat(runner, MANNERS[transport], self.config.session.max_age_s):
            yield runner
