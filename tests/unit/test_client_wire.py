"""Events survive the wire and back, and what is no event is told apart from the end."""

import json
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from serve_app.client.errors import MalformedEventError
from serve_app.client.wire import LineSplitter, UnknownEvent, decode_line
from serve_app.session import events as ev

KINDS = [
    kind
    for kind in vars(ev).values()
    if isinstance(kind, type) and issubclass(kind, ev.Event) and kind is not ev.Event
]
SAMPLES: dict[Any, Any] = {
    str: "text",
    int: 1200,
    bool: True,
    tuple[ev.TimedWord, ...]: (ev.TimedWord(" Hello", 100, 400, 0.9),),
    ev.Usage: ev.Usage(3000, 2000, 1),
}


def example(kind: type[ev.Event]) -> ev.Event:
    hints = get_type_hints(kind)
    values = {item.name: SAMPLES.get(hints[item.name], {"target": ["de"]}) for item in fields(kind)}
    return kind(**values)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_event_comes_back_as_it_was(kind: type[ev.Event]) -> None:
    event = example(kind)
    received = decode_line(json.dumps(ev.to_wire(7, event)).encode())
    assert (received.seq, received.event) == (7, event)


def test_a_newer_server_is_understood() -> None:
    line = b'{"type":"ack","seq":3,"acked_ms":900,"mood":"x"}'
    assert decode_line(line).event == ev.Ack(900)
    odd = decode_line(b'{"type":"weather.changed","seq":4,"wind":"north"}').event
    assert isinstance(odd, UnknownEvent)
    assert (odd.name, odd.fields["wind"]) == ("weather.changed", "north")


def test_fields_with_defaults_may_be_absent() -> None:
    wire = ev.to_wire(1, ev.TranscriptCommitted("a", "u", "Hi", 0, 10, "en", True))
    del wire["words"]
    event = decode_line(json.dumps(wire).encode()).event
    assert isinstance(event, ev.TranscriptCommitted)
    assert event.words == ()


@pytest.mark.parametrize(
    "line",
    [b"<html>", b"[]", b'{"seq":1}', b'{"type":"ack","seq":1}', b"\xff\xfe", b'{"type":"ack"}'],
)
def test_what_is_no_event_is_an_error(line: bytes) -> None:
    with pytest.raises(MalformedEventError):
        decode_line(line)


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_lines_do_not_depend_on_how_the_bytes_arrive(size: int) -> None:
    data = '{"text":"grün"}\n\n{"b":2}\n{"unfinished'.encode()
    splitter = LineSplitter()
    lines = [
        line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])
    ]
    assert lines == ['{"text":"grün"}'.encode(), b'{"b":2}']
