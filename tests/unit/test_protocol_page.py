"""docs/protocol.md says what the types say."""

from __future__ import annotations

from dataclasses import fields

import pytest

from docs.protocol import EVENTS, PAGE, members, page
from serve_app.session.events import Event


def test_the_page_is_the_one_that_the_types_give() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.protocol"


@pytest.mark.parametrize("kind", EVENTS)
def test_each_field_of_each_event_is_in_it(kind: type[Event]) -> None:
    names = [item.name for item in fields(kind)]
    assert [member.name for member in members(kind)] == names
    section = page().split(f"### `{kind.type}`")[1].split("\n#")[0]
    assert all(f"`{name}`" in section for name in names)
