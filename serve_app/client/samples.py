"""The shipped sample speech: where it is, what is said in it, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from serve_app.client.errors import UsageError

MANIFEST = "manifest.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SampleSentence(_Frozen):
    """One sentence in a sample."""

    start_ms: int
    end_ms: int
    voice: str
    """Engine, voice, speed (words a minute), pitch and pitch range it was made with."""
    text: str
    translations: dict[str, str]
    """By target language."""


class SampleEntry(_Frozen):
    """One sound file."""

    file: str
    language: str
    duration_ms: int
    sentences: tuple[SampleSentence, ...]


class SampleManifest(_Frozen):
    """`manifest.json` beside the sound files."""

    seed: int
    samples: tuple[SampleEntry, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sound file with what it says."""

    path: Path
    entry: SampleEntry

    @property
    def targets(self) -> tuple[str, ...]:
        """Languages that there are reference translations for."""
        return tuple(self.entry.sentences[0].translations)


def load_samples(directory: Path) -> tuple[Sample, ...]:
    """All samples of a directory; raises UsageError."""
    path = directory / MANIFEST
    try:
        manifest = SampleManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"There is no sample speech at {path}: run this in a checkout of the repository, or "
            "name a directory with --samples."
        ) from error
    except ValidationError as error:
        raise UsageError(f"{path} is not a sample manifest: {error}") from error
    return tuple(Sample(directory / entry.file, entry) for entry in manifest.samples)
