"""Files that are nowhere but in memory."""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO


def memory_file() -> BinaryIO:
    """An empty file. On Linux another process can be given it, and its memory is free once it is
    closed everywhere; elsewhere it is bytes of this process."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("audio"), "w+b")
    return io.BytesIO()
