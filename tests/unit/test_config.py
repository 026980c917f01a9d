"""Settings that do not go together are refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from serve_app.client.model_checks import check_models as doctor_checks
from serve_app.config import AppConfig, with_environment, with_resume_key
from serve_app.environment import ConfigError
from serve_app.launch import StartError, check_models, load_serve_config
from serve_app.safety import require_safe

ORACLE = {"engine": "oracle"}


def test_oracles_are_for_development() -> None:
    config = AppConfig.model_validate({"vad": ORACLE, "asr": ORACLE, "mt": ORACLE})
    assert config.profile == "development"
    assert AppConfig.model_validate({"profile": "production"}).asr.engine == "whisper"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"vad": ORACLE, "asr": ORACLE}, r"vad\.engine, asr\.engine='oracle'"),
        ({"mt": ORACLE}, r"mt\.engine='oracle'"),
    ],
)
def test_production_refuses_oracles(args: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"{named} cannot serve people") as caught:
        require_safe(AppConfig.model_validate({"profile": "production", **args}))
    assert "profile='staging'" in str(caught.value)


@pytest.mark.parametrize("args", [{"vad": ORACLE}, {"asr": ORACLE}])
def test_oracles_hear_together_or_not_at_all(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="both or neither"):
        AppConfig.model_validate(args)


def test_a_refusal_of_several_settings_reads_well_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    application = {"import_path": "serve_app.app:build_app", "args": {"asr": ORACLE}}
    path.write_text(yaml.safe_dump({"applications": [application]}))
    with pytest.raises(StartError, match=r"config\.yaml: args: vad\.engine and asr\.engine are"):
        load_serve_config(path)
    [settings] = doctor_checks(path)
    assert settings.detail.startswith("args: vad.engine and asr.engine are")


def test_oracles_want_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_MODEL", "no-such-model")
    monkeypatch.setenv("MT_MODEL", "no-such-model")
    check_models(AppConfig.model_validate({"vad": ORACLE, "asr": ORACLE, "mt": ORACLE}))
    with pytest.raises(StartError, match="no-such-model"):
        check_models(AppConfig.model_validate({"vad": ORACLE, "asr": ORACLE}))


def test_resume_keys_come_from_the_environment_and_are_long_enough() -> None:
    key, older = "a" * 32, "b" * 40
    config = with_environment(AppConfig(), {"RESUME_KEYS": f"{key}, {older}"})
    assert [one.get_secret_value() for one in config.resume.keys] == [key, older]
    assert key not in repr(config)
    with pytest.raises(ConfigError, match="openssl rand") as caught:
        with_environment(AppConfig(), {"RESUME_KEYS": "short"})
    assert "short" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_development_draws_a_key_and_production_wants_one() -> None:
    drawn = with_resume_key(AppConfig())
    assert len(drawn.resume.keys) == 1
    assert with_resume_key(drawn) is drawn
    for profile in ("staging", "production"):
        with pytest.raises(ConfigError, match="RESUME_KEYS"):
            require_safe(AppConfig.model_validate({"profile": profile}))
    require_safe(AppConfig())


def test_append_wants_a_translator_that_goes_on() -> None:
    append = {"session": {"mt_mode": "append"}, "mt": {"engine": "openai"}}
    with pytest.raises(ValidationError, match=r"Set mt\.openai\.continues_prefix where"):
        AppConfig.model_validate(append)
    append["mt"] = {"engine": "openai", "openai": {"continues_prefix": True}}
    assert AppConfig.model_validate(append).session.mt_mode == "append"


def test_the_models_are_those_that_the_engines_load() -> None:
    def weights(engine: str) -> list[str]:
        models = AppConfig.model_validate({"mt": {"engine": engine}}).models
        return [model.weights for model in models if model.task == "mt"]

    assert weights("ctranslate2") == ["ctranslate2"]
    assert weights("vllm") == weights("serve_llm") == ["transformers"]
    assert weights("openai") == []
