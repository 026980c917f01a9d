"""Whether a replica lets one more session in; pure.

New sessions wait outside before live ones suffer: the answers of the stages say how they fare, well
before words come late. A gate that has closed opens again only when there is room to spare, and
then lets in a few at a time, because a session that was let in weighs on the stages later.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

Reason = Literal["capacity", "lag", "backlog", "ramp"]

RAMP_S = 5.0
"""How long it takes for a new session to show in the figures."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What a replica and the stages behind it can bear."""

    max_sessions: int = 150
    max_answer_s: float = 1.0
    """Of ASR: nine of ten answers within this, or the gate closes."""
    max_backlog_s: float = 2.0
    """Of audio that no stage has heard yet, for each session on average."""
    reopen_share: float = 0.9
    """The gate opens again when the figures are below this share of their limits."""
    ramp_sessions: int = 32
    """So many may come within RAMP_S in any case, ..."""
    ramp_share: float = 0.25
    """... and so many for each that is here; both less beyond half of a limit, down to one."""


@dataclass(frozen=True, slots=True)
class Load:
    """How the live sessions of a replica fare now."""

    sessions: int = 0
    answer_s: float = 0.0
    """How long nine of ten answers of ASR took at most, of late."""
    backlog_s: float = 0.0
    """Audio that no stage has heard yet, of all sessions."""


def is_full(limits: AdmissionLimits, load: Load) -> bool:
    """Whether not even a session that goes on from elsewhere finds a place."""
    return load.sessions >= limits.max_sessions


class Returns:
    """Which sessions came back of late."""

    def __init__(self) -> None:
        self._came_s: dict[str, float] = {}

    def is_first(self, session_id: str, now_s: float) -> bool:
        """Whether a session did not come back within RAMP_S before; from now on it did."""
        self._came_s = {one: at for one, at in self._came_s.items() if now_s - at <= RAMP_S}
        is_first = session_id not in self._came_s
        self._came_s[session_id] = now_s
        return is_first


class Gate:
    """Ask before each new session; it counts those it lets in."""

    def __init__(self) -> None:
        self._closed_for: Reason | None = None
        self._let_in_s: deque[float] = deque()

    def refusal(self, limits: AdmissionLimits, load: Load, now_s: float) -> Reason | None:
        """Why a new session must wait outside; None where it may come in, and then it does."""
        self._closed_for = self._overload(limits, load)
        reason = self._closed_for or self._crowd(limits, load, now_s)
        if reason is None:
            self._let_in_s.append(now_s)
        return reason

    def _overload(self, limits: AdmissionLimits, load: Load) -> Reason | None:
        """With hysteresis: what closed the gate keeps it closed for longer."""
        shares = _shares(limits, load)
        most = limits.reopen_share if self._closed_for in shares else 1.0
        return next((reason for reason, share in shares.items() if share > most), None)

    def _crowd(self, limits: AdmissionLimits, load: Load, now_s: float) -> Reason | None:
        if is_full(limits, load):
            return "capacity"
        while self._let_in_s and now_s - self._let_in_s[0] > RAMP_S:
            self._let_in_s.popleft()
        settled = max(0, load.sessions - len(self._let_in_s))
        ramp = max(limits.ramp_sessions, round(settled * limits.ramp_share))
        room = 1 - max(_shares(limits, load).values())
        most = max(1, round(ramp * min(1.0, 2 * room)))
        return "ramp" if len(self._let_in_s) >= most else None


def _shares(limits: AdmissionLimits, load: Load) -> dict[Reason, float]:
    """How far each figure is towards its limit: 1 is there."""
    return {
        "lag": load.answer_s / limits.max_answer_s,
        "backlog": load.backlog_s / max(1, load.sessions) / limits.max_backlog_s,
    }
