"""Clients who say anything in any order: no defect, and nobody hears another."""

from __future__ import annotations

import pytest

from tests.fuzz.clients import HEARD, WORDS, run_clients

pytestmark = pytest.mark.local


def test_whatever_clients_do_nothing_fails_and_nothing_strays() -> None:
    run_clients(8, 12, derandomize=True)
    assert HEARD["native"] > WORDS
