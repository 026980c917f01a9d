"""Translation by any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping

import aiohttp
from pydantic import BaseModel, ValidationError

from deployments.engines.instruct_prompts import instruct_messages, without_system_turn
from deployments.engines.mt_requests import most_new_tokens, require_length, require_served
from deployments.engines.openai_settings import OpenAiMtSettings
from deployments.types import Draft, EngineError, MtRequest, StageInfo

MAX_RETRY_WAIT_S = 10.0
"""A server that wants a longer pause is no use to live speech."""

_RETRIED = frozenset({408, 409, 429, *range(500, 600)})
_MARKUP = re.compile(r"<(?=[|/!\w\uff5c])|\[(?=/?[A-Z_]+\])")
"""Where `<|im_end|>`, `<start_of_turn>`, `</s>` or `[INST]` begins."""
_MOST_MESSAGE_CHARACTERS = 300


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: tuple[_Choice, ...]


class OpenAiMt:
    """Greedy translation by another server."""

    def __init__(
        self, model: str, settings: OpenAiMtSettings, *, max_source_tokens: int = 300
    ) -> None:
        self._settings = settings
        self._max_source_tokens = max_source_tokens
        self._places = asyncio.Semaphore(settings.max_requests)
        self._client: aiohttp.ClientSession | None = None
        self._info = StageInfo(
            model,
            "remote",
            settings.languages,
            takes_glossary=True,
            takes_open=settings.continues_prefix,
            takes_prefix=settings.continues_prefix,
        )

    @property
    def info(self) -> StageInfo:
        """The model as the other server names it."""
        return self._info

    def check(self, request: MtRequest) -> None:
        """Raise EngineError for what that server cannot be asked."""
        require_served(self._info, request)
        require_length(_estimated_tokens(request.source), self._max_source_tokens)
        if request.committed_target and not self._settings.continues_prefix:
            raise EngineError(
                f"the server of {self._info.model} cannot go on from a translation that was begun; "
                "use mt_mode=final or revise, or set mt.openai.continues_prefix where it takes "
                "continue_final_message"
            )
        instruct_messages(request, neutralised)

    async def translate(self, request: MtRequest) -> Draft:
        """The draft for a checked request; raises EngineError with what the server said."""
        if not request.source.strip():
            return Draft(request.committed_target)
        async with self._places:
            content = await self._complete(self._body(request))
        return Draft(_continued(request, content))

    async def warm(self) -> None:
        """Nothing of the server's is ours to warm: it may start after us."""

    async def check_health(self) -> None:
        """A server that is away fails requests, and no new replica would mend that."""

    async def close(self) -> None:
        """Give up the connections."""
        if self._client is not None:
            await self._client.close()

    def _body(self, request: MtRequest) -> dict[str, object]:
        messages = instruct_messages(request, neutralised)
        if not self._settings.system_turn:
            messages = without_system_turn(messages)
        body: dict[str, object] = {
            "model": self._info.model,
            "messages": messages,
            "temperature": 0,
            "seed": 0,
            "max_tokens": most_new_tokens(_estimated_tokens(request.source)),
        }
        if not self._settings.continues_prefix:
            return body
        body["chat_template_kwargs"] = {"enable_thinking": False}
        if committed := request.committed_target.rstrip():
            begun = {"role": "assistant", "content": neutralised(committed)}
            body["messages"] = [*messages, begun]
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    async def _complete(self, body: Mapping[str, object]) -> str:
        for attempt in range(self._settings.retries + 1):
            try:
                return await self._try(body)
            except _RetryableError as error:
                failure = error
            if attempt < self._settings.retries:
                wait_s = max(self._settings.retry_wait_s * 2**attempt, failure.retry_after_s)
                await asyncio.sleep(min(wait_s, MAX_RETRY_WAIT_S))
        raise EngineError(f"{failure} ({self._settings.retries + 1} tries)") from failure

    async def _try(self, body: Mapping[str, object]) -> str:
        url = f"{self._settings.base_url.rstrip('/')}/chat/completions"
        try:
            async with self._connections().post(url, json=body) as response:
                text = await response.text()
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or f"no answer within {self._settings.timeout_s:g} s"
            raise _RetryableError(f"{url} could not be asked: {reason}") from error
        if status in _RETRIED:
            raise _RetryableError(f"{url} answered {status}: {_shortened(text)}", retry_after)
        if status >= 400:
            raise EngineError(f"{url} answered {status}: {_shortened(text)}{self._advice(status)}")
        return _content(text, url)

    def _connections(self) -> aiohttp.ClientSession:
        # Made on the loop that uses it.
        if self._client is None:
            key = os.environ.get(self._settings.api_key_variable)
            self._client = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            )
        return self._client

    def _advice(self, status: int) -> str:
        match status:
            case 401 | 403:
                return f" Put the key into {self._settings.api_key_variable} for the Mt replicas."
            case 404:
                return " mt.openai.base_url ends in /v1, and mt.model is a name the server knows."
        return ""


class _RetryableError(EngineError):
    """The same request may be answered a little later."""

    def __init__(self, message: str, retry_after: str = "") -> None:
        super().__init__(message)
        self.retry_after_s = float(retry_after) if retry_after.isdecimal() else 0.0


def neutralised(text: str) -> str:
    """A text in which no server finds a token of a chat template: it cuts up texts on its own."""
    return _MARKUP.sub(lambda found: f"{found[0]} ", text)


def _continued(request: MtRequest, content: str) -> str:
    """The committed target and what the server adds to it, of as many lines as the source."""
    committed = request.committed_target
    added = content if committed else content.strip()
    if "\n" not in request.source.strip():
        added = added.partition("\n")[0]
    if not added.strip():
        return committed
    if committed and committed[-1].isspace():
        added = added.lstrip()
    return (committed + added).rstrip()


def _content(text: str, url: str) -> str:
    try:
        completion = _Completion.model_validate_json(text)
        return completion.choices[0].message.content or ""
    except (ValidationError, IndexError) as error:
        raise EngineError(f"{url} answered no chat completion: {_shortened(text)}") from error


def _estimated_tokens(text: str) -> int:
    """The server's tokenizer is not here; a token is three bytes of UTF-8 or more."""
    return len(text.encode()) // 3 + 1


def _shortened(text: str) -> str:
    return text.strip()[:_MOST_MESSAGE_CHARACTERS]
