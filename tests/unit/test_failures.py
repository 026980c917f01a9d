"""What clients are told of what the stages raise."""

import pytest

from deployments.types import (
    EngineError,
    SourceTooLongError,
    StageUnavailableError,
    UnsupportedLanguageError,
)
from serve_app.api.failures import as_known


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnsupportedLanguageError("no xx"), 400, "unsupported_language"),
        (SourceTooLongError("the source has 1200 tokens"), 400, "text_too_long"),
        (StageUnavailableError("gone"), 503, "unavailable"),
        (TimeoutError(), 503, "unavailable"),
        (EngineError("broken"), 500, "stage_failed"),
        (RuntimeError("a defect"), 500, "internal_error"),
    ],
)
def test_each_failure_has_its_answer(error: Exception, status: int, code: str) -> None:
    known = as_known(error)
    assert (known.status, known.code) == (status, code)
