"""What clients may not tell Serve never reaches it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serve_app.edge import CALLBACK, proxy_middlewares


async def passed(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    seen: list[Any] = []

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])

    async def nothing(*_: object) -> Message:
        return {}

    [layer] = proxy_middlewares()
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
