"""The graph as `serve build` and `serve run` import it."""

from __future__ import annotations

import importlib
import pickle

import pytest
from ray.serve import Application

from serve_app import app
from serve_app.decode.decoders import decoders


def test_the_graph_itself_can_be_built() -> None:
    assert isinstance(app.app, Application)


def test_what_the_environment_sets_need_not_be_right_for_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The rest, such as asr.compute_type and resume.keys, may stand in the configuration file.
    monkeypatch.setenv("DRAGOMAN__PROFILE", "production")
    monkeypatch.setenv("DRAGOMAN__ASR__DEVICE", "cuda")
    importlib.reload(app)


def test_the_ingress_goes_to_its_replica_without_the_decoders_of_this_process() -> None:
    assert pickle.loads(pickle.dumps(decoders)) is decoders
