"""`GET /v1/languages`, and languages as clients name them, to the codes that the stages serve."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.languages import LANGUAGE_NAMES
from deployments.types import StageInfo
from serve_app.api.rest.messages import NamedLanguage, ServedLanguages
from serve_app.api.service import Service
from serve_app.errors import InvalidRequestError

_CODES = {name.lower(): code for code, name in LANGUAGE_NAMES.items()}


async def list_languages(request: Request) -> Response:
    """What may be spoken, and what it may be translated into."""
    service: Service = request.app.state.service
    served = ServedLanguages(source=_named(service.asr), target=_named(service.mt))
    return Response(served.to_json(), media_type="application/json")


def language_code(given: str, stage: StageInfo, param: str) -> str:
    """`de` of de, DE, de-AT and German; InvalidRequestError where the stage does not serve it."""
    lower = given.strip().lower()
    code = _CODES.get(lower, lower.replace("_", "-").partition("-")[0])
    served = _codes(stage)
    if code not in served:
        raise InvalidRequestError(
            f"{param}={given[:100]!r} is not served by the model {stage.model}; use one of "
            f"{', '.join(sorted(served))}.",
            param=param,
            code="unsupported_language",
        )
    return code


def _codes(stage: StageInfo) -> tuple[str, ...]:
    return stage.languages or tuple(LANGUAGE_NAMES)


def _named(stage: StageInfo) -> list[NamedLanguage]:
    named = [
        NamedLanguage(code=code, name=LANGUAGE_NAMES.get(code, code)) for code in _codes(stage)
    ]
    return sorted(named, key=lambda language: language.name)
