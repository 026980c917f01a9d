"""The `auth:` of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from serve_app.auth.keys import KeyRecord, problem_with
from serve_app.auth.store import FileKeys, FixedKeys, KeyFileError, KeySource, read_keys
from serve_app.settings import Section

KEY_FILE_VARIABLE = "API_KEYS_FILE"
"""Environment variable with the path of the file of API keys."""
ANY_ORIGIN = "*"
OPEN_WARNING = (
    "WARNING: auth has no keys: whoever reaches this server may use it. That is for development; "
    f"make a key with `dragoman keys create CLIENT --file keys.yaml` and set {KEY_FILE_VARIABLE}."
)
"""Said at the start of a server without keys."""


class AuthSettings(Section):
    """Who may use the server. Without keys anybody may, which only `profile: development` allows.

    Keys are made, listed and revoked with `dragoman keys`.
    """

    keys_file: Path | None = None
    """YAML, on every node of the ingress; a change is seen at once. API_KEYS_FILE overrides it."""
    keys: tuple[KeyRecord, ...] = ()
    """The same records here instead of in a file."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.keys and self.keys_file:
            raise ValueError("auth.keys and auth.keys_file exclude each other: remove one of them")
        if problem := problem_with(self.keys):
            raise ValueError(f"in auth.keys, {problem}")
        return self

    @property
    def enabled(self) -> bool:
        """Whether callers must show a key."""
        return bool(self.keys or self.keys_file)

    def source(self) -> KeySource:
        """The keys; raises KeyFileError."""
        return FileKeys(self.keys_file) if self.keys_file else FixedKeys(self.keys)


class BrowserSettings(Section):
    """Which pages may use the server from a browser, beside its own."""

    origins: tuple[str, ...] = ()
    """Such as https://captions.example.org, or `*` for all; none means the same origin alone."""

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            plain = f"{parts.scheme}://{parts.netloc}"
            if origin != ANY_ORIGIN and (origin != plain or parts.scheme not in ("http", "https")):
                raise ValueError(
                    f"{origin!r} is no origin: write scheme, host and port alone, for example "
                    "https://captions.example.org"
                )
        return origins


def key_problem(auth: AuthSettings, *, required: bool) -> str | None:
    """Why nobody could use the server, or anybody although keys are required, if that is so."""
    if auth.keys_file:
        try:
            known = read_keys(auth.keys_file)
        except KeyFileError as error:
            return f"auth.keys_file: {error}."
        if not known:
            return (
                f"auth.keys_file: there is no key in {auth.keys_file}, so nobody could use the "
                f"server; make one with: dragoman keys create CLIENT --file {auth.keys_file}"
            )
    elif required and not auth.keys:
        return (
            "auth has no keys, so anybody could use the server. Make a key with: dragoman keys "
            f"create CLIENT --file keys.yaml, and set {KEY_FILE_VARIABLE} or auth.keys_file to the "
            "file's path."
        )
    return None
