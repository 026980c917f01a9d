"""What each profile insists on, and what a server that people rely on must not be started with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from serve_app.auth.settings import ANY_ORIGIN, key_problem
from serve_app.config import KEYS_VARIABLE, ORACLE, AppConfig, Profile
from serve_app.environment import ConfigError


@dataclass(frozen=True, slots=True)
class Demands:
    """What holds in a profile."""

    keys: bool
    """Callers show a key, and are held to their client's shares."""
    resume_keys: bool
    """Tokens are signed with stated keys, which outlive a deployment."""
    quiet_logs: bool
    """No log_level DEBUG, at which logs may have what people say."""
    own_pages: bool
    """Sockets of pages that are neither named nor the server's own are refused."""
    described_to_all: bool
    """Whether `/openapi.json` takes no key."""
    real_engines: bool
    """No oracles, which hear no speech."""
    named_origins: bool
    """Pages that may call are named; `*` is none."""


DEMANDS: Mapping[Profile, Demands] = {
    "development": Demands(
        keys=False,
        resume_keys=False,
        quiet_logs=False,
        own_pages=False,
        described_to_all=True,
        real_engines=False,
        named_origins=False,
    ),
    "staging": Demands(
        keys=True,
        resume_keys=True,
        quiet_logs=True,
        own_pages=True,
        described_to_all=False,
        real_engines=False,
        named_origins=False,
    ),
    "production": Demands(
        keys=True,
        resume_keys=True,
        quiet_logs=True,
        own_pages=True,
        described_to_all=False,
        real_engines=True,
        named_origins=True,
    ),
}
"""By the `profile` of the configuration."""


def require_safe(config: AppConfig, debug_at: Sequence[str] = ()) -> None:
    """Raise ConfigError with all that the profile forbids, not the first alone.

    `debug_at`: the keys of Serve's part of the file that set log_level to DEBUG.
    """
    problems = list(_problems(config, DEMANDS[config.profile], debug_at))
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise ConfigError(f"profile: {config.profile} forbids:\n{listed}")


def _problems(config: AppConfig, demands: Demands, debug_at: Sequence[str]) -> Iterator[str]:
    if problem := key_problem(config.auth, required=demands.keys):
        yield problem
    if demands.real_engines:
        yield from _oracles(config)
    if demands.resume_keys and not config.resume.keys:
        yield (
            "resume.keys is empty, so no client could resume after the next deployment. Set "
            f"{KEYS_VARIABLE} to the output of openssl rand -hex 32, from a secret."
        )
    if demands.quiet_logs and debug_at:
        yield (
            f"{', '.join(debug_at)}=DEBUG, at which logs may have what people say. Set it to INFO."
        )
    if demands.named_origins and ANY_ORIGIN in config.browsers.origins:
        yield (
            f"browsers.origins has {ANY_ORIGIN!r}, so every page on the web may call. Name those "
            "that shall: https://captions.example.org."
        )


def _oracles(config: AppConfig) -> Iterator[str]:
    stages = {"vad": config.vad.engine, "asr": config.asr.engine, "mt": config.mt.engine}
    oracles = [f"{stage}.engine" for stage, engine in stages.items() if engine == ORACLE]
    if oracles:
        yield (
            f"{', '.join(oracles)}='oracle' cannot serve people: oracles understand no speech, "
            "only words that a test wrote into the audio. Choose real engines, or set "
            "profile='staging' for load tests."
        )
