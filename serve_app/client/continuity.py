"""Many connections, one sequence of events: what to send, what to tell, when it is over. No I/O."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from serve_app.client.errors import SessionLostError, SessionRefusedError
from serve_app.client.kept import KeptAudio
from serve_app.client.notices import Reconnected
from serve_app.client.options import StreamOptions
from serve_app.client.resume import Memory
from serve_app.client.wire import Received
from serve_app.session import events as ev
from serve_app.session.events import Event, to_wire

FINAL_CODES = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
"""Closes after which the same again fails again (RFC 6455, 7.4.1)."""
COMPLETED_CODE = 1000

_PROGRESS = (ev.TranscriptCommitted, ev.TranslationCommitted, ev.Ack)


class Continuity:
    """One session from the user's side, whatever happens to its connections."""

    def __init__(self, options: StreamOptions, audio: KeptAudio) -> None:
        self.audio = audio
        self.session_id = ""
        """Empty until the session is created."""
        self.over = False
        """Nothing more will be told."""
        self._options = options
        self._memory = Memory()
        self._url = ""
        self._open = False
        self._shift = 0
        self._last_seq = 0
        self._withheld: list[Received] = []
        self._refusal: ev.Error | None = None
        self._marks: dict[tuple[str, str], int] = {}

    @property
    def trouble(self) -> str:
        """What the server said before it closed; empty where it said nothing."""
        errors = [one.event for one in self._withheld if isinstance(one.event, ev.Error)]
        return errors[-1].message if errors else ""

    @property
    def acked_ms(self) -> int:
        """Audio before this is dealt with."""
        return self._memory.acked_ms

    def connect(self, url: str) -> dict[str, Any]:
        """What to send first on a new connection; then comes the audio that is kept."""
        self._url, self._open = url, False
        self._shift = self._last_seq
        self._withheld = []
        self.audio.rewind()
        if self._memory.resume_token is None:
            return self._options.message()
        return self._memory.message()

    def take(self, received: Received) -> list[Received]:
        """The server's next event; returns what the user has not been told yet."""
        event = received.event
        self._memory.note(event)
        match event:
            case ev.SessionCreated():
                return [self._created(received, event)]
            case ev.Ack(acked_ms):
                self._acknowledged(acked_ms)
            case ev.SlowDown():
                self.audio.slow_down()
            case ev.Error(retryable=False):
                self._refusal = event
                return [self._numbered(received)] if self._open else []
            case ev.Error():
                # It is the user's business only if the connection does not end with it.
                self._withheld.append(received)
                return []
            case ev.SessionClosed():
                self._withheld.append(received)
                is_end = event.reason == "completed" and self.audio.all_sent
                return self._end() if is_end or self._refusal else []
            case _ if self._is_repeated(event):
                return []
        return [self._numbered(received)]

    def tell(self, event: Event) -> Received:
        """Something that the client itself has to tell."""
        self._last_seq += 1
        self._shift += 1
        line = json.dumps(to_wire(self._last_seq, event), ensure_ascii=False)
        return Received(self._last_seq, event, line)

    def closed(self, code: int) -> list[Received]:
        """The connection ended: what is left to tell where the session ended with it.

        Otherwise it is to be taken up again. Raises SessionRefusedError, SessionLostError.
        """
        if self.over:
            return []
        if self._refusal is None and code not in {*FINAL_CODES, COMPLETED_CODE}:
            return []
        if any(isinstance(one.event, ev.SessionClosed) for one in self._withheld):
            return self._end()
        if self._refusal is None and code == COMPLETED_CODE:
            return []
        raise self._refused(code)

    @staticmethod
    def is_progress(event: Event) -> bool:
        """Whether the server has dealt with something."""
        return isinstance(event, _PROGRESS)

    def _created(self, received: Received, event: ev.SessionCreated) -> Received:
        again, self._open = bool(self.session_id), True
        self.session_id = event.session_id
        if again:
            return self.tell(Reconnected(self._url, event.acked_ms))
        return self._numbered(received)

    def _acknowledged(self, acked_ms: int) -> None:
        self.audio.forget_before(acked_ms)
        self._marks = {mark: at_ms for mark, at_ms in self._marks.items() if at_ms >= acked_ms}

    def _is_repeated(self, event: Event) -> bool:
        """Speech that is heard again begins and ends again."""
        match event:
            case ev.SpeechStarted(at_ms, name) | ev.SpeechStopped(at_ms, name):
                mark = (event.type, name)
            case ev.UtteranceCompleted(utterance_id=name, end_ms=at_ms):
                mark = (event.type, name)
            case _:
                return False
        if mark in self._marks:
            return True
        self._marks[mark] = at_ms
        return False

    def _end(self) -> list[Received]:
        self.over = True
        withheld, self._withheld = self._withheld, []
        return [self._numbered(received) for received in withheld]

    def _refused(self, code: int) -> SessionRefusedError | SessionLostError:
        why = self._refusal or ev.Error(f"close code {code}", "It gave no reason.", retryable=False)
        if self.session_id:
            return SessionLostError(why.code, why.message, self.acked_ms)
        return SessionRefusedError(why.code, why.message)

    def _numbered(self, received: Received) -> Received:
        """Each connection counts from 1; for the user the numbers rise all the time."""
        self._last_seq = received.seq + self._shift
        if self._shift == 0:
            return received
        wire = {**json.loads(received.line), "seq": self._last_seq}
        line = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
        return replace(received, seq=self._last_seq, line=line)
