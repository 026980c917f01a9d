"""The whole graph: VAD, ASR and MT behind one ingress, and the hub that viewers meet at."""
# No `from __future__ import annotations` here: Serve validates `args:` against the annotation of
# build_app's argument, and would hand over a bare dict if that annotation were a string.

import os

from ray.serve import Application

from deployments.asr import Asr
from deployments.hub_serving import Hub
from deployments.models import check_name
from deployments.mt import Mt
from deployments.vad import Vad
from serve_app.config import AppConfig, with_environment, with_resume_key
from serve_app.ingress import Ingress
from serve_app.limits.shared import LimiterDeployment
from serve_app.planning import deployed_applications, plan_application, require_fit
from serve_app.safety import require_safe
from serve_app.serve_file import debug_places_of

BUILDER = "serve_app.app:build_app"
"""This function as an `import_path` names it."""


def build_app(config: AppConfig) -> Application:
    """One ingress over three stages; each stage gets its own section and nothing else.

    Before anything is started, raises ConfigError for what its profile forbids, ModelNotFoundError
    for a model that exists nowhere, and PlanError for replicas that have no room.
    """
    debug_at: list[str] = []
    for application in deployed_applications(BUILDER):
        require_fit(plan_application(application, machine_cpus=None))
        debug_at += debug_places_of(application)
    config = with_environment(config, os.environ)
    require_safe(config, debug_at)
    config = with_resume_key(config)
    for choice in config.models:
        check_name(choice)
    asr = Asr.bind(config.asr)
    return Ingress.bind(
        config,
        vad=Vad.bind(config.vad),
        asr=asr,
        mt=Mt.bind(config.mt, after=asr if _shares_gpu(config) else None),
        hub=Hub.bind(config.viewers.hub),
        limiter=LimiterDeployment.bind(config.limits.client()) if config.auth.enabled else None,
    )


def _shares_gpu(config: AppConfig) -> bool:
    """Whether vLLM finds other models on its GPU: it measures what is free while it starts."""
    return config.mt.engine == "vllm" and config.mt.device == config.asr.device == "cuda"


def __getattr__(name: str) -> Application:
    """`app`, for `serve build`, which wants the graph itself.

    Built only when it is asked for: what the environment sets may be right for a configuration
    file, and not for the defaults.
    """
    if name == "app":
        return build_app(AppConfig())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
