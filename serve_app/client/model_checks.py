"""What `dragoman doctor` says about the configuration and its models. Loads the server's code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import yaml
from faster_whisper import download_model
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from pydantic import ValidationError

from deployments.models import BUNDLED, ModelChoice, ModelError, resolve
from serve_app.client.checks import Check, check_cuda
from serve_app.config import MODEL_VARIABLES, AppConfig, with_environment


def check_models(config_path: Path) -> Iterator[Check]:
    """The configuration, and each stage's model and device as it asks for them."""
    try:
        config = with_environment(read_config(config_path), os.environ)
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        yield Check("settings", "fail", _told(error), f"Correct {config_path}.")
        return
    yield Check("settings", "ok", "understood")
    for choice in config.models:
        yield check_model(choice)
    devices = {"asr": config.asr.device, "mt": config.mt.device}
    yield check_cuda(devices, _cuda_devices())


def read_config(path: Path) -> AppConfig:
    """Dragoman's part of a Serve configuration; the defaults where there is no file."""
    if not path.is_file():
        return AppConfig()
    applications = yaml.safe_load(path.read_text())["applications"]
    return AppConfig.model_validate(applications[0].get("args", {}))


def check_model(choice: ModelChoice) -> Check:
    """Whether a stage will find its model; downloads nothing."""
    name = f"{choice.task} model"
    try:
        if _is_at_the_hub(choice):
            return _check_cached(choice, name)
        model = resolve(choice)
    except ModelError as error:
        return Check(name, "fail", str(error), _how_to_choose(choice))
    languages = ", ".join(model.languages) or "not stated"
    return Check(
        name, "ok", f"{model.name} {model.version} at {model.path}; languages: {languages}"
    )


def _is_at_the_hub(choice: ModelChoice) -> bool:
    looks_local = choice.name.startswith((".", "/", "~")) or choice.name.count("/") > 1
    return not (choice.name in BUNDLED or Path(choice.name).is_dir() or looks_local)


def _check_cached(choice: ModelChoice, name: str) -> Check:
    try:
        if choice.task == "asr":
            path = download_model(choice.hub_id, revision=choice.revision, local_files_only=True)
        else:
            path = snapshot_download(choice.hub_id, revision=choice.revision, local_files_only=True)
    except LocalEntryNotFoundError:
        detail = f"{choice.name} is not in the local cache; the first start will download it"
        remedy = f"Nothing if this machine reaches the hub; else: {_how_to_choose(choice)}"
        return Check(name, "warn", detail, remedy)
    except (OSError, ValueError) as error:
        return Check(name, "fail", _told(error), f"{choice.choices}")
    return Check(name, "ok", f"{choice.name} in the local cache at {path}")


def _how_to_choose(choice: ModelChoice) -> str:
    variables = {task: variable for variable, task in MODEL_VARIABLES.items()}
    return f"Set {choice.task}.model in serve_config.yaml, or {variables[choice.task]}."


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "args"
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{type(error).__name__}: {error}"


def _cuda_devices() -> int:
    import ctranslate2  # noqa: PLC0415 - slow to import, and only wanted here

    return int(ctranslate2.get_cuda_device_count())
