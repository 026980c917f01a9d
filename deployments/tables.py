"""Two people who talk, each in a language of their own: who is there, and who agrees to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Side = Literal["host", "guest"]
SIDES: tuple[Side, ...] = ("host", "guest")
MAX_SIDE_SESSIONS = 32
"""Sessions of a side whose text is kept: one more for each time that it came back anew."""
PRESENT_S = 12.0
"""Who has not read for so long has gone."""


def other(side: Side) -> Side:
    """Whom a side talks to."""
    return "guest" if side == "host" else "host"


@dataclass(frozen=True, slots=True)
class Seat:
    """One side of a conversation."""

    language: str = ""
    """In which it reads; empty until it has said so."""
    sessions: tuple[str, ...] = ()
    """What it has said, oldest first."""
    present: bool = False
    """Whether it reads along now."""
    consents: bool = False
    """Whether it agrees that the conversation is written down."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Both sides."""

    seats: Mapping[Side, Seat] = field(default_factory=lambda: dict.fromkeys(SIDES, Seat()))
    asked_by: Side | None = None
    """Who has asked the other to agree, and was not answered yet."""

    @property
    def is_agreed(self) -> bool:
        """Whether both agree that the conversation is written down."""
        return all(seat.consents for seat in self.seats.values())


ConsentAction = Literal["request", "give", "withdraw"]


class Table:
    """The state of one conversation in the hub."""

    def __init__(self, now_s: float) -> None:
        self.now = Conversation()
        self.version = 0
        self.touched_at_s = now_s
        self._read_at_s: dict[Side, float] = {}

    def speak(self, side: Side, session_id: str, now_s: float) -> bool:
        """A session of a side; whether it is a new one."""
        self.touched_at_s = now_s
        seat = self.now.seats[side]
        if session_id in seat.sessions:
            return False
        sessions = (*seat.sessions, session_id)[-MAX_SIDE_SESSIONS:]
        return self._seat(side, replace(seat, sessions=sessions))

    def read(self, side: Side, language: str | None, now_s: float) -> bool:
        """A side reads along, in a language where it says so; whether that is news."""
        self.touched_at_s = self._read_at_s[side] = now_s
        seat = self.now.seats[side]
        spoken = seat.language if language is None else language
        return self._seat(side, replace(seat, language=spoken, present=True))

    def notice(self, now_s: float) -> bool:
        """Who has gone; whether anybody has."""
        gone = [side for side, at_s in self._read_at_s.items() if now_s - at_s > PRESENT_S]
        news = [self._seat(side, replace(self.now.seats[side], present=False)) for side in gone]
        return any(news)

    def agree(self, side: Side, action: ConsentAction, now_s: float) -> bool:
        """What a side says about writing down; whether that is news."""
        self.touched_at_s = now_s
        asked_by = self.now.asked_by
        match action:
            case "request":
                asked_by = None if self.now.seats[other(side)].consents else side
            case "give":
                asked_by = None if asked_by == other(side) else asked_by
            case "withdraw":
                asked_by = None
        seat = replace(self.now.seats[side], consents=action != "withdraw")
        before = self.now
        self._seat(side, seat)
        return self._become(replace(self.now, asked_by=asked_by)) or self.now != before

    def _seat(self, side: Side, seat: Seat) -> bool:
        return self._become(replace(self.now, seats={**self.now.seats, side: seat}))

    def _become(self, then: Conversation) -> bool:
        changed = then != self.now
        self.now = then
        self.version += changed
        return changed
