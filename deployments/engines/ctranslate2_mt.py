"""Translation by a causal language model on CTranslate2: requests of many sessions in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import ctranslate2

from deployments.engines.mt_requests import (
    most_new_tokens,
    require_length,
    require_served,
    warm_requests,
)
from deployments.engines.prompts import PromptFormat, prompt_format
from deployments.models import ResolvedModel
from deployments.types import Draft, MtRequest, StageInfo


class CTranslate2Mt:
    """Deterministic greedy translation; not thread-safe, one batch at a time."""

    def __init__(
        self,
        model: ResolvedModel,
        *,
        device: str = "cpu",
        compute_type: str = "default",
        threads: int = 0,
        max_source_tokens: int = 300,
    ) -> None:
        self._format: PromptFormat = prompt_format(model.path, open_sources=model.open_sources)
        self._generator = ctranslate2.Generator(
            str(model.path), device=device, compute_type=compute_type, intra_threads=threads
        )
        self._max_source_tokens = max_source_tokens
        self._info = StageInfo(
            model.name,
            model.version,
            model.languages,
            takes_glossary=self._format.takes_glossary,
            takes_open=self._format.takes_open,
        )

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        return self._info

    def check(self, request: MtRequest) -> None:
        """Raise EngineError or UnsupportedLanguageError where `request` cannot be translated."""
        require_served(self._info, request)
        require_length(self._format.source_length(request), self._max_source_tokens)
        self._format.prompt(request)

    def translate(self, batch: Sequence[MtRequest]) -> list[Draft]:
        """One draft for each request, the same whatever else is in the batch."""
        drafts = [Draft(request.committed_target) for request in batch]
        rows = [row for row, request in enumerate(batch) if request.source.strip()]
        if rows:
            texts = self._generate([batch[row] for row in rows])
            for row, text in zip(rows, texts, strict=True):
                drafts[row] = Draft(text)
        return drafts

    def warm(self) -> None:
        """Translate texts of several lengths, so that no request pays for a first run."""
        requests = warm_requests(self._info)
        for request in requests:
            self.translate([request])
        self.translate(requests)

    def _generate(self, requests: Sequence[MtRequest]) -> list[str]:
        limits = [most_new_tokens(self._format.source_length(r)) for r in requests]
        results = self._generator.generate_batch(
            [self._format.prompt(request) for request in requests],
            max_length=max(limits),
            beam_size=1,
            include_prompt_in_result=False,
            end_token=list(self._format.end_tokens),
        )
        # A neighbour with a longer limit must not make a request run on.
        return [
            self._format.text(request, result.sequences_ids[0][:limit])
            for request, result, limit in zip(requests, results, limits, strict=True)
        ]
