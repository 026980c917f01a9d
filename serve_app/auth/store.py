"""Where keys come from: a file that may change while the server runs, or the configuration."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from serve_app.auth.keys import KeyRecord, KeyRing, problem_with

RELOAD_S = 2.0
"""A change of the file is seen within this time."""
MODE = 0o600
HOW_TO_MAKE = "make one with: dragoman keys create CLIENT --file"

logger = logging.getLogger("ray.serve")


class KeyFileError(Exception):
    """The file cannot be used; the message says why and how to mend it."""


class KeySource(Protocol):
    """The keys that are good at the moment."""

    def ring(self) -> KeyRing:
        """As they are now."""
        ...


class _KeyTree(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[KeyRecord, ...] = ()


def read_keys(path: Path) -> tuple[KeyRecord, ...]:
    """All keys in a file of YAML or JSON; raises KeyFileError."""
    try:
        tree = yaml.safe_load(path.read_text())
        records = _KeyTree.model_validate(tree or {}).keys
    except FileNotFoundError:
        raise KeyFileError(f"there is no key file at {path}; {HOW_TO_MAKE} {path}") from None
    except (OSError, UnicodeError) as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise KeyFileError(f"the key file {path} is not YAML: {error}") from error
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "its content"
        raise KeyFileError(f"in the key file {path}, {where}: {problem['msg']}") from error
    if conflict := problem_with(records):
        raise KeyFileError(f"in the key file {path}, {conflict}")
    return records


def write_keys(path: Path, records: Sequence[KeyRecord]) -> None:
    """Replace the file at once, readable for its owner alone; raises KeyFileError."""
    tree = {"keys": [record.model_dump(mode="json") for record in records]}
    text = yaml.safe_dump(tree, sort_keys=False)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(MODE)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be written: {error}") from error


class FixedKeys:
    """Those of the configuration."""

    def __init__(self, records: Sequence[KeyRecord]) -> None:
        self._ring = KeyRing(records)

    def ring(self) -> KeyRing:
        """Always the same."""
        return self._ring


class FileKeys:
    """Those of a file, which is read again after it has changed."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises KeyFileError."""
        self._path = path
        self._clock = clock
        self._looked_s = clock()
        self._seen = _state(path)
        self._ring = KeyRing(read_keys(path))

    def ring(self) -> KeyRing:
        """As the file has them; as it had them, where it cannot be read any more."""
        now_s = self._clock()
        if now_s - self._looked_s >= RELOAD_S:
            self._looked_s = now_s
            self._reload()
        return self._ring

    def _reload(self) -> None:
        state = _state(self._path)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._ring = KeyRing(read_keys(self._path))
            logger.info("keys were read again from %s", self._path)
        except KeyFileError as error:
            logger.error("the keys stay as they were: %s", error)


def _state(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file does; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
