"""Serve's part of a configuration file, as far as Serve itself does not look at it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from ray.serve.schema import LoggingConfig, ServeApplicationSchema, ServeDeploySchema

from serve_app.replicas import DEPLOYMENTS

_UNTYPED: dict[str, type[BaseModel]] = {
    "autoscaling_config": AutoscalingConfig,
    "policy": AutoscalingPolicy,
}
"""Sections that Serve's schema leaves unchecked until they are deployed, or for good."""


_DEBUG = frozenset({"DEBUG", "TRACE", "NOTSET"})
"""Of Serve's names of levels: those at which DEBUG is logged."""


def unknown_keys(tree: Any, model: BaseModel, at: str = "") -> Iterator[str]:  # noqa: ANN401
    """Dotted paths of keys that the schema would ignore in silence."""
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key not in type(model).model_fields:
            yield f"{at}{key}"
            continue
        parsed = getattr(model, key)
        if isinstance(parsed, BaseModel):
            yield from unknown_keys(value, parsed, f"{at}{key}.")
        elif isinstance(parsed, list):
            for index, (raw, item) in enumerate(zip(value, parsed, strict=False)):
                if isinstance(item, BaseModel):
                    yield from unknown_keys(raw, item, f"{at}{key}[{index}].")
        elif key in _UNTYPED:
            yield from _keys_beyond(value, _UNTYPED[key], f"{at}{key}.")


def _keys_beyond(tree: Any, kind: type[BaseModel], at: str) -> Iterator[str]:  # noqa: ANN401
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key not in kind.model_fields:
            yield f"{at}{key}"
        elif key in _UNTYPED:
            yield from _keys_beyond(value, _UNTYPED[key], f"{at}{key}.")


def misnamed(application: ServeApplicationSchema) -> Iterator[str]:
    """What is wrong with the names of an application's deployments."""
    known = [code.name for code in DEPLOYMENTS]
    counts = Counter(deployment.name for deployment in application.deployments)
    for name, count in counts.items():
        if name not in known:
            yield f"deployments: there is no {name!r}; there are {', '.join(known)}."
        elif count > 1:
            yield f"deployments: {name!r} is there {count} times, and only one of them would count."


def debug_places(schema: ServeDeploySchema) -> list[str]:
    """Keys of a file that set log_level to DEBUG."""
    found = ["logging_config.log_level"] if _is_debug(schema.logging_config) else []
    for application in schema.applications:
        found += debug_places_of(application)
    return found


def debug_places_of(application: ServeApplicationSchema) -> list[str]:
    """The same of one application."""
    places: dict[str, LoggingConfig | None] = {
        f"deployments.{one.name}.": one.logging_config for one in application.deployments
    }
    places[""] = application.logging_config
    return [f"{at}logging_config.log_level" for at, config in places.items() if _is_debug(config)]


def _is_debug(config: object) -> bool:
    if isinstance(config, dict):
        config = LoggingConfig.model_validate(config)
    if not isinstance(config, LoggingConfig):
        return False
    level = config.log_level
    return level in _DEBUG if isinstance(level, str) else level <= logging.DEBUG
