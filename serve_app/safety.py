"""What a server that people rely on must not be started with."""

from __future__ import annotations

from collections.abc import Iterator

from serve_app.auth.settings import key_problem
from serve_app.config import KEYS_VARIABLE, ORACLE, AppConfig
from serve_app.environment import ConfigError


def require_safe(config: AppConfig) -> None:
    """Raise ConfigError with all that the profile forbids, not the first alone."""
    problems = list(_problems(config))
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise ConfigError(f"profile: {config.profile} forbids:\n{listed}")


def _problems(config: AppConfig) -> Iterator[str]:
    if problem := key_problem(config.auth, required=config.profile != "development"):
        yield problem
    if config.profile == "development":
        return
    if config.profile == "production":
        yield from _oracles(config)
    if not config.resume.keys:
        yield (
            "resume.keys is empty, so no client could resume after the next deployment. Set "
            f"{KEYS_VARIABLE} to the output of openssl rand -hex 32, from a secret."
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
