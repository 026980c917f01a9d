"""Turns of a transcription session, and what is added to them; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deployments.languages import word_joint
from serve_app.api.realtime.wire import Json, identifier
from serve_app.session import events

LEAST_PROBABILITY = 1e-9


@dataclass(slots=True)
class Item:
    """One turn."""

    item_id: str = field(default_factory=lambda: identifier("item"))
    text: str = ""
    languages: list[str] = field(default_factory=list)
    start_ms: int = 0
    end_ms: int = 0
    discarded: bool = False
    """Cleared by the client: nothing is told of it."""
    segment: str = ""
    """The last one that is in it."""
    logprobs: list[Json] = field(default_factory=list)

    def add(self, committed: events.TranscriptCommitted) -> str:
        """The text as a delta, with what stands between two segments."""
        joint = ""
        if self.text and committed.segment_id != self.segment:
            joint = word_joint(committed.language)
        self.segment = committed.segment_id
        self.text += joint + committed.text
        if committed.language not in self.languages:
            self.languages.append(committed.language)
        return joint + committed.text


@dataclass(frozen=True, slots=True)
class Delta:
    """What was added to a turn."""

    text: str
    logprobs: tuple[Json, ...]


def logprobs_of(delta: str, words: Sequence[events.TimedWord]) -> Iterator[Json]:
    """How sure the model was of each word; together the tokens are the delta."""
    at = 0
    for word in words:
        end = delta.find(word.text, at) + len(word.text)
        token, at = delta[at:end], end
        logprob = round(math.log(max(word.probability, LEAST_PROBABILITY)), 4)
        yield {"token": token, "logprob": logprob, "bytes": list(token.encode())}
