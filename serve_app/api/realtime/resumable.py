"""Sessions of OpenAI's sockets that go on after a lost connection: ours, on the client's wish.

OpenAI's clients connect again by themselves, with another query where their caller gives one, but
cannot say what they hold of a session. So the token says it: each event carries one that knows
all that was told up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter
from starlette.datastructures import QueryParams

from serve_app.api import sockets
from serve_app.api.boxes import Message
from serve_app.api.realtime.wire import Json, event, with_fields
from serve_app.api.resume import HeldMessages, Resuming
from serve_app.errors import InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.audio import to_ms
from serve_app.session.holdings import Holdings
from serve_app.session.resume import ResumePoint, Resumption

RESUME = "resume"
"""In the URL: empty for a session that can be taken up again, a token for one that is."""
ACK = "ext.session.ack"
MAX_TOKEN_CHARACTERS = 7_000
"""More does not fit into the first line of a request."""

_HELD: TypeAdapter[HeldMessages] = TypeAdapter(HeldMessages)


class ResumableConversation(sockets.Conversation, Protocol):
    """A protocol whose state can be written down."""

    def state(self) -> Json:
        """All that another replica must know of what was told."""
        ...


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A session that a token takes up again."""

    session_id: str
    state: Json
    held: list[Json]
    resumption: Resumption


def taken_up(params: QueryParams, resuming: Resuming, protocol: str) -> TakenUp | None:
    """The session that the URL names, if it names one; raises TokenError."""
    token = params.get(RESUME)
    if not token:
        return None
    config = resuming.read(token, ()).config
    if config["protocol"] != protocol:
        raise InvalidRequestError(
            f"The token is of a session of another kind: {config['protocol']}. Connect where that "
            "session was, or open a new one without a token.",
            param=RESUME,
            code="foreign_resume_token",
        )
    resumed = resuming.read(token, _HELD.validate_python(config["held"]))
    return TakenUp(resumed.session_id, config["state"], config["held"], resumed.resumption)


class Resumable:
    """A conversation whose events say how to go on behind them."""

    def __init__(
        self,
        conversation: ResumableConversation,
        resuming: Resuming,
        protocol: str,
        session_id: str,
        before: TakenUp | None,
    ) -> None:
        self._conversation = conversation
        self._resuming = resuming
        self._protocol = protocol
        self._session_id = session_id
        self._holdings = Holdings()
        self._holdings.take_up(before.held if before else [])
        self._point: ResumePoint | None = None

    def receive(self, message: str | bytes) -> Sequence[sockets.Request]:
        """As the conversation does."""
        return self._conversation.receive(message)

    def tell(self, emit: fx.Emit) -> Sequence[Message]:
        """What the conversation tells; the last message of it stands for all that was told."""
        told = list(self._conversation.tell(emit))
        self._holdings.note(emit.event)
        self._point = emit.resume or self._point
        if isinstance(emit.event, events.Ack):
            told.append(event(ACK, {}))
        if told and self._point is not None and not told[-1].volatile:
            told[-1] = with_fields(told[-1], self._place(self._point))
        return told

    def _place(self, point: ResumePoint) -> Json:
        config = {
            "protocol": self._protocol,
            "state": self._conversation.state(),
            "held": self._holdings.messages(),
        }
        token = self._resuming.token(self._session_id, config, point)
        if len(token) > MAX_TOKEN_CHARACTERS:
            return {}
        return {"acked_ms": to_ms(point.acked), "resume_token": token}
