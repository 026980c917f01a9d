"""A conversation written down: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployments.boards import SOURCE, Passage, Text
from deployments.tables import Conversation, Side, other


@dataclass(frozen=True, slots=True)
class Remark:
    """A segment of one side, in both languages."""

    side: Side
    at: str
    """When it was said, UTC."""
    language: str
    text: str
    translation: str
    """In the language of the other side; empty where there is none."""
    translation_language: str


def remarks(table: Conversation, said: Iterable[tuple[Side, Passage]]) -> list[Remark]:
    """In the order in which it was said."""
    ordered = sorted(said, key=lambda one: (one[1].said_at_s, one[1].start))
    return [_remark(side, passage, table.seats[other(side)].language) for side, passage in ordered]


def as_json(conversation_id: str, told: list[Remark]) -> Mapping[str, Any]:
    """One object."""
    return {
        "conversation_id": conversation_id,
        "segments": [
            {
                "side": one.side,
                "at": one.at,
                "language": one.language,
                "text": one.text,
                "translation": one.translation,
                "translation_language": one.translation_language,
            }
            for one in told
        ],
    }


def as_text(told: list[Remark]) -> str:
    """What people read."""
    lines: list[str] = []
    for one in told:
        lines.append(f"[{one.at[11:19]}] {one.side}: {one.text}")
        if one.translation and one.translation != one.text:
            lines.append(f"    {one.translation_language}: {one.translation}")
    return "".join(f"{line}\n" for line in lines)


def _remark(side: Side, passage: Passage, language: str) -> Remark:
    nothing = Text("", True)
    return Remark(
        side=side,
        at=datetime.fromtimestamp(passage.said_at_s, UTC).isoformat(timespec="seconds"),
        language=passage.language,
        text=passage.texts.get(SOURCE, nothing).text,
        translation=passage.texts.get(language, nothing).text,
        translation_language=language,
    )
