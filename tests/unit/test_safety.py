"""Each profile, cell by cell: what it lets start, and what it lets in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest
import yaml

from serve_app.client.cli import main
from serve_app.config import AppConfig, Profile
from serve_app.environment import ConfigError
from serve_app.launch import StartError, load_serve_config
from serve_app.safety import DEMANDS, require_safe
from serve_app.serve_file import debug_places
from tests.support.doors import scripted_service, serving
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken

PROFILES: tuple[Profile, ...] = get_args(Profile)
KEY = key_for("kiosk", "stream")
ORACLES = {stage: {"engine": "oracle"} for stage in ("vad", "asr", "mt")}
SAFE: dict[str, Any] = {
    "auth": {"keys": [KEY.record.model_dump(mode="json")]},
    "resume": {"keys": ["k" * 32]},
    "browsers": {"origins": ["https://captions.example.org"]},
}
FOREIGN = "https://evil.example"

# What happens in development, staging and production.
STARTS: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[bool, bool, bool], str]] = {
    "safe": ({}, (), (True, True, True), ""),
    "no keys": ({"auth": {}}, (), (True, False, False), "auth has no keys"),
    "no resume keys": ({"resume": {}}, (), (True, False, False), "resume.keys is empty"),
    "debug": ({}, ("logging_config.log_level",), (True, False, False), "log_level=DEBUG"),
    "oracles": (ORACLES, (), (True, True, False), "cannot serve people"),
    "any origin": ({"browsers": {"origins": ["*"]}}, (), (True, True, False), "browsers.origins"),
}


@pytest.mark.parametrize("name", STARTS)
def test_what_starts(name: str) -> None:
    change, debug_at, starts, told = STARTS[name]
    for profile, may in zip(PROFILES, starts, strict=True):
        config = AppConfig.model_validate({**SAFE, **change, "profile": profile})
        if may:
            require_safe(config, debug_at)
            continue
        with pytest.raises(ConfigError, match=f"^profile: {profile} forbids:\n- ") as caught:
            require_safe(config, debug_at)
        assert told in str(caught.value)
        assert len(str(caught.value).splitlines()) == 2


def test_all_problems_are_told_together() -> None:
    config = AppConfig.model_validate(
        {**ORACLES, "profile": "production", "browsers": {"origins": ["*"]}}
    )
    with pytest.raises(ConfigError) as caught:
        require_safe(config, ["logging_config.log_level"])
    assert len(str(caught.value).splitlines()) == 6


@pytest.mark.parametrize(
    ("profile", "foreign_socket", "description"),
    [("development", 101, 200), ("staging", 403, 401), ("production", 403, 401)],
)
async def test_what_gets_in(profile: Profile, foreign_socket: int, description: int) -> None:
    plain = with_keys(scripted_service(Script([Spoken("Good", 300, 600)], length_ms=900)), KEY)
    service = replace(plain, config=plain.config.model_copy(update={"profile": profile}))
    bearer = {"authorization": f"Bearer {KEY.key}"}
    async with serving(service) as url, aiohttp.ClientSession() as http:
        headers = {**bearer, "origin": FOREIGN}
        try:
            async with http.ws_connect(f"{url}/v1/stream", headers=headers):
                status = 101
        except aiohttp.WSServerHandshakeError as refused:
            status = refused.status
        assert status == foreign_socket
        async with http.ws_connect(f"{url}/v1/stream", headers={**bearer, "origin": url}):
            pass
        assert await status_of(http, f"{url}/openapi.json") == description
        assert await status_of(http, f"{url}/openapi.json", bearer) == 200
        for path in ("/", "/health/live", "/health/ready", "/v1/languages"):
            assert await status_of(http, url + path) == 200
        for path in ("/docs", "/redoc", "/debug", "/metrics"):
            assert await status_of(http, url + path, bearer) == 404


async def status_of(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None
) -> int:
    async with http.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


def test_every_profile_has_its_demands() -> None:
    assert tuple(DEMANDS) == PROFILES


def file(path: Path, tree: dict[str, Any], **application: Any) -> Path:  # noqa: ANN401
    entry = {"import_path": "serve_app.app:build_app", "args": {}, **application}
    path.write_text(yaml.safe_dump({**tree, "applications": [entry]}))
    return path


@pytest.mark.parametrize(
    ("tree", "application", "places"),
    [
        ({}, {}, []),
        ({"logging_config": {"log_level": "INFO"}}, {}, []),
        ({"logging_config": {"log_level": "DEBUG"}}, {}, ["logging_config.log_level"]),
        ({"logging_config": {"log_level": 5}}, {}, ["logging_config.log_level"]),
        ({}, {"logging_config": {"log_level": "DEBUG"}}, ["logging_config.log_level"]),
        (
            {},
            {"deployments": [{"name": "Asr", "logging_config": {"log_level": "TRACE"}}]},
            ["deployments.Asr.logging_config.log_level"],
        ),
    ],
)
def test_debug_is_found_wherever_it_is_set(
    tmp_path: Path, tree: dict[str, Any], application: dict[str, Any], places: list[str]
) -> None:
    assert debug_places(load_serve_config(file(tmp_path / "c.yaml", tree, **application))) == places


def test_dragoman_config_refuses_debug_where_the_profile_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(
        tmp_path / "c.yaml",
        {"logging_config": {"log_level": "DEBUG"}},
        args={**SAFE, "profile": "production"},
    )
    assert main(["config", str(path)]) == 1
    assert "logging_config.log_level=DEBUG, at which logs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tree", "application", "told"),
    [
        ({"proxy_locatio": "x"}, {}, "proxy_locatio is not a key"),
        ({"http_options": {"hots": "x"}}, {}, "http_options.hots is not a key"),
        ({"logging_config": {"level": "INFO"}}, {}, "logging_config.level"),
        ({}, {"arg": {}}, "applications[0].arg is not a key"),
        ({}, {"args": {"asr": {"modle": "x"}}}, "args.asr.modle: Extra inputs"),
        ({}, {"deployments": [{"name": "Asr", "ray_actor_options": {"num_cpu": 1}}]},
         "applications[0].deployments[0].ray_actor_options.num_cpu"),
        ({}, {"deployments": [{"name": "Asr", "num_replicas": 1, "max_ongoing": 5}]},
         "applications[0].deployments[0].max_ongoing is not a key"),
        ({}, {"deployments": [{"name": "Ars"}]}, "there is no 'Ars'; there are Ingress, Vad, Asr"),
        ({}, {"deployments": [{"name": "Asr"}, {"name": "Asr"}]}, "'Asr' is there 2 times"),
    ],
)  # fmt: skip
def test_what_serve_would_not_notice_is_refused(
    tmp_path: Path, tree: dict[str, Any], application: dict[str, Any], told: str
) -> None:
    with pytest.raises(StartError) as caught:
        load_serve_config(file(tmp_path / "c.yaml", tree, **application))
    assert told in str(caught.value)
