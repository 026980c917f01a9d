"""The container image, as far as its recipe tells: who it runs as, and what gets into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Each with its arguments, on one line, in order."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(" ", 1) for line in joined.splitlines()]
    return [(name, arguments.strip()) for name, arguments in pairs]


def final_stage() -> list[tuple[str, str]]:
    told = instructions()
    last = max(index for index, (name, _) in enumerate(told) if name == "FROM")
    return told[last:]


def of(name: str, stage: list[tuple[str, str]]) -> list[str]:
    return [arguments for one, arguments in stage if one == name]


def test_it_runs_as_nobody_in_particular() -> None:
    [user] = of("USER", final_stage())
    uid, _, gid = user.partition(":")
    assert uid.isdigit(), "Kubernetes' runAsNonRoot wants a number"
    assert int(uid) > 0
    assert int(gid) > 0
    after = final_stage()[[name for name, _ in final_stage()].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & {name for name, _ in after}


def test_nothing_is_fetched_without_a_hash_or_by_url() -> None:
    for name, arguments in instructions():
        assert name != "ADD"
        assert not re.search(r"\b(curl|https?:)", arguments) or name == "HEALTHCHECK"
        for command in arguments.split("&&"):
            if "pip install" in command:
                assert "--require-hashes" in command or "--no-deps ." in command


def test_the_final_image_has_no_installer_and_no_secret() -> None:
    assert "pip uninstall --yes pip setuptools wheel" in of("RUN", final_stage())[0]
    assert all(not copied.startswith(". ") for copied in of("COPY", instructions()))
    told = " ".join(arguments for _, arguments in instructions())
    for secret in ("RESUME_KEYS", "API_KEYS", "TOKEN", "PASSWORD"):
        assert secret not in told


def test_it_starts_the_server_in_the_form_that_hears_signals() -> None:
    [entry], [command] = of("ENTRYPOINT", final_stage()), of("CMD", final_stage())
    assert yaml.safe_load(entry)[0].endswith("tini")
    assert yaml.safe_load(command)[:2] == ["dragoman", "serve"]
    assert "serve_app.edge:proxy_middlewares" in of("ENV", final_stage())[0]


@pytest.mark.parametrize("stage", ["build", "final"])
def test_all_that_is_copied_exists_and_is_let_through(stage: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore, "what is not named stays outside"
    allowed = {line[1:].rstrip("/") for line in ignore if line.startswith("!")}
    part = final_stage() if stage == "final" else instructions()[: -len(final_stage())]
    copied = [c.split()[:-1] for c in of("COPY", part) if not c.startswith("--from")]
    names = {name.rstrip("/") for group in copied for name in group}
    assert names
    for name in names:
        assert (ROOT / name).exists()
        assert name in allowed


def test_what_the_wheel_takes_in_is_copied() -> None:
    copied = " ".join(of("COPY", instructions()))
    for folder in ("deployments/", "models/", "profiles/", "serve_app/"):
        assert folder in copied
