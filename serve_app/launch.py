"""Start a server from a Serve configuration file; it either serves, or ends with the reason.

`serve run` submits a configuration and never looks back: a model that is not there leaves it
hanging over a wall of tracebacks.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import ray
import yaml
from pydantic import ValidationError
from ray import serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import RayServeException
from ray.serve.schema import (
    ApplicationStatusOverview,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from deployments.models import ModelError, resolve
from serve_app.auth.settings import OPEN_WARNING
from serve_app.config import AppConfig, with_environment
from serve_app.edge import CALLBACK, CALLBACK_VARIABLE
from serve_app.environment import ConfigError, settings
from serve_app.plan.types import Plan
from serve_app.planning import PlanError, plan_application, plan_machine, require_fit, usable_cpus
from serve_app.safety import require_safe
from serve_app.serve_file import debug_places, misnamed, unknown_keys

POLL_S = 0.2
READY_TIMEOUT_S = 30.0
DRAIN_MARGIN_S = 2.0
LOOPBACK = "127.0.0.1"
_FAILED = ("DEPLOY_FAILED", "UNHEALTHY")


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes sessions."""

    url: str
    metrics_url: str
    log_directory: Path


def load_serve_config(path: Path) -> ServeDeploySchema:
    """Read and check a file: Serve's keys, and ours under `args:`; raises StartError."""
    try:
        tree = yaml.safe_load(path.read_text())
        schema = ServeDeploySchema.model_validate(tree)
    except OSError as error:
        raise StartError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise StartError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise StartError(_of_file(path, _problems(error))) from error
    unknown = [
        f"{key} is not a key that Serve knows; is it misspelt?"
        for key in unknown_keys(tree, schema)
    ]
    wrong = [problem for one in schema.applications for problem in _argument_problems(one)]
    wrong += [problem for one in schema.applications for problem in misnamed(one)]
    if unknown or wrong:
        raise StartError(_of_file(path, [*unknown, *wrong]))
    return schema


def _argument_problems(application: ServeApplicationSchema) -> list[str]:
    """What is wrong with our part of a file, by itself or with what the environment sets."""
    try:
        with_environment(AppConfig.model_validate(application.args), os.environ)
    except ConfigError as error:
        return str(error).splitlines()
    except ValidationError as error:
        return _problems(error, "args")
    return []


def check_settings(config: AppConfig, debug_at: Sequence[str] = ()) -> AppConfig:
    """The configuration with what the environment sets; raises StartError for what its profile
    forbids. `debug_at`: as `require_safe` takes it."""
    config = with_environment(config, os.environ)
    try:
        require_safe(config, debug_at)
    except ConfigError as error:
        raise StartError(str(error)) from error
    return config


def overridden(config: AppConfig, written: Mapping[str, Any]) -> Iterator[str]:
    """What the environment sets instead of what the file says, with both."""
    for one in settings(config, written, "the file", os.environ):
        if one.instead_of is not None:
            value = json.dumps(one.value, ensure_ascii=False)
            yield f"{one.key} is {value} by {one.source}, not {one.instead_of} as in the file"


def check_models(config: AppConfig) -> None:
    """Find or download the models before Ray starts; raises StartError."""
    config = with_environment(config, os.environ)
    for choice in config.models:
        try:
            resolve(choice)
        except ModelError as error:
            raise StartError(str(error)) from error


def start(
    schema: ServeDeploySchema,
    tell: Callable[[str], None],
    *,
    dashboard: bool,
    metrics_port: int | None,
    timeout_s: float,
) -> Running:
    """A Ray of its own on this machine, with the configuration deployed on it.

    Raises StartError; call `stop` in any case.
    """
    for application in schema.applications:
        config = AppConfig.model_validate(application.args)
        checked = check_settings(config, debug_places(schema))
        for line in overridden(checked, application.args):
            tell(line)
        if not checked.auth.enabled:
            tell(OPEN_WARNING)
        _require_fit(plan_application(application, usable_cpus()))
        check_models(config)
    os.environ.setdefault(CALLBACK_VARIABLE, CALLBACK)
    tell("starting Ray")
    context: Any = ray.init(
        address="local",
        include_dashboard=dashboard,
        log_to_driver=False,
        _metrics_export_port=metrics_port,
    )
    for application in schema.applications:
        _require_fit(plan_machine(application, ray.cluster_resources()))  # type: ignore[no-untyped-call]
    session_directory = Path(context.address_info["session_dir"])
    serve.start(
        proxy_location=schema.proxy_location,
        http_options=schema.http_options.model_dump(),
        logging_config=schema.logging_config,
    )
    _deploy(schema)
    _wait_until_running([app.name for app in schema.applications], tell, timeout_s)
    options = schema.http_options
    host = _reachable(options.host or LOOPBACK)
    url = f"http://{host}:{options.port}"
    _visit(host, options.port)
    metrics_url = f"http://{LOOPBACK}:{context.address_info['metrics_export_port']}/metrics"
    return Running(url, metrics_url, session_directory / "logs")


def stop(tell: Callable[[str], None], grace_s: float = 0.0) -> None:
    """End Ray, after sessions had so long to take their leave."""
    if not ray.is_initialized():
        return
    if grace_s > 0:
        _drain(tell, grace_s)
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


def _drain(tell: Callable[[str], None], grace_s: float) -> None:
    """See off all sessions while the stages still answer: Serve ends all deployments at a time."""
    for name, application in serve.status().applications.items():
        if application.status != "RUNNING":
            continue
        try:
            response = serve.get_app_handle(name).broadcast("drain", grace_s)
            left = sum(response.results(timeout_s=grace_s + DRAIN_MARGIN_S))
        except (RayServeException, RayError, TimeoutError) as error:
            tell(f"sessions of {name} could not be asked to leave: {error}")
        else:
            if left:
                tell(f"{left} sessions of {name} did not leave in time")


def _require_fit(plan: Plan) -> None:
    try:
        require_fit(plan)
    except PlanError as error:
        raise StartError(str(error)) from error


def _deploy(schema: ServeDeploySchema) -> None:
    # Serve has no public call for a configuration file; this is the one `serve run` makes.
    client = _get_global_client()
    if client is None:
        raise StartError("Serve did not start; Ray's log tells why.")
    client.deploy_apps(schema, _blocking=False)


def _wait_until_running(names: list[str], tell: Callable[[str], None], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    told = ""
    while time.monotonic() < deadline:
        applications = serve.status().applications
        states = [applications[name] for name in names if name in applications]
        for state in states:
            if state.status in _FAILED:
                raise StartError(why_failed(state))
        if len(states) == len(names) and all(state.status == "RUNNING" for state in states):
            return
        told = _tell_progress(states, tell, told)
        time.sleep(POLL_S)
    raise StartError(
        f"The stages were not ready within {timeout_s:g} s: {told or 'nothing was deployed'}. "
        "A big model may need longer (--timeout)."
    )


def _reachable(host: str) -> str:
    """Where a client on this machine finds a server that listens on `host`."""
    try:
        return LOOPBACK if ip_address(host).is_unspecified else host
    except ValueError:
        return host


def _visit(host: str, port: int) -> None:
    """Go through the front door once: the proxy connects to the ingress on its first request."""
    connection = http.client.HTTPConnection(host, port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except OSError as error:
        raise StartError(f"The server does not answer on port {port}: {error}") from error
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise StartError(f"The server is up and not ready: {body}")


def _tell_progress(states: list[Any], tell: Callable[[str], None], told: str) -> str:
    deployments = [item for state in states for item in state.deployments.items()]
    waiting = sorted(name for name, state in deployments if state.status != "HEALTHY")
    now = f"waiting for {', '.join(waiting)}" if waiting else told
    if now != told:
        tell(now)
    return now


def why_failed(application: ApplicationStatusOverview) -> str:
    """The reason that a deployment of it gave; the application itself only names the deployment."""
    for name, deployment in application.deployments.items():
        if deployment.status in _FAILED and deployment.message:
            return f"{name}: {root_cause(deployment.message)}"
    return root_cause(application.message)


def root_cause(message: str) -> str:
    """The last error in a message of nested tracebacks, without its class's module."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    errors = [
        line for line in lines if "Error: " in line and not line.startswith(("File", "raise"))
    ]
    if not errors:
        return message
    return errors[-1].split("Error: ", 1)[1]


def _problems(error: ValidationError, *parents: str) -> list[str]:
    """Each with the dotted path of its key."""
    return [
        f"{'.'.join(map(str, (*parents, *one['loc'])))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    ]


def _of_file(path: Path, problems: Sequence[str]) -> str:
    return "\n".join(f"{path}: {problem}" for problem in problems)
