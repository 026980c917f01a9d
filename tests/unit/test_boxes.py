"""The bounds on either side of a socket's session."""

from __future__ import annotations

import pytest

from serve_app.api import boxes
from serve_app.api.boxes import ClientTooSlowError, Inbox, Message, Outbox, TooFarAheadError


async def test_what_was_sent_is_taken_in_order_to_its_end() -> None:
    inbox: Inbox[str] = Inbox(1 << 20)
    for item in ("a", b"1", b"23", "b", b"", "c", b"4"):
        inbox.put(item)
    inbox.end()
    assert inbox.put("late") is False
    assert [item async for item in inbox.items()] == ["a", b"123", "b", "c", b"4"]
    assert inbox.waiting_bytes == 0


async def test_slow_down_is_said_once_each_time_that_the_bound_is_crossed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boxes, "SLOW_DOWN_BYTES", 10)
    monkeypatch.setattr(boxes, "MERGED_BYTES", 1)
    inbox: Inbox[str] = Inbox(limit_bytes=30)
    assert [inbox.put(bytes(6)) for _ in range(4)] == [False, True, False, False]
    items = inbox.items()
    for _ in range(3):
        await anext(items)
    assert inbox.waiting_bytes == 6
    assert [inbox.put(bytes(6)) for _ in range(2)] == [True, False]
    with pytest.raises(TooFarAheadError, match="Send audio at the pace"):
        inbox.put(bytes(30))
    inbox.abandon()
    assert [item async for item in items] == []


def test_messages_without_audio_are_bounded_too() -> None:
    inbox: Inbox[str] = Inbox(1 << 24)
    most = (1 << 24) // boxes.MESSAGE_BYTES
    assert sum(inbox.put("turn") for _ in range(most)) == 1
    with pytest.raises(TooFarAheadError):
        inbox.put("turn")


async def test_audio_in_single_bytes_waits_in_whole_pieces() -> None:
    inbox: Inbox[str] = Inbox(1 << 20)
    for value in range(100_000):
        inbox.put(bytes([value % 251]))
    inbox.end()
    taken = [item async for item in inbox.items()]
    assert b"".join(piece for piece in taken if isinstance(piece, bytes)) == bytes(
        value % 251 for value in range(100_000)
    )
    assert len(taken) == -(-100_000 // boxes.MERGED_BYTES)


async def test_volatile_messages_make_room_and_committed_ones_never_go() -> None:
    outbox = Outbox(limit=4)
    for text in ("1", "~", "2", "~", "3", "4"):
        outbox.put(Message(text, volatile=text == "~"))
    with pytest.raises(ClientTooSlowError):
        outbox.put(Message("5"))
    outbox.close()
    assert [message.text async for message in outbox.messages()] == ["1", "2", "3", "4"]
