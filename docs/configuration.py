"""Writes docs/configuration.md and .env.example from the settings: python -m docs.configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from docs.protocol import members
from serve_app.config import AppConfig
from serve_app.environment import SHORT_NAMES, variable

PAGE = Path(__file__).with_name("configuration.md")
PROSE = Path(__file__).with_name("configuration.in.md")
ENVIRONMENT = Path(__file__).parents[1] / ".env.example"

_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "max_length": "length <=", "pattern": "="}
_TYPES = {
    str: "text", int: "whole number", float: "number", bool: "true or false", NoneType: "null",
    SecretStr: "secret", Path: "path", dict: "mapping",
}  # fmt: skip
_HEAD = """\
# Written by `python -m docs.configuration` from the settings; docs/configuration.md explains them.
# Every key of the configuration with its default. Uncomment what is to be set instead of what the
# file says, and hand it to the server: `docker run --env-file`, a ConfigMap, a shell that exports
# it. Keys and passwords belong into a Secret, not in here."""


@dataclass(frozen=True, slots=True)
class Key:
    """One leaf of the tree."""

    name: str
    default: Any
    """As JSON says it."""
    values: str
    """Type, choices and bounds."""
    meaning: str


def sections(model: type[BaseModel] = AppConfig, at: str = "") -> Iterator[tuple[str, list[Key]]]:
    """The keys of each section, by its dotted name; those at the top come first."""
    below = {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    meanings = _meanings(model)
    own = [
        Key(f"{at}{name}", _default(field), _values(field), meanings.get(name, ""))
        for name, field in model.model_fields.items()
        if name not in below
    ]
    if own:
        yield at.rstrip("."), own
    for name, section in below.items():
        yield from sections(section, f"{at}{name}.")


def page() -> str:
    """The whole reference."""
    note = "<!-- Written by `python -m docs.configuration` from the settings. -->\n"
    tables = "\n\n".join(_table(section, own) for section, own in sections())
    return note + PROSE.read_text().replace("{{KEYS}}", tables)


def environment_example() -> str:
    """All variables, commented out."""
    short = {key: f" Also {name}." for name, key in SHORT_NAMES.items()}
    lines = [_HEAD]
    for section, own in sections():
        lines += ["", f"# {section or 'At the top'}"]
        for key in own:
            text = key.default if isinstance(key.default, str) else json.dumps(key.default)
            lines.append(f"# {key.meaning}{short.get(key.name, '')} ({key.values})")
            lines.append(f"#{variable(key.name)}={text}")
    return "\n".join(lines) + "\n"


def _table(section: str, own: list[Key]) -> str:
    lines = [f"### {f'`{section}`' if section else 'At the top'}", ""]
    lines += ["| key | default | values | meaning |", "|---|---|---|---|"]
    for key in own:
        name = key.name.rpartition(".")[2]
        default = json.dumps(key.default, ensure_ascii=False)
        lines.append(f"| `{name}` | `{default}` | {key.values} | {key.meaning} |")
    return "\n".join(lines)


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """What stands under each key in the source, of the class itself or of one that it extends."""
    kinds = [kind for kind in reversed(model.__mro__) if issubclass(kind, BaseModel)]
    found = (member for kind in kinds if kind is not BaseModel for member in members(kind))
    return {member.name: member.doc for member in found if member.doc}


def _default(field: FieldInfo) -> Any:  # noqa: ANN401 - JSON
    value = field.get_default(call_default_factory=True)
    return list(value) if isinstance(value, tuple) else value


def _values(field: FieldInfo) -> str:
    pieces = [*field.metadata, *(p for part in get_args(field.annotation) for p in _inner(part))]
    bounds = [
        f"{sign} `{limit}`"
        for piece in pieces
        for name, sign in _BOUNDS.items()
        if (limit := getattr(piece, name, None)) is not None
    ]
    return ", ".join([_type(field.annotation), *bounds])


def _inner(part: Any) -> list[Any]:  # noqa: ANN401 - types have no type in common
    """The bounds of a part of a union: `Annotated[int, Field(ge=1)] | None`."""
    return [p for piece in getattr(part, "__metadata__", ()) for p in (piece, *piece.metadata)]


def _type(annotation: Any) -> str:  # noqa: ANN401
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(map(_type, parts))
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if hasattr(annotation, "__metadata__"):
        return _type(annotation.__origin__)
    return _TYPES.get(origin or annotation, "mapping")


if __name__ == "__main__":
    PAGE.write_text(page())
    ENVIRONMENT.write_text(environment_example())
