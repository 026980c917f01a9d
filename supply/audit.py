"""`python -m supply.audit`: whether a pinned dependency has a known vulnerability.

pip-audit does the asking. It calls dependencies clean that the service knew nothing of, and fails
alike for a vulnerability and for a network that is not there; so this reads its report, and tells
these apart. Without the service nothing is known: that is said, and is an error only where
AUDIT=required, as where a release is made.
"""

from __future__ import annotations

import json
import os
import re
import subprocess  # nosec B404
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "supply" / "accepted.toml"
UNREACHABLE = re.compile(r"Could not connect to|requests\.exceptions\.")
"""What pip-audit says without a network: a sentence, or a traceback of its HTTP client."""
MAX_TOLD = 500
REQUIRED = "required"
"""Of the environment variable AUDIT."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A vulnerability of one pinned version."""

    package: str
    version: str
    names: tuple[str, ...]
    """Its id and its aliases, such as CVE numbers."""
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the service said."""

    audited: int
    unknown: tuple[str, ...]
    """Packages that it said nothing of."""
    findings: tuple[Finding, ...]

    def with_more(self, other: Report) -> Report:
        """Both together."""
        return Report(
            self.audited + other.audited,
            tuple(sorted({*self.unknown, *other.unknown})),
            (*self.findings, *other.findings),
        )


NOTHING = Report(0, (), ())


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A vulnerability that the project lives with until a day."""

    id: str
    package: str
    reason: str
    until: date


def read_report(text: str) -> Report | None:
    """pip-audit's JSON; None where it could not write any."""
    try:
        told = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    unknown = sorted({one["name"] for one in told if "skip_reason" in one})
    known = {(one["name"], one["version"]): one["vulns"] for one in told if "vulns" in one}
    findings = [
        Finding(name, version, (vuln["id"], *vuln["aliases"]), tuple(vuln["fix_versions"]))
        for (name, version), vulns in sorted(known.items())
        for vuln in vulns
    ]
    return Report(len(known), tuple(unknown), tuple(findings))


def read_accepted(path: Path) -> tuple[Acceptance, ...]:
    """Raises TypeError for one that lacks something or has something else."""
    tree = tomllib.loads(path.read_text())
    return tuple(Acceptance(**one) for one in tree.get("accepted", ()))


def problems(report: Report, accepted: Sequence[Acceptance], today: date) -> Iterator[str]:
    """What must be mended."""
    lived_with = {(one.package, one.id) for one in accepted if today <= one.until}
    for one in report.findings:
        if not any((one.package, name) in lived_with for name in one.names):
            fixed = f"fixed in {', '.join(one.fixed_in)}" if one.fixed_in else "not fixed yet"
            yield f"{one.package} {one.version}: {', '.join(one.names)}, {fixed}"
    found = {(one.package, name) for one in report.findings for name in one.names}
    for old in accepted:
        if today > old.until:
            yield f"{old.package}: {old.id} was accepted until {old.until} only"
        elif report.audited and (old.package, old.id) not in found:
            yield f"{old.package}: {old.id} is accepted and no longer found; remove it"


def gaps(report: Report, told: str) -> list[str]:
    """Why less is known than there should be; `told`: what pip-audit said where it gave up."""
    found = []
    if told:
        failure = " ".join(told.split())[-MAX_TOLD:]
        found.append(
            "the vulnerability service cannot be reached from here; run this where it can be"
            if UNREACHABLE.search(told)
            else f"pip-audit failed: {failure}"
        )
    if report.unknown:
        some = ", ".join(report.unknown[:5])
        more = ", ..." if len(report.unknown) > 5 else ""
        found.append(
            f"the vulnerability service says nothing of {len(report.unknown)} packages: "
            f"{some}{more}"
        )
    return found


def layers(pins: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """All versions, by name in as few groups as there are versions of one package."""
    groups: list[dict[str, str]] = []
    for name, version in sorted(set(pins)):
        free = next((group for group in groups if name not in group), None)
        if free is None:
            groups.append(free := {})
        free[name] = version
    return groups


def pins_of(lock: str) -> list[tuple[str, str]]:
    """Names and versions in the text of a lock."""
    return re.findall(r"^([a-z0-9._-]+)==([^ \\;\n]+)", lock, re.M)


def ask(pins: Mapping[str, str]) -> tuple[Report | None, str]:
    """pip-audit's report, and what it said besides."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps"]
    command += ["--format", "json", "--progress-spinner", "off", "--requirement"]
    with NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in pins.items())
        file.flush()
        done = subprocess.run([*command, file.name], capture_output=True, text=True, check=False)  # noqa: S603 # nosec B603
    return read_report(done.stdout), done.stderr


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Exit code 1 for what must be mended, and for what is not known where that is required."""
    pins = [pin for lock in ROOT.glob("requirements*.lock") for pin in pins_of(lock.read_text())]
    report, told = NOTHING, ""
    for group in layers(pins):
        answer, told = ask(group)
        if answer is None:
            told = told or "it said nothing"
            break
        report = report.with_more(answer)
    else:
        told = ""
    wrong = list(problems(report, read_accepted(ACCEPTED), datetime.now(UTC).date()))
    missing = gaps(report, told)
    for problem in wrong:
        _say(problem)
    for gap in missing:
        _say(f"NOT AUDITED: {gap}")
    _say(f"{report.audited} pinned versions audited, {len(report.findings)} vulnerabilities known")
    failed = bool(told) and not UNREACHABLE.search(told)
    return 1 if wrong or failed or (missing and environment.get("AUDIT") == REQUIRED) else 0


def _say(text: str) -> None:
    sys.stderr.write(f"audit: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
