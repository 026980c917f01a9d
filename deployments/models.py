"""From a model's name in the settings to a directory that can be loaded, or an error that helps.

A name is a bundled model, a directory, or an id at the Hugging Face hub, tried in this order. An id
may pin a revision of the model: `org/name@commit`.
Knows what files an engine needs, not how it reads them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import huggingface_hub
from faster_whisper import available_models, download_model
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from deployments.memory import ModelMemory
from deployments.settings import ComputeType

Task = Literal["asr", "mt"]
WeightFormat = Literal["ctranslate2", "transformers"]

MANIFEST_FILE = "model_config.json"
BUNDLED: dict[str, Task] = {"dragoman-asr": "asr", "dragoman-mt": "mt"}
"""Models that ship with the package, and what they are for."""

TRANSFORMERS_FOLDER = "hf"
"""Where our own models keep the weights as vLLM reads them, beside those for CTranslate2."""

_PACKAGE = Path(__file__).resolve().parent
_BUNDLE_PLACES = (_PACKAGE.parent / "models", _PACKAGE / "_models")
_REQUIRED: dict[WeightFormat, tuple[str, ...]] = {
    "ctranslate2": ("model.bin", "config.json", "vocabulary.*", "tokenizer.json"),
    "transformers": ("*.safetensors", "config.json", "tokenizer.json"),
}
_OPTIONAL = (
    "*.jinja",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
)


class ModelError(Exception):
    """A model cannot be used; the message names the setting and the fix."""


class ModelNotFoundError(ModelError):
    """Nothing usable bears this name."""


class ModelCorruptError(ModelError):
    """The model is there but broken."""


class FileDigest(BaseModel):
    """What a file must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


class ModelManifest(BaseModel):
    """`model_config.json` of a model that this project made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    task: Task
    architecture: str | dict[str, JsonValue]
    """Name, or name and sizes."""
    languages: tuple[str, ...]
    """ISO 639-1 codes."""
    short_windows: bool = False
    """Whisper only: trained to hear windows that are not padded to 30 s."""
    open_sources: bool = False
    """Translators only: trained to translate what is said so far of a sentence that goes on."""
    files: dict[str, FileDigest]
    memory_bytes: Annotated[int, Field(ge=0)]
    """By which a process on a CPU grows, measured."""
    memory: dict[ComputeType, ModelMemory] = {}
    """What it needs of a GPU, by number format."""
    licence: str
    metrics: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model whose files are all on this machine."""

    name: str
    path: Path
    version: str
    manifest: ModelManifest | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes the model was made for; empty where its maker does not say."""
        return self.manifest.languages if self.manifest else ()

    @property
    def short_windows(self) -> bool:
        """Whether windows need no padding to 30 s."""
        return self.manifest is not None and self.manifest.short_windows

    @property
    def open_sources(self) -> bool:
        """Whether the model is to be told that a source goes on."""
        return self.manifest is not None and self.manifest.open_sources


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A name as the settings give it."""

    name: str
    task: Task
    weights: WeightFormat = "ctranslate2"

    @property
    def hub_id(self) -> str:
        """The name without its revision."""
        return self.name.partition("@")[0]

    @property
    def revision(self) -> str | None:
        """Commit, tag or branch at the hub; None for the newest."""
        return self.name.partition("@")[2] or None

    @property
    def setting(self) -> str:
        """The setting, for messages."""
        return f"{self.task}.model={self.name!r}"

    @property
    def choices(self) -> str:
        """What else the setting may say."""
        bundled = ", ".join(name for name, task in BUNDLED.items() if task == self.task)
        sizes = f" or a Whisper size ({', '.join(available_models())})"
        return (
            f"Set {self.task}.model to a bundled model ({bundled}), to the path of a "
            f"{self.weights} model directory, or to a Hugging Face id (org/name[@revision])"
            f"{sizes if self.task == 'asr' else ''}."
        )


def resolve(choice: ModelChoice) -> ResolvedModel:
    """Find a model and make sure that its files are here, downloading them if need be.

    Raises ModelNotFoundError or ModelCorruptError.
    """
    if choice.name in BUNDLED:
        return _bundled(choice)
    path = Path(choice.name).expanduser()
    if choice.name and path.is_dir():
        return _local(choice, path)
    if _looks_like_path(choice.name):
        raise ModelNotFoundError(f"{choice.setting}: no such directory. {choice.choices}")
    check_name(choice)
    return _from_hub(choice)


def check_name(choice: ModelChoice) -> None:
    """Raise ModelNotFoundError for a name that could not be resolved on any machine."""
    is_size = choice.task == "asr" and choice.hub_id in available_models()
    is_here = choice.name in BUNDLED or (choice.name and Path(choice.name).is_dir())
    if not (is_size or is_here or "/" in choice.name or _looks_like_path(choice.name)):
        raise ModelNotFoundError(f"{choice.setting}: unknown model. {choice.choices}")


def bundled_directory(name: str) -> Path | None:
    """Where a bundled model lies: in a checkout or in an installed wheel."""
    places = (place / name for place in _BUNDLE_PLACES)
    return next((path for path in places if (path / MANIFEST_FILE).is_file()), None)


def read_manifest(directory: Path) -> ModelManifest:
    """Raises ModelCorruptError."""
    path = directory / MANIFEST_FILE
    try:
        return ModelManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelCorruptError(f"{path} is not a model manifest: {error}") from error


def local_manifest(name: str) -> ModelManifest | None:
    """The manifest of a bundled model or a directory; None where there is none.

    Raises ModelCorruptError.
    """
    directory = bundled_directory(name) if name in BUNDLED else Path(name).expanduser()
    if directory is None or not (directory / MANIFEST_FILE).is_file():
        return None
    return read_manifest(directory)


def verify(directory: Path, manifest: ModelManifest, *, digests: bool = True) -> None:
    """Compare the files with their sizes and digests; ModelCorruptError for the first that differs.

    The digests of a large model take as long as reading all of it.
    """
    for name, digest in manifest.files.items():
        path = directory / name
        if not path.is_file():
            raise ModelCorruptError(f"{path} is missing. {_restore(directory, manifest)}")
        size = path.stat().st_size
        if size != digest.bytes:
            raise ModelCorruptError(
                f"{path} has {size} bytes, not {digest.bytes}. {_restore(directory, manifest)}"
            )
        if digests and _sha256(path) != digest.sha256:
            raise ModelCorruptError(
                f"{path} has the wrong SHA-256. {_restore(directory, manifest)}"
            )


def _bundled(choice: ModelChoice) -> ResolvedModel:
    directory = bundled_directory(choice.name)
    if directory is None:
        searched = ", ".join(str(place / choice.name) for place in _BUNDLE_PLACES)
        raise ModelNotFoundError(
            f"{choice.setting}: the bundled model is not in {searched}. Reinstall the package or "
            f"run `git checkout -- models/{choice.name}`. {choice.choices}"
        )
    manifest = read_manifest(directory)
    verify(directory, manifest)
    return _with_manifest(choice, directory, manifest)


def _local(choice: ModelChoice, directory: Path) -> ResolvedModel:
    if (directory / MANIFEST_FILE).is_file():
        manifest = read_manifest(directory)
        verify(directory, manifest, digests=False)
        return _with_manifest(choice, directory, manifest)
    _require_files(choice, directory)
    return ResolvedModel(directory.resolve().name, directory, "local")


def _with_manifest(choice: ModelChoice, directory: Path, manifest: ModelManifest) -> ResolvedModel:
    if manifest.task != choice.task:
        raise ModelNotFoundError(
            f"{choice.setting}: this is a model for {manifest.task}. {choice.choices}"
        )
    weights = directory / TRANSFORMERS_FOLDER if choice.weights == "transformers" else directory
    _require_files(choice, weights)
    return ResolvedModel(manifest.name, weights, manifest.version, manifest)


def _from_hub(choice: ModelChoice) -> ResolvedModel:
    directory = _download(choice)
    _require_files(choice, directory)
    # The hub's cache names a snapshot's directory by its commit.
    return ResolvedModel(choice.name, directory, directory.name[:12])


def _download(choice: ModelChoice) -> Path:
    try:
        if choice.task == "asr" and choice.weights == "ctranslate2":
            return Path(download_model(choice.hub_id, revision=choice.revision))
        patterns = [*_REQUIRED[choice.weights], *_OPTIONAL]
        directory = huggingface_hub.snapshot_download(
            choice.hub_id, revision=choice.revision, allow_patterns=patterns
        )
        return Path(directory)
    except (RepositoryNotFoundError, RevisionNotFoundError, ValueError) as error:
        raise ModelNotFoundError(
            f"{choice.setting}: the hub knows no such model or revision, or it is private "
            f"(then set HF_TOKEN). {choice.choices}"
        ) from error
    except OSError as error:
        raise ModelNotFoundError(
            f"{choice.setting}: it is neither in the local cache nor can it be downloaded "
            f"({_first_line(error)}). Give this machine network access, set HF_HOME to a cache "
            f"that holds the model, or copy it here. {choice.choices}"
        ) from error


def _require_files(choice: ModelChoice, directory: Path) -> None:
    missing = [name for name in _REQUIRED[choice.weights] if not any(directory.glob(name))]
    if missing:
        raise ModelNotFoundError(
            f"{choice.setting}: {directory} lacks {', '.join(missing)}."
            f"{_conversion(choice, missing)} {choice.choices}"
        )


def _conversion(choice: ModelChoice, missing: list[str]) -> str:
    if "model.bin" not in missing:
        return ""
    return (
        " It is not converted for CTranslate2: run `ct2-transformers-converter --model "
        f"{choice.hub_id} --output_dir converted --quantization int8 --copy_files tokenizer.json "
        f"{'preprocessor_config.json' if choice.task == 'asr' else 'tokenizer_config.json'}` "
        f"and set {choice.task}.model to that directory."
    )


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _restore(directory: Path, manifest: ModelManifest) -> str:
    if directory.parent not in _BUNDLE_PLACES:
        return f"Copy {manifest.name} {manifest.version} there again."
    return (
        f"Restore it with `git checkout -- models/{manifest.name}`, reinstall the package, "
        "or train the model again with `make models`."
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
