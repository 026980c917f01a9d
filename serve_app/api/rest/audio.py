"""`POST /v1/audio/transcriptions` and `POST /v1/audio/translations`."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_app.api.failures import as_known
from serve_app.api.quotas import usage_of
from serve_app.api.rest.formats import FORMATS, Wish, delta, done
from serve_app.api.rest.forms import ServerVad, TranscriptionForm, TranslationForm, parse
from serve_app.api.rest.languages import language_code
from serve_app.api.rest.messages import ErrorAnswer, Message
from serve_app.api.rest.models import require_transcriber
from serve_app.api.rest.upload import Upload, read_upload
from serve_app.api.service import Service
from serve_app.decode import decode_file
from serve_app.files.pipeline import FileDesk, FileJob, FileRun
from serve_app.files.plan import PlanOptions
from serve_app.files.transcript import FileSegment, Transcript
from serve_app.limits.audio import spending
from serve_app.session.segmenter import SegmenterOptions

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request: what to do with the file, and how to answer."""

    job: FileJob
    wish: Wish
    response_format: str
    stream: bool


async def transcriptions(request: Request) -> Response:
    """Speech to text."""
    return await _serve(request, transcription_order)


async def translations(request: Request) -> Response:
    """Speech to text in another language."""
    return await _serve(request, translation_order)


def transcription_order(upload: Upload, service: Service) -> Order:
    """Raises InvalidRequestError, NotFoundError."""
    form = parse(TranscriptionForm, upload.fields)
    require_transcriber(service, form.model)
    languages = tuple(
        dict.fromkeys(language_code(code, service.asr, "languages") for code in form.languages)
    )
    language = language_code(form.language, service.asr, "language") if form.language else None
    if language is None and len(languages) == 1:
        language = languages[0]
    job = FileJob(
        language=language,
        languages=() if language else languages,
        context=form.prompt,
        hotwords=", ".join(form.keywords),
        plan=_plan(service, form.chunking_strategy),
    )
    wish = Wish(
        language=language,
        granularities=form.timestamp_granularities,
        logprobs="logprobs" in form.include,
    )
    return Order(job, wish, form.response_format, form.stream)


def translation_order(upload: Upload, service: Service) -> Order:
    """Raises InvalidRequestError, NotFoundError."""
    form = parse(TranslationForm, upload.fields)
    require_transcriber(service, form.model)
    source = form.source_language
    target = language_code(form.target_language, service.mt, "target_language")
    job = FileJob(
        language=language_code(source, service.asr, "source_language") if source else None,
        # Not the prompt: OpenAI's is in the language translated into, ASR hears the other one.
        target=target,
        plan=_plan(service, "auto"),
    )
    return Order(job, Wish("translate", target), form.response_format, form.stream)


def _plan(service: Service, chunking: Literal["auto"] | ServerVad) -> PlanOptions:
    """How to cut a file: into utterances, or into full windows where a short one costs the same."""
    segmenter = service.config.session.options(None, (), partials=False).segmenter
    if isinstance(chunking, ServerVad):
        segmenter = _adjusted(segmenter, chunking)
    longest_ms = PlanOptions().max_window_ms
    fills = service.asr.fixed_window_samples > 0
    return PlanOptions(segmenter=segmenter, fill_ms=longest_ms if fills else 0)


def _adjusted(options: SegmenterOptions, vad: ServerVad) -> SegmenterOptions:
    if vad.threshold is not None:
        hysteresis = options.stop_probability / options.start_probability
        options = replace(
            options,
            start_probability=vad.threshold,
            stop_probability=vad.threshold * hysteresis,
        )
    if vad.silence_duration_ms is not None:
        options = replace(options, min_silence_ms=vad.silence_duration_ms)
    if vad.prefix_padding_ms is not None:
        options = replace(options, pad_ms=vad.prefix_padding_ms)
    return options


async def _serve(request: Request, take: Callable[[Upload, Service], Order]) -> Response:
    service: Service = request.app.state.service
    desk: FileDesk = request.app.state.files
    async with AsyncExitStack() as stack:
        limits = service.config.limits
        upload = await read_upload(
            request, limits.upload_bytes, limits.idle_s, request.app.state.uploads
        )
        stack.callback(upload.close)
        order = take(upload, service)
        # Not before: an upload may take as long as its client likes.
        stack.enter_context(desk.admitted())
        pcm = spending(decode_file(upload.file, limits.file_audio()), usage_of(request))
        run = FileRun(desk, order.job, pcm)
        segments = await stack.enter_async_context(aclosing(run.segments()))
        if order.stream:
            # A file that cannot be read gets its 4xx: the answer begins with the first sentence.
            first = await anext(segments, None)
            events = _events(order.wish, run, first, segments)
            return EventStream(events, stack.pop_all())
        transcript = Transcript(tuple([s async for s in segments]), run.duration_samples)
    rendered = FORMATS[order.response_format](transcript, order.wish)
    return Response(rendered.content, media_type=rendered.media_type)


class EventStream(StreamingResponse):
    """Server-sent events; lets go of what they come from at the end, however that comes."""

    def __init__(self, events: AsyncGenerator[Message, None], resources: AsyncExitStack) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(_sse(events), media_type="text/event-stream", headers=headers)
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events, or as many as the client stays for."""
        async with self._resources:
            await super().__call__(scope, receive, send)


async def _events(
    wish: Wish,
    run: FileRun,
    first: FileSegment | None,
    rest: AsyncGenerator[FileSegment, None],
) -> AsyncGenerator[Message, None]:
    """One event for each segment, and the whole at the end; an error ends them early."""
    told: list[FileSegment] = []
    any_text = False
    try:
        async for segment in _chained(first, rest):
            yield delta(segment, wish, first=not any_text)
            any_text = any_text or bool(segment.shown)
            told.append(segment)
        yield done(Transcript(tuple(told), run.duration_samples), wish)
    except Exception as error:
        known = as_known(error)
        if known.status >= 500:
            logger.exception("a file failed after the answer had begun")
        yield ErrorAnswer.model_validate(known.to_wire())


async def _chained(
    first: FileSegment | None, rest: AsyncGenerator[FileSegment, None]
) -> AsyncGenerator[FileSegment, None]:
    if first is not None:
        yield first
        async for segment in rest:
            yield segment


async def _sse(events: AsyncGenerator[Message, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            yield b"data: %b\n\n" % event.to_json().encode()
