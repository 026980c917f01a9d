"""Environment variables over the file: one rule for names, and both sources in every complaint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_app.client.cli import main
from serve_app.config import AppConfig, with_environment
from serve_app.environment import ConfigError, leaves, settings, variable
from serve_app.launch import StartError, check_settings, load_serve_config, overridden
from tests.support.keys import key_for

KEY = "k" * 32


def written(path: Path, args: dict[str, Any], **application: Any) -> Path:  # noqa: ANN401
    entry = {"import_path": "serve_app.app:build_app", "args": args, **application}
    path.write_text(yaml.safe_dump({"applications": [entry]}))
    return path


@pytest.mark.parametrize(
    ("environment", "key", "value"),
    [
        ({"DRAGOMAN__ASR__BEAM_SIZE": "3"}, "asr.beam_size", 3),
        ({"DRAGOMAN__ASR__MODEL": "123"}, "asr.model", "123"),
        ({"ASR_MODEL": "small"}, "asr.model", "small"),
        ({"ASR_MODEL": "small", "DRAGOMAN__ASR__MODEL": "small"}, "asr.model", "small"),
        ({"DRAGOMAN__PROFILE": "staging"}, "profile", "staging"),
        ({"DRAGOMAN__SESSION__POLICY": "null"}, "session.policy", None),
        ({"DRAGOMAN__SESSION__POLICY": "hybrid"}, "session.policy", "hybrid"),
        ({"DRAGOMAN__MT__ORACLE__LANGUAGES": "en, de"}, "mt.oracle.languages", ["en", "de"]),
        ({"DRAGOMAN__MT__ORACLE__LANGUAGES": '["en"]'}, "mt.oracle.languages", ["en"]),
        (
            {"DRAGOMAN__ASR__MEMORY": '{"weights_bytes": 5, "stream_bytes": 6}'},
            "asr.memory.stream_bytes",
            6,
        ),
        ({"DRAGOMAN__ASR__BEAM_SIZE": ""}, "asr.beam_size", 5),
        ({"PATH": "/bin", "DRAGOMAN": "x"}, "asr.beam_size", 5),
    ],
)
def test_a_variable_sets_its_key(environment: dict[str, str], key: str, value: object) -> None:
    tree: Any = with_environment(AppConfig(), environment).model_dump(mode="json")
    for name in key.split("."):
        tree = tree[name]
    assert tree == value


def test_every_key_has_a_variable_of_its_own() -> None:
    names = [variable(key) for key, _ in leaves(AppConfig)]
    assert len(set(names)) == len(names)
    assert "DRAGOMAN__SESSION__MIN_SILENCE_MS" in names


def test_what_the_file_says_beside_it_stays() -> None:
    file = AppConfig.model_validate({"asr": {"model": "small", "beam_size": 2}})
    config = with_environment(file, {"DRAGOMAN__ASR__BEAM_SIZE": "4"})
    assert (config.asr.model, config.asr.beam_size) == ("small", 4)
    assert with_environment(file, {}) is file


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DRAGOMAN__ASR__MODLE": "x"}, "DRAGOMAN__ASR__MODLE names no key"),
        (
            {"ASR_MODEL": "small", "DRAGOMAN__ASR__MODEL": "tiny"},
            "ASR_MODEL and DRAGOMAN__ASR__MODEL contradict each other",
        ),
        ({"DRAGOMAN__ASR__BEAM_SIZE": "many"}, "asr.beam_size is from DRAGOMAN__ASR__BEAM_SIZE"),
        ({"DRAGOMAN__ASR__MEMORY": "{"}, "asr.memory: DRAGOMAN__ASR__MEMORY is not JSON"),
        (
            {"DRAGOMAN__ASR__DEVICE": "cuda"},
            "asr: asr.compute_type='int8' leaves open what a GPU computes in; set it to float16, "
            "bfloat16, int8_float16, int8_bfloat16, int8_float32, float32 (int8_float16 needs the "
            "least memory) (asr.device is from DRAGOMAN__ASR__DEVICE; the rest is from the file)",
        ),
    ],
)
def test_a_complaint_names_the_sources(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_environment(AppConfig.model_validate({"asr": {"compute_type": "int8"}}), environment)
    assert told in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployments = [{"name": "Asr", "autoscaling_config": {"max_replica": 2}, "num_replica": 1}]
    args = {"asr": {"modell": "x", "beam_size": 99}, "session": {"delay": "none"}}
    path = written(tmp_path / "config.yaml", args, deployments=deployments)
    with pytest.raises(StartError) as caught:
        load_serve_config(path)
    told = str(caught.value)
    assert len(told.splitlines()) == 5
    for key in ("args.asr.modell", "args.asr.beam_size", "args.session.delay", "num_replica "):
        assert key in told
    assert "deployments[0].autoscaling_config.max_replica is not a key" in told
    monkeypatch.setenv("DRAGOMAN__ASR__BEAM_SIZE", "99")
    monkeypatch.setenv("DRAGOMAN__MT__DEVICE", "tpu")
    with pytest.raises(StartError) as caught:
        load_serve_config(written(path, {}))
    assert len(str(caught.value).splitlines()) == 2


def test_sources_are_told_and_secrets_are_not() -> None:
    args = {"asr": {"model": "tiny", "beam_size": 2}, "resume": {"keys": [KEY]}}
    environment = {"ASR_MODEL": "small"}
    config = with_environment(AppConfig.model_validate(args), environment)
    found = {one.key: one for one in settings(config, args, "my.yaml", environment)}
    assert found["asr.model"].source == "ASR_MODEL"
    assert found["asr.model"].instead_of == '"tiny"'
    assert (found["asr.beam_size"].value, found["asr.beam_size"].source) == (2, "my.yaml")
    assert (found["mt.model"].value, found["mt.model"].source) == ("dragoman-mt", "default")
    assert found["resume.keys"].source == "my.yaml"
    assert KEY not in repr(found)


def test_the_start_tells_what_the_environment_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    args = {"asr": {"model": "tiny", "beam_size": 2}}
    monkeypatch.setenv("ASR_MODEL", "small")
    monkeypatch.setenv("DRAGOMAN__ASR__BEAM_SIZE", "2")
    monkeypatch.setenv("DRAGOMAN__MT__MAX_SOURCE_TOKENS", "99")
    assert list(overridden(check_settings(AppConfig.model_validate(args)), args)) == [
        'asr.model is "small" by ASR_MODEL, not "tiny" as in the file'
    ]


def test_dragoman_config_shows_the_effective_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "c.yaml", {"asr": {"beam_size": 2}, "resume": {"keys": [KEY]}})
    monkeypatch.setenv("DRAGOMAN__ASR__BEAM_SIZE", "3")
    assert main(["config", str(path), "--changed", "--json"]) == 0
    told = capsys.readouterr().out
    assert KEY not in told
    assert json.loads(told)["asr.beam_size"] == {"value": 3, "source": "DRAGOMAN__ASR__BEAM_SIZE"}
    assert main(["config", str(path)]) == 0
    told = capsys.readouterr().out
    assert KEY not in told
    assert "session.min_silence_ms" in told
    monkeypatch.setenv("DRAGOMAN__ASR__BEAM_SIZE", "0")
    assert main(["config", str(path)]) == 2


def test_production_is_refused_with_all_that_it_forbids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESUME_KEYS", raising=False)
    oracle = {"engine": "oracle"}
    args: dict[str, Any] = {"profile": "production", "vad": oracle, "asr": oracle, "mt": oracle}
    assert main(["config", str(written(tmp_path / "c.yaml", args))]) == 1
    told = capsys.readouterr().err
    assert "vad.engine, asr.engine, mt.engine='oracle' cannot serve people" in told
    assert "Set RESUME_KEYS" in told
    assert "dragoman keys create CLIENT" in told
    args["auth"] = {"keys": [key_for("kiosk", "stream").record]}
    with pytest.raises(StartError, match="Set RESUME_KEYS"):
        check_settings(AppConfig.model_validate({**args, "profile": "staging"}))
    monkeypatch.setenv("RESUME_KEYS", KEY)
    check_settings(AppConfig.model_validate({**args, "profile": "staging"}))
