"""The whole graph: VAD, ASR and MT behind one ingress, and the hub that viewers meet at."""
# No `from __future__ import annotations` here: Serve validates `args:` against the annotation of
# build_app's argument, and would hand over a bare dict if that annotation were a string.

import os

from ray.serve import Application

from deployments.asr import Asr
from deployments.hub import Hub
from deployments.models import check_name
from deployments.mt import Mt
from deployments.vad import Vad
from serve_app.config import AppConfig, with_environment, with_resume_key
from serve_app.ingress import Ingress


def build_app(config: AppConfig) -> Application:
    """One ingress over three stages; each stage gets its own section and nothing else.

    Raises ModelNotFoundError for a model that exists nowhere, before anything is started.
    """
    config = with_resume_key(with_environment(config, os.environ))
    for choice in config.models:
        check_name(choice)
    return Ingress.bind(
        config,
        vad=Vad.bind(config.vad),
        asr=Asr.bind(config.asr),
        mt=Mt.bind(config.mt),
        hub=Hub.bind(config.viewers.hub),
    )


app = build_app(AppConfig())
"""For `serve build`, which wants the graph itself."""
