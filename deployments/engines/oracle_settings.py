"""How the oracle engines behave: late, unsure and faulty, by a seed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class OracleSettings(BaseModel):
    """What all three oracles have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Annotated[int, Field(ge=0)] = 0
    """The same seed gives the same delays and failures."""
    delay_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Mean time that a batch takes, whatever its size."""
    delay_jitter_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Standard deviation of that time; it is distributed log-normally."""
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of requests that fail."""

    @model_validator(mode="after")
    def _jitter_is_of_a_delay(self) -> OracleSettings:
        if self.delay_jitter_ms and not self.delay_ms:
            raise ValueError("delay_jitter_ms is the deviation of delay_ms: set that too")
        return self


class OracleWordSettings(OracleSettings):
    """What an engine that understands words can do besides: some are too much for it.

    A word is named by its text, without punctuation (oracle_audio.WordId.text).
    """

    failing_words: tuple[str, ...] = ()
    """A request with one of these fails."""
    deadly_words: tuple[str, ...] = ()
    """A request with one of these ends the process."""
    hanging_words: tuple[str, ...] = ()
    """A request with one of these is never answered, nor is any after it."""


class OracleAsrSettings(OracleWordSettings):
    """What an ASR can do besides."""

    unsure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of windows, the last of an utterance apart, whose newest word is wrong or missing."""


class OracleMtSettings(OracleWordSettings):
    """What an MT can do besides."""

    languages: tuple[str, ...] = ()
    """ISO 639-1 codes that are translated from and to; empty for any."""
    unsure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of drafts of open segments whose last words are wrong, missing or too many."""
