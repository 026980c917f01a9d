"""Where a process gets its decoders from."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess  # nosec B404
import sys
import threading
from pathlib import Path

from serve_app.decode.job import Job

_END_S = 2.0
_SEND_S = 2.0
"""A nursery that takes no job for so long hangs, as one that was stopped does; it is replaced."""
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class Decoders:
    """The nursery of this process, started when it is needed and again when it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nursery: subprocess.Popen[bytes] | None = None
        self._jobs: socket.socket | None = None

    def __reduce__(self) -> str:
        """Those of the process that it comes to: Serve sends the ingress with all that it names."""
        return "decoders"

    def start(self) -> None:
        """Begin now, so that the first stream need not wait for it."""
        with self._lock:
            self._running()

    def take(self, job: Job, file_fd: int | None = None) -> socket.socket:
        """A decoder at work on a job; the socket to it. OSError where none can be had."""
        ours, theirs = socket.socketpair()
        with theirs:
            fds = [theirs.fileno()] if file_fd is None else [theirs.fileno(), file_fd]
            try:
                self._send(job.to_bytes(), fds)
            except OSError:
                ours.close()
                raise
        return ours

    def close(self) -> None:
        """End the nursery and all decoders."""
        with self._lock:
            self._stop()

    def _send(self, data: bytes, fds: list[int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._running(), [data], fds)
            except OSError:
                # It has died since: of a signal, or because the machine ran out of memory.
                self._stop()
                socket.send_fds(self._running(), [data], fds)

    def _running(self) -> socket.socket:
        if self._jobs is None or self._nursery is None or self._nursery.poll() is not None:
            self._stop()
            self._jobs, theirs = socket.socketpair()
            self._jobs.settimeout(_SEND_S)
            with theirs:
                self._nursery = subprocess.Popen(  # nosec B603
                    [sys.executable, "-P", "-m", "serve_app.decode.nursery"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    env=_environment(),
                )
        return self._jobs

    def _stop(self) -> None:
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None
        if self._nursery is not None:
            try:
                self._nursery.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._nursery.kill()
                self._nursery.wait()
            self._nursery = None


def _environment() -> dict[str, str]:
    """Enough to start Python, and no secret."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


decoders = Decoders()
"""Of this process."""
atexit.register(decoders.close)
