"""A configuration file is read strictly, and a failed start says why in one line."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from serve_app.client.cli import main
from serve_app.config import AppConfig, with_environment
from serve_app.launch import (
    StartError,
    check_models,
    check_settings,
    load_serve_config,
    root_cause,
    why_failed,
)

SHIPPED = Path(__file__).parents[2] / "serve_config.yaml"


def written(tmp_path: Path, change: dict[str, object] | None = None) -> Path:
    tree = yaml.safe_load(SHIPPED.read_text())
    tree["applications"][0].update(change or {})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_the_shipped_file_is_valid_and_names_the_bundled_models() -> None:
    schema = load_serve_config(SHIPPED)
    config = AppConfig.model_validate(schema.applications[0].args)
    assert (config.asr.model, config.mt.model) == ("dragoman-asr", "dragoman-mt")
    assert [d.name for d in schema.applications[0].deployments] == [
        *["Ingress", "Vad", "Asr", "Mt", "Hub"]
    ]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"deplyments": []}, "applications[0].deplyments"),
        ({"deployments": [{"name": "Asr", "num_replica": 2}]}, "deployments[0].num_replica"),
        (
            {"deployments": [{"name": "Asr", "autoscaling_config": {"max_replica": 2}}]},
            "deployments[0].autoscaling_config.max_replica",
        ),
        (
            {"deployments": [{"name": "Asr", "autoscaling_config": {"policy": {"function": "x"}}}]},
            "deployments[0].autoscaling_config.policy.function",
        ),
        ({"args": {"asr": {"modell": "x"}}}, "args.asr.modell"),
        ({"args": {"asr": {"device": "tpu"}}}, "args.asr.device"),
        ({"args": {"session": {"update_interval_ms": 1}}}, "args.session.update_interval_ms"),
    ],
)
def test_a_misspelt_or_impossible_setting_is_named(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(StartError) as caught:
        load_serve_config(written(tmp_path, change))
    assert named in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"nowhere\.yaml cannot be read: No such file"):
        load_serve_config(tmp_path / "nowhere.yaml")


def test_an_unknown_model_stops_the_start_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_MODEL", "smal")
    with pytest.raises(StartError) as caught:
        check_models(AppConfig())
    assert "asr.model='smal': unknown model" in str(caught.value)
    assert "dragoman-asr" in str(caught.value)


def test_the_environment_chooses_models() -> None:
    config = with_environment(AppConfig(), {"ASR_MODEL": "small", "MT_MODEL": ""})
    assert (config.asr.model, config.mt.model) == ("small", "dragoman-mt")


def test_the_cause_is_found_under_the_tracebacks() -> None:
    message = """Failed to update the deployments ['Mt'].
    Traceback (most recent call last):
      File "mt.py", line 79, in __init__
        raise ModelNotFoundError(
    deployments.models.ModelNotFoundError: mt.model='x': unknown model. Set mt.model to ...
    """
    assert root_cause(message) == "mt.model='x': unknown model. Set mt.model to ..."
    assert root_cause("no traceback here") == "no traceback here"


def test_a_production_server_without_keys_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    monkeypatch.setenv("RESUME_KEYS", "a" * 32)
    assert not check_settings(AppConfig()).auth.enabled
    production = AppConfig(profile="production")
    with pytest.raises(StartError, match=r"dragoman keys create CLIENT --file keys\.yaml"):
        check_settings(production)
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys.yaml"))
    with pytest.raises(StartError, match=r"there is no key file at .*/keys\.yaml"):
        check_settings(AppConfig())
    assert main(["keys", "create", "kiosk"]) == 0
    assert check_settings(production).auth.enabled


def test_the_deployment_that_failed_says_why() -> None:
    def status(value: str, message: str) -> SimpleNamespace:
        return SimpleNamespace(status=value, message=message)

    application: Any = status("DEPLOY_FAILED", "Failed to update the deployments ['Asr'].")
    application.deployments = {
        "Vad": status("HEALTHY", ""),
        "Asr": status("DEPLOY_FAILED", "Traceback\n  RuntimeError: model.bin is cut off"),
    }
    assert why_failed(application) == "Asr: model.bin is cut off"
    application.deployments = {}
    assert why_failed(application) == "Failed to update the deployments ['Asr']."
