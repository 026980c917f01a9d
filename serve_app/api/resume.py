"""Resuming at the door: tokens out, and what a client sends back in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serve_app.errors import InvalidRequestError
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.audio import to_ms, to_samples
from serve_app.session.resume import (
    HeldSegment,
    HeldTranslation,
    ResumePoint,
    Resumption,
    utterance_name,
)
from serve_app.session.segments import Segment, segment_name
from serve_app.tokens import TokenSigner

MAX_HELD_SEGMENTS = 512
MAX_TEXT_CHARACTERS = 4_096
MAX_HELD_MS = 3_600_000
"""No client is further ahead of its last acknowledgement than this."""


class HeldTranslationMessage(BaseModel):
    """What the client was told of a segment's translation into one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Annotated[str, Field(max_length=8)]
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
    """The texts of its `translation.committed` events, concatenated."""
    closed: bool
    """As the last of them says."""


class HeldMessage(BaseModel):
    """A segment that the client was told of and that its last `ack` does not cover."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_id: Annotated[str, Field(max_length=128)]
    utterance_id: Annotated[str, Field(max_length=128)]
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
    """All of it so far: the texts of its `transcript.committed` events, concatenated."""
    start_ms: Annotated[int, Field(ge=0)]
    end_ms: Annotated[int, Field(ge=0)]
    language: Annotated[str, Field(max_length=8)]
    closed: bool
    """As the last of them says."""
    translations: Annotated[tuple[HeldTranslationMessage, ...], Field(max_length=64)] = ()


HeldMessages = Annotated[tuple[HeldMessage, ...], Field(max_length=MAX_HELD_SEGMENTS)]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that a token takes up again."""

    session_id: str
    config: dict[str, Any]
    """As it was last announced."""
    own: tuple[str, ...]
    """Of its targets, those that are not there for viewers alone."""
    resumption: Resumption


class Resuming:
    """Signs and reads the resume tokens of all sessions."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def token(
        self,
        session_id: str,
        config: dict[str, Any],
        point: ResumePoint,
        own: tuple[str, ...] | None = None,
    ) -> str:
        """Takes the session up again from the point; `own`: all targets where it is None."""
        return self._signer.sign(
            {
                "sid": session_id,
                "config": config,
                "own": own,
                "at": [point.acked, point.exact, point.utterance_start, point.language],
                "targets": point.targets,
                "said": point.said,
                "before": [point.usual_language, point.context],
            }
        )

    def read(self, token: str, held: tuple[HeldMessage, ...]) -> Resumed:
        """Raises TokenError, and InvalidRequestError for segments that are not the session's."""
        claims = self._signer.verify(token)
        acked, exact, start, language = claims["at"]
        changes = tuple((begin, tuple(targets)) for begin, targets in claims["targets"])
        said = (claims["said"][0], claims["said"][1]) if claims["said"] else None
        usual, context = claims["before"]
        point = ResumePoint(acked, exact, start, language, changes, said, usual, context)
        segments = tuple(_held(claims["sid"], point, held))
        config = claims["config"]
        # Tokens of before there were such targets do not say which they are.
        own = claims.get("own")
        targets = tuple(config.get("target", ()) if own is None else own)
        return Resumed(claims["sid"], config, targets, Resumption(point, segments))


class TokenWriter:
    """Writes resume tokens into the events of one session, on their way out."""

    def __init__(self, resuming: Resuming, session_id: str, config: dict[str, Any]) -> None:
        self._resuming = resuming
        self._session_id = session_id
        self._config = config

    def write(self, emit: fx.Emit, own: tuple[str, ...] | None = None) -> fx.Emit:
        """The same event, with a token where its type has one; `own`: as in Resuming.token."""
        match emit.event:
            case events.SessionUpdated(config):
                self._config = dict(config)
            case events.SessionCreated() | events.Ack():
                pass
            case _:
                return emit
        if emit.resume is None:
            raise ValueError(f"{emit.event.type} came without a point to resume from")
        token = self._resuming.token(self._session_id, self._config, emit.resume, own)
        return fx.Emit(emit.seq, replace(emit.event, resume_token=token))


def _held(
    session_id: str, point: ResumePoint, messages: tuple[HeldMessage, ...]
) -> Iterator[HeldSegment]:
    """Those that the token does not cover, in the order of the audio."""
    at = -1
    for index, message in enumerate(messages):
        segment = _segment(session_id, message)
        latest = point.exact + to_samples(MAX_HELD_MS)
        in_order = at < segment.start and message.start_ms <= message.end_ms < to_ms(latest)
        if not in_order or (not message.closed and index + 1 < len(messages)):
            raise InvalidRequestError(
                f"segments[{index}] is out of order: list them as they were committed, each with "
                "start_ms <= end_ms; only the last one may be open.",
                param=f"segments[{index}]",
                code="invalid_segment",
            )
        at = segment.start
        targets = [one.target for one in message.translations]
        if len(set(targets)) < len(targets):
            raise InvalidRequestError(
                f"segments[{index}].translations names a target twice.",
                param=f"segments[{index}].translations",
                code="invalid_segment",
            )
        if segment.end > point.exact:
            told = tuple(
                HeldTranslation(one.target, one.text, one.closed) for one in message.translations
            )
            yield HeldSegment(segment, message.closed, told)


def _segment(session_id: str, message: HeldMessage) -> Segment:
    start = message.segment_id.rpartition(".")[2]
    utterance = message.utterance_id.rpartition(".u")[2]
    known = all(_is_sample(text) for text in (start, utterance))
    if not known or not (
        message.segment_id == segment_name(session_id, int(start))
        and message.utterance_id == utterance_name(session_id, int(utterance))
        and message.start_ms == to_ms(int(start))
    ):
        raise InvalidRequestError(
            f"The segment {message.segment_id!r} is not of the session {session_id!r} that the "
            "resume token names: send only segments of that session.",
            param="segments",
            code="foreign_segment",
        )
    return Segment(
        segment_id=message.segment_id,
        utterance_id=message.utterance_id,
        language=message.language,
        text=message.text,
        start=int(start),
        # A word may be shorter than a millisecond.
        end=max(to_samples(message.end_ms), int(start) + 1),
    )


def _is_sample(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
