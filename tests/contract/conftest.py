"""The server that real clients are let loose on: the one of tests/cluster."""

from __future__ import annotations

from tests.cluster.conftest import server

__all__ = ["server"]
