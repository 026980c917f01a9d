"""What every door needs of the application behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployments.hub import HubPort, LocalHub
from deployments.logs import current_session
from deployments.metering import process_meters
from deployments.types import StageInfo
from serve_app.admission import Gate, Returns, is_full
from serve_app.api.floor import Floor, Manner, Seat
from serve_app.audit import current_call
from serve_app.config import AppConfig
from serve_app.errors import OverloadedError
from serve_app.limits.limiter import Limiter
from serve_app.metrics import SessionMeter, SessionMeters, Transport
from serve_app.runner import Circuits, Ports, SessionRunner, new_circuits
from serve_app.session.session import Session

logger = logging.getLogger("ray.serve")

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
    gate: Gate = field(default_factory=Gate)
    returns: Returns = field(default_factory=Returns)
    floor: Floor = field(default_factory=Floor)
    meters: SessionMeters = field(default_factory=_of_this_process)
    hub: HubPort = field(default_factory=LocalHub)
    """Where viewers meet; all replicas of a deployed ingress share one."""
    circuits: Circuits = field(default_factory=new_circuits)
    limiter: Limiter | None = None
    """Who counts what clients use on all replicas; None where this one counts for itself."""

    def admit(self, resumed_id: str | None = None) -> None:
        """Raise DrainingError or OverloadedError where a session must not come in now.

        One that goes on from elsewhere is live, and turned away only where there is no place left;
        `resumed_id` is its id.
        """
        limits, load = self.config.admission.limits(), self.meters.load()
        reason: str | None = None
        if self.floor.draining:
            reason = "draining"
        elif resumed_id is None or not self._goes_on(resumed_id):
            reason = self.gate.refusal(limits, load, self.meters.clock())
        elif is_full(limits, load):
            reason = "capacity"
        if reason is not None:
            self.meters.turned_away(reason)
            self.floor.admit()
            raise OverloadedError(self.config.admission.retry_after_s)

    def _goes_on(self, session_id: str) -> bool:
        """A token that is shown again and again is no way past the gate: whoever has one would
        open as many sessions as there are places. One connection more than there should be may be
        here, of which nobody has noticed yet that it is lost."""
        is_first = self.returns.is_first(session_id, self.meters.clock())
        return is_first and self.floor.count_of(session_id) <= 1

    @contextmanager
    def open(
        self, session: Session, transport: Transport, *, resumed: bool = False
    ) -> Iterator[SessionRunner]:
        """What carries a session that came through a door, as long as it is here."""
        meter = SessionMeter(self.meters, transport)
        timeouts = self.config.timeouts.stage_timeouts()
        runner = SessionRunner(session, self.ports, timeouts, meter, self.circuits)
        # Not put back in the end: a request has a context of its own.
        current_session.set(session.session_id)
        logger.info("session %s opened: %s", session.session_id, transport)
        call = current_call.get()
        if call is not None:
            call.session_id = session.session_id
            call.note("resumed" if resumed else "opened")
        seat = Seat(runner, MANNERS[transport], session.session_id)
        with self.floor.take(seat, self.config.session.max_age_s):
            try:
                yield runner
            finally:
                logger.info("session %s ended: %s", session.session_id, meter.outcome)
                if call is not None:
                    call.code = meter.failure or call.code
                    call.note("ended", outcome=meter.outcome)
