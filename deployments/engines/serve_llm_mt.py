"""Translation by an LLMServer of `ray.serve.llm` in the same cluster."""

from __future__ import annotations

import asyncio
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.llm.openai_api_models import CompletionRequest, CompletionResponse

from deployments.engines.mt_requests import most_new_tokens, require_prompt_fits, require_served
from deployments.engines.prompts import PromptFormat, prompt_format
from deployments.engines.serve_llm_settings import ServeLlmSettings
from deployments.models import ResolvedModel
from deployments.types import Draft, EngineError, MtRequest, StageInfo


class ServeLlmMt:
    """Deterministic greedy translation; prompts and answers are token ids, as with our own vLLM."""

    def __init__(
        self, model: ResolvedModel, settings: ServeLlmSettings, *, max_source_tokens: int = 300
    ) -> None:
        """`model` is what the server has loaded, for its tokenizer and its chat template."""
        self._settings = settings
        self._max_source_tokens = max_source_tokens
        self._format: PromptFormat = prompt_format(model.path, open_sources=model.open_sources)
        self._end_ids = self._format.ids(self._format.end_tokens)
        handle = serve.get_deployment_handle(settings.deployment, settings.app)
        self._handle = handle.options(stream=True)
        self._info = StageInfo(
            model.name,
            model.version,
            model.languages,
            takes_glossary=self._format.takes_glossary,
            takes_open=self._format.takes_open,
        )

    @property
    def info(self) -> StageInfo:
        """The model behind the server."""
        return self._info

    def check(self, request: MtRequest) -> None:
        """Raise EngineError or UnsupportedLanguageError where `request` cannot be translated."""
        require_served(self._info, request)
        require_prompt_fits(
            self._format, request, self._max_source_tokens, self._settings.max_model_len
        )

    async def translate(self, request: MtRequest) -> Draft:
        """The draft for a checked request; raises EngineError with what the server said."""
        if not request.source.strip():
            return Draft(request.committed_target)
        answer = await self._complete(
            CompletionRequest(
                model=self._settings.model_id,
                prompt=self._format.ids(self._format.prompt(request)),
                temperature=0.0,
                seed=0,
                max_tokens=most_new_tokens(self._format.source_length(request)),
                stop_token_ids=self._end_ids,
                return_token_ids=True,
            )
        )
        ids = [id_ for id_ in answer.choices[0].token_ids or () if id_ not in self._end_ids]
        return Draft(self._format.text(request, ids))

    async def warm(self) -> None:
        """The server warms itself, and may start after us."""

    async def check_health(self) -> None:
        """Serve looks after the server's own replicas."""

    async def _complete(self, completion: CompletionRequest) -> CompletionResponse:
        answers: Any = self._handle.completions.remote(completion)
        try:
            answer: CompletionResponse
            [answer] = [answer async for answer in answers]
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise EngineError(f"{self._settings.deployment} cancelled the request") from None
            answers.cancel()
            raise
        except (RayError, RayServeException) as error:
            raise EngineError(
                f"{self._settings.deployment} of the application {self._settings.app!r} did not "
                f"answer: {error}"
            ) from error
        # What comes is of base classes of those that ray.serve.llm exports.
        if (refusal := getattr(answer, "error", None)) is not None:
            raise EngineError(f"{self._settings.deployment} refused the request: {refusal.message}")
        return answer
