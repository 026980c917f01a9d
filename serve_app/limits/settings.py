"""The `limits:` of the configuration: every bound that a client can run into, in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, model_validator

from serve_app.decode.pcm import CHANNELS, RATES_HZ, AudioLimits
from serve_app.limits.audio import SessionLimits
from serve_app.limits.ledger import ClientLimits
from serve_app.settings import Section

MAX_MESSAGE_BYTES = 16 << 20
"""What the WebSocket server itself takes (uvicorn's default, which Serve does not let one set)."""

MIN_WAITING_BYTES = 1 << 21
"""Dragoman's own clients send a minute of 16 kHz PCM, 1.9 MB, before it is acknowledged."""


class LimitSettings(Section):
    """Each refusal names its setting and the number."""

    # Files and bodies
    upload_bytes: Annotated[int, Field(ge=1_024, le=1 << 34)] = 512 << 20
    """Size of one uploaded file: 413."""
    file_audio_s: Annotated[int, Field(ge=1, le=7 * 86_400)] = 14_400
    """Length of the audio in one file: 413."""
    json_bytes: Annotated[int, Field(ge=1_024, le=64 << 20)] = 4 << 20
    """A body of JSON: 413."""
    json_depth: Annotated[int, Field(ge=6, le=100)] = 16
    """Braces and brackets within each other, in a body (400) or in a message."""
    query_bytes: Annotated[int, Field(ge=256, le=64 << 10)] = 8 << 10
    """The query of a URL: 414."""
    header_bytes: Annotated[int, Field(ge=1_024, le=64 << 10)] = 32 << 10
    """Names and values of all headers: 431."""

    # Audio
    min_rate_hz: Annotated[int, Field(ge=RATES_HZ.start, lt=RATES_HZ.stop)] = RATES_HZ.start
    """Least sample rate, of raw audio and in containers: 400, or 1008 on a socket."""
    max_rate_hz: Annotated[int, Field(ge=RATES_HZ.start, lt=RATES_HZ.stop)] = RATES_HZ.stop - 1
    """Greatest sample rate: 400, or 1008 on a socket."""
    max_channels: Annotated[int, Field(ge=1, lt=CHANNELS.stop)] = CHANNELS.stop - 1
    """Channels of audio: 400, or 1008 on a socket."""

    decoder_bytes: Annotated[int, Field(ge=64 << 20, le=1 << 34)] = 256 << 20
    """Memory that decoding one stream or file may take: 400, or 1008 on a socket."""
    decoder_cpu_s: Annotated[int, Field(ge=1, le=86_400)] = 30
    """CPU time that decoding one stream or file may take, beyond a tenth of its audio: 400, or 1008
    on a socket."""

    # Live sessions
    message_bytes: Annotated[int, Field(ge=1_024, le=MAX_MESSAGE_BYTES)] = MAX_MESSAGE_BYTES
    """One message on a WebSocket: 1009."""
    session_s: Annotated[int, Field(ge=10, le=7 * 86_400)] = 14_400
    """A session ends after this time and can be resumed: 1012."""
    idle_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """A session without audio ends after this time: 1008."""
    audio_ahead_s: Annotated[float, Field(ge=1, le=86_400)] | None = None
    """A session takes audio no further ahead of the time since its start; what comes faster waits.
    None: as fast as it is dealt with, so that files can be streamed."""
    waiting_audio_bytes: Annotated[int, Field(ge=MIN_WAITING_BYTES, le=1 << 28)] = 1 << 24
    """Audio of one socket that waits to be taken: 1013."""
    waiting_body_bytes: Annotated[int, Field(ge=1 << 20, le=1 << 30)] = 1 << 24
    """Of the body of one `POST /v1/stream` that wait to be taken: an error, and its end; what still
    comes is dropped."""
    unsent_events: Annotated[int, Field(ge=16, le=1 << 16)] = 1_024
    """Events of one socket that wait to be sent: 1013."""
    unread_events: Annotated[int, Field(ge=16, le=1 << 20)] = 4_096
    """Events on WS /v1/stream that a client has not read which says how far it has (`received`):
    1013."""

    # Shares of one client, by all its keys and on all replicas; without keys nobody is counted
    client_sessions: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Live sessions at a time: 429."""
    client_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Requests, and sessions opened; so many at once: 429."""
    client_audio_s_per_day: Annotated[int, Field(ge=60, le=1 << 31)] = 864_000
    """Seconds of audio, live and in files; so many at once: 429, or 1013 in a session."""

    @model_validator(mode="after")
    def _some_rate_is_left(self) -> Self:
        if self.min_rate_hz > self.max_rate_hz:
            raise ValueError("limits.min_rate_hz is above limits.max_rate_hz: no rate is left")
        return self

    def audio(self) -> AudioLimits:
        """As the decoders of live streams take them."""
        return AudioLimits(
            self.min_rate_hz,
            self.max_rate_hz,
            self.max_channels,
            decoder_bytes=self.decoder_bytes,
            decoder_cpu_s=self.decoder_cpu_s,
        )

    def file_audio(self) -> AudioLimits:
        """As the decoders of files take them."""
        return replace(self.audio(), max_s=self.file_audio_s)

    def session(self) -> SessionLimits:
        """As a session's audio is held to them."""
        return SessionLimits(self.session_s, self.idle_s, self.audio_ahead_s)

    def client(self) -> ClientLimits:
        """As the ledger takes them."""
        return ClientLimits(
            self.client_sessions, self.client_requests_per_minute, self.client_audio_s_per_day
        )
