"""Languages as clients name them, to the codes that the stages serve."""

from __future__ import annotations

from deployments.languages import LANGUAGE_NAMES
from deployments.types import StageInfo
from serve_app.errors import InvalidRequestError

_CODES = {name.lower(): code for code, name in LANGUAGE_NAMES.items()}


def language_code(given: str, stage: StageInfo, param: str) -> str:
    """`de` of de, DE, de-AT and German; InvalidRequestError where the stage does not serve it."""
    lower = given.strip().lower()
    code = _CODES.get(lower, lower.replace("_", "-").partition("-")[0])
    served = stage.languages or tuple(LANGUAGE_NAMES)
    if code not in served:
        raise InvalidRequestError(
            f"{param}={given[:100]!r} is not served by the model {stage.model}; use one of "
            f"{', '.join(sorted(served))}.",
            param=param,
            code="unsupported_language",
        )
    return code
