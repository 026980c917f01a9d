"""`POST /v1/translate`: text in, text out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from deployments.languages import word_joint
from deployments.types import MtRequest
from serve_app.api.bounds import json_body
from serve_app.api.rest.languages import language_code
from serve_app.api.rest.messages import TranslateAnswer, TranslatedText
from serve_app.api.rest.models import require_translator
from serve_app.api.service import Service
from serve_app.errors import InvalidRequestError
from serve_app.files.ordered import ordered
from serve_app.files.pipeline import FileDesk
from serve_app.session.segments import is_bare_punctuation

MAX_TEXTS = 128
MAX_CHARACTERS = 20_000
MAX_TARGETS = 8
_AHEAD = 64
"""Sentences of one request that are translated at a time."""

_ENDS = r"[.?!…]++[\"'»”’)]*+(?=\s|$)|[。？！]++[」』”’）]*+"  # noqa: RUF001
_SENTENCE = re.compile(rf".+?(?:(?<![.?!…。？！])(?:{_ENDS})|$)\s*", re.S)

Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]


class TranslateRequest(BaseModel):
    """What is to be translated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]
    """One text or several; sentences are translated one by one, line breaks stay."""
    source: str
    """Language of the texts."""
    target: str | Annotated[list[str], Field(min_length=1, max_length=MAX_TARGETS)]
    """Language or languages to translate into."""
    model: str | None = None
    """The configured MT model, which is also the default."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence on its way into one language."""

    index: int
    """Of the text."""
    target: str
    sentence: str
    """With the white space after it."""


async def translate(request: Request) -> Response:
    """All texts into all targets."""
    service: Service = request.app.state.service
    desk: FileDesk = request.app.state.files
    asked = _parsed(await json_body(request, service.config.limits))
    if asked.model is not None:
        require_translator(service, asked.model)
    source = language_code(asked.source, service.mt, "source")
    targets = [asked.target] if isinstance(asked.target, str) else asked.target
    codes = tuple(dict.fromkeys(language_code(target, service.mt, "target") for target in targets))
    texts = [asked.text] if isinstance(asked.text, str) else asked.text
    written = {(index, code): "" for index in range(len(texts)) for code in codes}

    async def rendered(piece: _Piece) -> tuple[_Piece, str]:
        return piece, await _rendered(desk, source, piece)

    async with aclosing(ordered(_pieces(texts, codes), rendered, _AHEAD)) as answers:
        async for piece, text in answers:
            written[piece.index, piece.target] += text
    answer = TranslateAnswer(
        model=service.mt.model,
        source=source,
        translations=[
            TranslatedText(index=index, target=target, text=text.rstrip(" "))
            for (index, target), text in written.items()
        ],
    )
    return Response(answer.to_json(), media_type="application/json")


def sentences(text: str) -> list[str]:
    """A text cut after sentence ends and at line breaks; joined they are the text again."""
    lines = text.splitlines(keepends=True)
    return [sentence for line in lines for sentence in _SENTENCE.findall(line)]


async def _pieces(texts: list[str], targets: tuple[str, ...]) -> AsyncGenerator[_Piece, None]:
    for index, text in enumerate(texts):
        for target in targets:
            for sentence in sentences(text):
                yield _Piece(index, target, sentence)


async def _rendered(desk: FileDesk, source: str, piece: _Piece) -> str:
    """A sentence in the target language, with the space or the line break after it."""
    core = piece.sentence.strip()
    if piece.target == source or is_bare_punctuation(core):
        return piece.sentence
    async with asyncio.timeout(desk.limits.stage_timeout_s):
        request = MtRequest(core, source, piece.target, background=True)
        draft = await desk.ports.mt.translate(request)
    after = piece.sentence[len(piece.sentence.rstrip()) :]
    if "\n" not in after:
        after = word_joint(piece.target)
    return draft.text.strip() + after


def _parsed(body: bytes) -> TranslateRequest:
    try:
        return TranslateRequest.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = str(problem["loc"][0]) if problem["loc"] else None
        about = f"the member {where!r}" if where else "the body"
        raise InvalidRequestError(
            f"In the request, {about} is wrong: {problem['msg']}. It takes, for example, "
            '{"text": "Good morning.", "source": "en", "target": ["de", "es"]}.',
            param=where,
            code="invalid_value",
        ) from error
