"""What clients may not tell Serve never reaches it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serve_app.edge import CALLBACK, ReadingPace, _size, proxy_middlewares


async def passed(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    seen: list[Any] = []

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])

    async def nothing(*_: object) -> Message:
        return {}

    layer = proxy_middlewares()[0]
    app = layer.cls(proxy, *layer.args, **layer.kwargs)
    raw = [(name.encode(), value.encode()) for name, value in headers]
    await app({"type": "websocket", "headers": raw}, nothing, nothing)
    return [(name.decode(), value.decode()) for name, value in seen]


@pytest.mark.parametrize(
    "name",
    [
        "x-request-timeout-seconds",
        "X-Request-Timeout-Seconds",
        "x_request_timeout_seconds",
        "x-request-disconnect-disabled",
        "serve_multiplexed_model_id",
        "serve-multiplexed-model-id",
        "Serve-Multiplexed_Model-Id",
        "x-session-id",
        "x-serve-router-replica",
    ],
)
async def test_headers_that_serve_obeys_are_taken_away(name: str) -> None:
    assert await passed([("host", "a"), (name, "1"), (name, "2")]) == [("host", "a")]


async def test_other_headers_pass_as_they_are() -> None:
    headers = [("authorization", "Bearer x"), ("x-request-timeout", "1"), ("cookie", "a=b")]
    assert await passed(headers) == headers


async def test_the_session_header_goes_by_its_configured_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_SERVE_SESSION_ID_HEADER_KEY", "X-Talk")
    assert await passed([("x-talk", "1"), ("x-session-id", "2")]) == [("x-session-id", "2")]


@pytest.mark.parametrize(
    ("value", "kept"),
    [("a-B.c_9", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a b", False),
     ("a\r\nb", False), ("a\x1b[31m", False)],
)  # fmt: skip
async def test_a_request_id_is_fit_for_a_log_or_replaced(value: str, kept: bool) -> None:
    assert bool(await passed([("x-request-id", value)])) is kept


def test_the_callback_is_where_it_is_said_to_be() -> None:
    module, _, name = CALLBACK.partition(":")
    assert (module, name) == (proxy_middlewares.__module__, proxy_middlewares.__name__)


@pytest.mark.parametrize(
    ("sizes", "waits_s"),
    [([800, 200], 0.0), ([1_000, 400], 0.4), ([100] * 16, 0.6), ([400, 0, 900], 0.3)],
)
async def test_a_connection_is_read_at_a_bounded_pace(
    sizes: list[int], waits_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = iter([{"type": "http.request", "body": b"x" * size} for size in sizes])
    taken: list[Message] = []

    async def receive() -> Message:
        return next(pieces)

    async def proxy(_: Scope, receive: Receive, __: Send) -> None:
        for _piece in sizes:
            taken.append(await receive())

    async def nothing(*_: object) -> None:
        pass

    slept_s: list[float] = []

    async def sleep(wait_s: float) -> None:
        slept_s.append(wait_s)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    paced = ReadingPace(proxy, at_once_bytes=1_000, per_s_bytes=1_000)
    await paced({"type": "http"}, receive, nothing)
    assert [len(one["body"]) for one in taken] == sizes
    # Nobody slept, so the last wait is all that was due by then.
    assert (slept_s or [0.0])[-1] == pytest.approx(waits_s, abs=0.05)


async def test_the_pace_is_of_messages_on_sockets_too() -> None:
    for size, message in ((3, {"text": "abc"}), (2, {"bytes": b"ab"}), (0, {"type": "x"})):
        assert _size(message) == size
