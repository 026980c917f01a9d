"""What a replica and its decoders say to each other.

A job goes to the nursery, with the decoder's end of a socket and, for a file, the file. Through
that socket the decoder gets the body of a stream, up to its end, and answers in frames: any number
of pieces of PCM, and then how it ended.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import Enum

from serve_app.decode.pcm import AudioLimits
from serve_app.errors import DragomanError, InvalidAudioError, TooLargeError

JOB_BYTES = 1024
"""Every job has this size: what was sent as one is read as one."""
HEADER = struct.Struct("<cI")
"""Kind and size in bytes of a frame."""
MAX_FRAME_BYTES = 1 << 20
"""A decoder that says more at once is not the one that was started."""

STOPPED_CODE = "decoder_stopped"
"""Of the error where a decoder took too long, or crashed."""


class Kind(bytes, Enum):
    """Of a frame."""

    PCM = b"P"
    DONE = b"D"
    FAILED = b"F"
    """The audio cannot be decoded: an error follows."""
    BUSY = b"B"
    """There is no process to decode it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One stream or file to decode."""

    container: str
    limits: AudioLimits

    def to_bytes(self) -> bytes:
        """For the nursery."""
        return json.dumps(asdict(self)).encode().ljust(JOB_BYTES)


def job_from(data: bytes) -> Job:
    """The reverse of `to_bytes`."""
    wire = json.loads(data)
    return Job(wire["container"], AudioLimits(**wire["limits"]))


def frame(kind: Kind, data: bytes = b"") -> bytes:
    """A frame as it is sent."""
    return HEADER.pack(kind.value, len(data)) + data


def error_to_bytes(error: DragomanError) -> bytes:
    """An error for the replica."""
    return json.dumps([error.status, error.message, error.param, error.code]).encode()


def error_from(data: bytes) -> DragomanError:
    """The reverse; only errors that a decoder may raise come of it, and ValueError of all else."""
    match json.loads(data):
        case [int(status), str(message), str() | None as param, str(code)]:
            kind = TooLargeError if status == TooLargeError.status else InvalidAudioError
            return kind(message, param=param, code=code)
        case _:
            raise ValueError("no error that a decoder tells of")
