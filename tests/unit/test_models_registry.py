"""Names in the settings become directories, or errors that say what to do."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest

from deployments import models
from deployments.models import (
    BUNDLED,
    ModelChoice,
    ModelCorruptError,
    ModelNotFoundError,
    Task,
    WeightFormat,
    read_manifest,
    resolve,
)

ASR = ModelChoice("dragoman-asr", "asr")


def write_model(directory: Path, name: str = "dragoman-asr", **changes: object) -> Path:
    """A directory that looks like a model; `changes` are made to its manifest."""
    directory.mkdir(parents=True)
    contents = {
        "model.bin": b"weights",
        "config.json": b"{}",
        "vocabulary.json": b"[]",
        "tokenizer.json": b"{}",
    }
    for file, content in contents.items():
        (directory / file).write_bytes(content)
    digests = {
        file: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for file, content in contents.items()
    }
    manifest = {
        "name": name,
        "version": "1.2.3",
        "task": "asr",
        "architecture": "Whisper",
        "languages": ["en", "de"],
        "short_windows": True,
        "files": digests,
        "memory_bytes": 1_000,
        "licence": "Apache-2.0",
        "metrics": {"wer": {"en": 1.5}},
    }
    (directory / "model_config.json").write_text(json.dumps(manifest | changes))
    return directory


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for bundled models, with a good one in it."""
    monkeypatch.setattr(models, "_BUNDLE_PLACES", (tmp_path / "checkout", tmp_path / "wheel"))
    return write_model(tmp_path / "checkout" / "dragoman-asr")


def test_bundled_model(bundle: Path) -> None:
    model = resolve(ASR)
    assert (model.name, model.version, model.path) == ("dragoman-asr", "1.2.3", bundle)
    assert model.languages == ("en", "de")
    assert model.short_windows
    assert model.manifest is not None
    assert model.manifest.metrics["wer"] == {"en": 1.5}


def test_bundled_model_of_a_wheel(bundle: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "wheel" / "dragoman-asr"
    wheel.parent.mkdir()
    bundle.rename(wheel)
    assert resolve(ASR).path == wheel


def test_bundled_model_is_not_there(bundle: Path) -> None:
    shutil.rmtree(bundle)
    with pytest.raises(ModelNotFoundError, match=r"asr\.model='dragoman-asr'.*git checkout"):
        resolve(ASR)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "model.bin is missing"),
        (lambda path: path.write_bytes(b"wei"), "has 3 bytes, not 7"),
        (lambda path: path.write_bytes(b"Weights"), "wrong SHA-256"),
    ],
)
def test_damaged_bundled_model(
    bundle: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(bundle / "model.bin")
    with pytest.raises(ModelCorruptError, match=message) as caught:
        resolve(ASR)
    assert "git checkout -- models/dragoman-asr" in str(caught.value)


@pytest.mark.parametrize(
    "manifest",
    ["", "{}", "[]", '{"name": 1}'],
)
def test_broken_manifest(bundle: Path, manifest: str) -> None:
    (bundle / "model_config.json").write_text(manifest)
    with pytest.raises(ModelCorruptError, match="not a model manifest"):
        resolve(ASR)


def test_manifest_has_no_unknown_keys(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "m", short_window=True)
    with pytest.raises(ModelCorruptError, match="short_window"):
        read_manifest(directory)


def test_bundled_model_of_the_other_task(bundle: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="this is a model for asr") as caught:
        resolve(ModelChoice("dragoman-asr", "mt"))
    assert "dragoman-mt" in str(caught.value)


def test_local_directory_without_manifest(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    (directory / "model_config.json").unlink()
    model = resolve(ModelChoice(str(directory), "asr"))
    assert (model.name, model.version, model.path) == ("mine", "local", directory)
    assert model.languages == ()
    assert not model.short_windows


def test_local_directory_with_manifest(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine", name="mine", version="7")
    model = resolve(ModelChoice(str(directory), "asr"))
    assert (model.version, model.short_windows) == ("7", True)


def test_a_local_directory_that_was_copied_in_part_is_refused(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine", name="mine", version="7")
    weights = directory / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelCorruptError, match=r"model\.bin has \d+ bytes, not \d+\. Copy mine 7"):
        resolve(ModelChoice(str(directory), "asr"))


def test_what_a_local_directory_lacks_is_named(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    (directory / "model_config.json").unlink()
    (directory / "tokenizer.json").unlink()
    (directory / "vocabulary.json").unlink()
    with pytest.raises(ModelNotFoundError, match=r"lacks vocabulary\.\*, tokenizer\.json\."):
        resolve(ModelChoice(str(directory), "asr"))


def test_unconverted_weights_come_with_the_command_to_convert_them(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    with pytest.raises(ModelNotFoundError, match="ct2-transformers-converter"):
        resolve(ModelChoice(str(tmp_path), "mt"))

    unconverted: WeightFormat = "transformers"
    assert resolve(ModelChoice(str(tmp_path), "mt", unconverted)).path == tmp_path


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no such directory"):
        resolve(ModelChoice(str(tmp_path / "nowhere"), "mt"))


@pytest.mark.parametrize("name", ["dragoman", "tiny-ish", ""])
@pytest.mark.parametrize("task", ["asr", "mt"])
def test_unknown_name_lists_what_there_is(name: str, task: Task) -> None:
    with pytest.raises(ModelNotFoundError, match="unknown model") as caught:
        resolve(ModelChoice(name, task))
    message = str(caught.value)
    assert f"{task}.model={name!r}" in message
    assert f"dragoman-{task}" in message
    assert ("large-v3" in message) == (task == "asr")


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("small", "asr"),
        ("small@main", "asr"),
        ("some-org/some-model", "asr"),
        ("org/name@v1", "mt"),
    ],
)
def test_hub_out_of_reach(
    name: str, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match="local cache") as caught:
        resolve(ModelChoice(name, task))
    assert f"{task}.model={name!r}" in str(caught.value)
    assert "network access" in str(caught.value)


@pytest.mark.parametrize("name", ["bad name/with spaces", "org/a--b"])
def test_what_is_no_hub_id(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match="the hub knows no such model"):
        resolve(ModelChoice(name, "mt"))


@pytest.mark.parametrize(("name", "task"), BUNDLED.items())
def test_shipped_models_are_whole(name: str, task: Task) -> None:
    model = resolve(ModelChoice(name, task))
    assert model.name == name
    assert set(model.languages) == {"en", "de", "es"}


def test_shipped_translator_also_comes_for_vllm() -> None:
    model = resolve(ModelChoice("dragoman-mt", "mt", "transformers"))
    assert (model.path / "model.safetensors").is_file()
