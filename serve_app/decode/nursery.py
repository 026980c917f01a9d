"""The process that decoders are forked from: `python -m serve_app.decode.nursery`, job socket on 0.

FFmpeg is C that reads what strangers send, so each stream is decoded in a process of its own: with
bounded memory and time, no way to open a file or a connection, and none of the server's secrets.
Starting Python for each would take 0.2 s of CPU and 50 MB; to fork one that has all loaded takes
milliseconds and 3 MB. The replica itself cannot be forked, for it has threads; this process has
one, and does nothing else. It ends when the replica's end of the socket is gone, and its decoders
end with it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deployments.types import SAMPLE_RATE_HZ
from serve_app.decode.ffmpeg import decode_stream, decode_whole, warm_up
from serve_app.decode.job import (
    JOB_BYTES,
    Job,
    Kind,
    error_to_bytes,
    frame,
    job_from,
)
from serve_app.decode.pcm import AudioLimits
from serve_app.errors import DragomanError, InvalidAudioError

STEP_S = 60.0
"""A decoder that neither reads nor writes for so long goes round in circles."""
FILE_PIECE_BYTES = 1 << 15
"""Of PCM, of a file."""
_LAST_IN_LINE = 19
"""Of a file's decoder: live speech goes first. Ray runs replicas at 15 already."""
CPU_STEP_S, CPU_SHARE = 60, 10
"""After so much audio, the decoder is allowed so small a share of it as CPU time."""

_BYTES_PER_S = 2 * SAMPLE_RATE_HZ
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Fork a decoder for each job, until there are no more."""
    jobs = socket.socket(fileno=os.dup(0))
    _replace_standard_input()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the replica's affair
    signal.signal(signal.SIGCHLD, _reap)
    _process_control(_PR_SET_NO_NEW_PRIVS, 1)
    warm_up()
    gc.collect()
    gc.freeze()
    while True:
        data, fds, _, _ = socket.recv_fds(jobs, JOB_BYTES, 2)
        if not data:
            return
        _start(job_from(data), fds, jobs)


def _start(job: Job, fds: list[int], jobs: socket.socket) -> None:
    nursery = os.getpid()
    try:
        child = os.fork()
    except OSError:
        with suppress(OSError):
            os.write(fds[0], frame(Kind.BUSY))
        child = -1
    if child == 0:
        jobs.close()
        _serve(job, fds, nursery)
    for fd in fds:
        os.close(fd)


def _serve(job: Job, fds: list[int], nursery: int) -> NoReturn:
    """Decode, answer, and be gone; nothing else of this process runs in the child."""
    try:
        _process_control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == nursery:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _Decoder(job, fds).run()
    except ConnectionError:
        os._exit(0)  # nobody wants it any more
    except BaseException as error:
        with suppress(BaseException):
            print(f"a decoder failed: {error!r}", file=sys.stderr)  # noqa: T201
        os._exit(1)
    os._exit(0)


class _Decoder:
    """One job, in a process of its own."""

    def __init__(self, job: Job, fds: list[int]) -> None:
        self._job = job
        self._socket = socket.socket(fileno=fds[0])
        self._file = os.fdopen(fds[1], "rb") if len(fds) > 1 else None
        self._held = bytearray()
        self._given_bytes = 0

    def run(self) -> None:
        """To the end of the audio; OSError where the replica wants no more of it."""
        _limit(self._job.limits)
        if self._file is not None:
            os.nice(_LAST_IN_LINE)
        signal.setitimer(signal.ITIMER_REAL, STEP_S)
        try:
            for piece in self._pieces():
                self._give(piece)
        except DragomanError as error:
            self._end(Kind.FAILED, error_to_bytes(error))
        except MemoryError:
            self._end(Kind.FAILED, error_to_bytes(_too_much_memory(self._job.limits)))
        else:
            self._end(Kind.DONE)

    def read(self, size_bytes: int) -> bytes:
        """What FFmpeg calls for more of a stream."""
        with _waiting():
            return self._socket.recv(size_bytes)

    def _pieces(self) -> Iterator[bytes]:
        container, limits = self._job.container, self._job.limits
        if self._file is None:
            return decode_stream(self, container, limits)
        return decode_whole(self._file, container, limits)

    def _give(self, piece: bytes) -> None:
        """Of a stream at once; of a file, which nobody waits for so closely, in larger pieces."""
        self._held += piece
        if self._file is None or len(self._held) >= FILE_PIECE_BYTES:
            self._give_held()

    def _give_held(self) -> None:
        self._send(Kind.PCM, bytes(self._held))
        before, self._given_bytes = self._given_bytes, self._given_bytes + len(self._held)
        self._held.clear()
        step_bytes = CPU_STEP_S * _BYTES_PER_S
        if before // step_bytes != self._given_bytes // step_bytes:
            given_s = self._given_bytes // _BYTES_PER_S
            _limit_cpu(self._job.limits.decoder_cpu_s + given_s // CPU_SHARE)

    def _end(self, kind: Kind, data: bytes = b"") -> None:
        if self._held:
            self._give_held()
        self._send(kind, data)
        # If the process ended with input unread, the replica could not read what was sent to it.
        self._socket.shutdown(socket.SHUT_WR)
        while self.read(FILE_PIECE_BYTES):
            pass

    def _send(self, kind: Kind, data: bytes) -> None:
        with _waiting():
            self._socket.sendall(frame(kind, data))


def _limit(limits: AudioLimits) -> None:
    """What the process may take from now on."""
    if sys.platform == "linux":  # elsewhere nothing says what there is already
        most = _address_space_bytes() + limits.decoder_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    _limit_cpu(limits.decoder_cpu_s)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _limit_cpu(cpu_s: int) -> None:
    """Only the soft limit, which ends the process as well: it may be raised again."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, hard))


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextmanager
def _waiting() -> Iterator[None]:
    """Waiting for the replica is no work, however long it takes."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.setitimer(signal.ITIMER_REAL, STEP_S)


def _too_much_memory(limits: AudioLimits) -> InvalidAudioError:
    return InvalidAudioError(
        f"Decoding the audio takes more than {limits.decoder_bytes >> 20} MiB of memory "
        "(limits.decoder_bytes): convert it, for example ffmpeg -i in.xyz out.flac.",
        param="body",
        code="decoder_memory_exceeded",
    )


def _reap(_: int, __: FrameType | None) -> None:
    """Leave no zombies, and say which decoders did not end by themselves."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if os.WIFSIGNALED(status):
                name = signal.Signals(os.WTERMSIG(status)).name
                print(f"a decoder was ended by {name}", file=sys.stderr, flush=True)  # noqa: T201


def _process_control(option: int, value: int) -> None:
    if sys.platform == "linux":
        _LIBC.prctl(option, value, 0, 0, 0)


def _replace_standard_input() -> None:
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)


if __name__ == "__main__":
    main()
