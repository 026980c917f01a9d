"""Writes docs/protocol.md from the types of the protocol: python -m docs.protocol."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serve_app.api.boxes import SLOW_DOWN_BYTES
from serve_app.api.conversations import ConversationQuery
from serve_app.api.native_socket import OPENING_TIMEOUT_S
from serve_app.api.query import StreamQuery
from serve_app.api.resume import MAX_HELD_SEGMENTS, HeldMessage, HeldTranslationMessage
from serve_app.api.sockets import CloseCode
from serve_app.api.viewers import ViewerQuery
from serve_app.limits.settings import LimitSettings
from serve_app.session import events

PAGE = Path(__file__).with_name("protocol.md")
PROSE = Path(__file__).with_name("protocol.in.md")

EVENTS: tuple[type[events.Event], ...] = tuple(
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
)

_JSON = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
    "Usage": "Usage",
    "Mapping[str, Any]": "object",
    "Mapping[str, str]": "object",
    "Mapping[str, bool]": "object",
    "AudioFormat": "string",
    "HeldTranslationMessage": "translation",
}


@dataclass(frozen=True)
class Member:
    """A field of a type, or a member of an enumeration."""

    name: str
    type: str
    value: str
    doc: str


def members(kind: type) -> Iterator[Member]:
    """In order, each with the text that stands under it in the source."""
    (body,) = (node for node in ast.parse(inspect.getsource(kind)).body)
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{kind} is no class")
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        doc = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            doc = " ".join(str(after.value.value).split())
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not ast.unparse(node.annotation).startswith("ClassVar"):
                value = ast.unparse(node.value) if node.value else ""
                yield Member(node.target.id, _json_type(node.annotation), value, doc)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield Member(ast.unparse(node.targets[0]), "", ast.unparse(node.value), doc)


def page() -> str:
    """The whole reference."""
    generated = {
        "EVENTS": "\n".join(map(_event, EVENTS)),
        "WORDS": _table(events.TimedWord),
        "USAGE": _table(events.Usage),
        "CONFIG": _table(StreamQuery, default=True),
        "VIEWER": _table(ViewerQuery, default=True),
        "CONVERSATION": _table(ConversationQuery, default=True),
        "HELD": _table(HeldMessage),
        "HELD_TRANSLATION": _table(HeldTranslationMessage),
        "CLOSE_CODES": "\n".join(
            ["| code | meaning |", "|---|---|"]
            + [f"| {member.value} | {member.doc} |" for member in members(CloseCode)]
        ),
        "SLOW_DOWN_MIB": str(SLOW_DOWN_BYTES >> 20),
        "MAX_WAITING_MIB": str(LimitSettings().waiting_audio_bytes >> 20),
        "MAX_UNSENT": str(LimitSettings().unsent_events),
        "MAX_HELD_SEGMENTS": str(MAX_HELD_SEGMENTS),
        "OPENING_TIMEOUT_S": f"{OPENING_TIMEOUT_S:g}",
    }
    note = "<!-- Written by `python -m docs.protocol` from protocol.in.md and the types. -->\n"
    return note + re.sub(r"\{\{(\w+)\}\}", lambda found: generated[found[1]], PROSE.read_text())


def _event(kind: type[events.Event]) -> str:
    told = inspect.getdoc(kind) or ""
    table = _table(kind)
    return f"### `{kind.type}`\n\n{told}\n" + (f"\n{table}\n" if table else "")


def _table(kind: type, *, default: bool = False) -> str:
    rows = list(members(kind))
    if not rows:
        return ""
    head = ["| field | type | default | meaning |", "|---|---|---|---|"]
    lines = [
        f"| `{row.name}` | {row.type} | {_default(kind, row.name)} | {row.doc} |"
        for row in rows
        if default
    ]
    if not default:
        head = ["| field | type | meaning |", "|---|---|---|"]
        lines = [f"| `{row.name}` | {row.type} | {row.doc} |" for row in rows]
    return "\n".join(head + lines)


def _default(kind: type, name: str) -> str:
    field = kind.model_fields[name]  # type: ignore[attr-defined]
    return "required" if field.is_required() else f"`{json.dumps(field.default)}`"


def _json_type(annotation: ast.expr) -> str:
    text = ast.unparse(annotation)
    if text.startswith("Literal["):
        return ", ".join(f"`{value}`" for value in ast.literal_eval(f"{text[7:]}"))
    if found := re.match(r"Annotated\[(tuple\[.*?\]|[^,]*)", text):
        text = found[1]
    if found := re.match(r"tuple\[(\w+), \.\.\.\]", text):
        return f"array of {_JSON.get(found[1], found[1])}"
    return " or ".join(_JSON.get(part, part) for part in text.split(" | "))


if __name__ == "__main__":
    PAGE.write_text(page())
