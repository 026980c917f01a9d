"""Environment variables over the configuration: one name for each key, and where a value is from.

`asr.model` is DRAGOMAN__ASR__MODEL. A value is text as it stands; `null` is none, lists are
separated by commas or written in JSON, mappings are JSON. An empty variable counts as none at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "DRAGOMAN__"
DEFAULT = "default"
SHORT_NAMES = {
    "ASR_MODEL": "asr.model",
    "MT_MODEL": "mt.model",
    "RESUME_KEYS": "resume.keys",
    "API_KEYS_FILE": "auth.keys_file",
}
"""Variables that have a name of their own beside the regular one."""

_Config = TypeVar("_Config", bound=BaseModel)


class ConfigError(ValueError):
    """The configuration cannot be used; the message names each key with the source of its value."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value from the environment."""

    variable: str
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the effective configuration."""

    key: str
    value: Any
    """As JSON says it, secrets masked."""
    source: str
    """`default`, a file or a variable."""
    instead_of: str | None = None
    """Where a variable hides what a file says: that file's value, as JSON."""


def leaves(model: type[BaseModel], at: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """All keys below which there are no sections, dotted, in order."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{at}{name}.")
        else:
            yield f"{at}{name}", field


def variable(key: str) -> str:
    """The environment variable of a key."""
    return PREFIX + key.replace(".", "__").upper()


def overrides(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, Override]:
    """What the environment sets, by key; ConfigError for unknown or contradicting variables."""
    known = {variable(key): key for key, _ in leaves(model)} | SHORT_NAMES
    problems: list[str] = []
    chosen: dict[str, Override] = {}
    for name, text in environment.items():
        key = known.get(name)
        if key is None and name.startswith(PREFIX):
            problems.append(f"{name} names no key; `dragoman config` lists all. Is it misspelt?")
        if key is None or not text:
            continue
        other = chosen.setdefault(key, Override(name, text))
        if other.text != text:
            problems.append(f"{other.variable} and {name} contradict each other; remove one.")
    if problems:
        raise ConfigError("\n".join(problems))
    return chosen


def overlay(config: _Config, environment: Mapping[str, str]) -> _Config:
    """The configuration with what the environment sets instead; raises ConfigError."""
    chosen = overrides(type(config), environment)
    if not chosen:
        return config
    tree = config.model_dump(exclude_unset=True)
    fields = dict(leaves(type(config)))
    for key, override in chosen.items():
        _put(tree, key, _parsed(override, fields[key], key))
    try:
        return type(config).model_validate(tree)
    except ValidationError as error:
        problems = (_problem(one["loc"], one["msg"], chosen) for one in error.errors())
        # Without the cause, which would print the values, and so keys.
        raise ConfigError("\n".join(problems)) from None


def settings(
    config: BaseModel, written: Mapping[str, Any], file: str, environment: Mapping[str, str]
) -> list[Setting]:
    """Each key of an effective configuration; `written` is what the file says."""
    chosen = overrides(type(config), environment)
    effective = config.model_dump(mode="json")
    in_file = type(config).model_validate(written).model_dump(mode="json", exclude_unset=True)
    found = []
    for key, _ in leaves(type(config)):
        stated = _has(in_file, key)
        source = chosen[key].variable if key in chosen else file if stated else DEFAULT
        hidden = stated and key in chosen and _at(in_file, key) != _at(effective, key)
        instead = json.dumps(_at(in_file, key)) if hidden else None
        found.append(Setting(key, _at(effective, key), source, instead))
    return found


def _problem(place: tuple[int | str, ...], message: str, chosen: Mapping[str, Override]) -> str:
    """A problem with the variables that have a part in it."""
    at = ".".join(map(str, place))
    involved = [
        f"{key} is from {override.variable}"
        for key, override in chosen.items()
        if not at or f"{key}.".startswith(f"{at}.") or f"{at}.".startswith(f"{key}.")
    ]
    return (
        f"{at or 'args'}: {message.removeprefix('Value error, ')} "
        f"({', '.join(involved)}; the rest is from the file)"
    )


def _parsed(override: Override, field: FieldInfo, key: str) -> Any:  # noqa: ANN401
    text = override.text
    if text == "null":
        return None
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{key}: {override.variable} is not JSON: {error}") from error
    if get_origin(field.annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text if _takes_text(field.annotation) else _number(text)


def _takes_text(annotation: Any) -> bool:  # noqa: ANN401 - types have no type in common
    parts = get_args(annotation)
    return annotation is str or any(isinstance(part, str) or _takes_text(part) for part in parts)


def _number(text: str) -> Any:  # noqa: ANN401
    """What is not text is written as JSON writes it; what is neither is told by its validation."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _put(tree: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401
    *sections, name = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[name] = value


def _at(tree: Any, key: str) -> Any:  # noqa: ANN401
    for name in key.split("."):
        tree = tree[name]
    return tree


def _has(tree: Any, key: str) -> bool:  # noqa: ANN401
    for name in key.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True
