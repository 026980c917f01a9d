"""What reads strangers' bytes in Python: each target takes any bytes, and refuses them or not.

A refusal is a DragomanError that blames the client. Any other exception is a finding.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext, suppress
from functools import cache

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from serve_app.api import sockets
from serve_app.api.bounds import require_message
from serve_app.api.native_socket import NativeConversation, opening_of, parse_message
from serve_app.api.query import parse_stream_query, session_options
from serve_app.api.realtime.doors import preset_of, transcription_object, translation_query
from serve_app.api.realtime.resumable import taken_up
from serve_app.api.realtime.transcription import TranscriptionConversation
from serve_app.api.realtime.transcription_config import Hearing
from serve_app.api.realtime.translation import TranslationConversation
from serve_app.api.rest.forms import TranscriptionForm, TranslationForm, parse
from serve_app.api.rest.upload import UploadMemory, read_upload
from serve_app.api.resume import HeldMessages, Resuming, TokenWriter
from serve_app.api.service import Service
from serve_app.api.viewers import Audience
from serve_app.decode.job import error_from
from serve_app.decode.pcm import ANY_AUDIO, PcmDecoder, PcmLayout
from serve_app.decode.wav import decode_wav
from serve_app.errors import DragomanError
from serve_app.session import effects as fx
from serve_app.session import events
from serve_app.session.resume import ResumePoint
from tests.support.doors import scripted_service
from tests.support.scripted import Script

Target = Callable[[bytes], None]

HEAD = {"id": "sess_1", "model": "m", "expires_at": 1}
BOUNDARY = b"edge"
_HELD: TypeAdapter[HeldMessages] = TypeAdapter(HeldMessages)


@cache
def service() -> Service:
    return scripted_service(Script([], 1_000))


@cache
def resuming() -> Resuming:
    return Resuming(service().config.resume.signer())


async def in_pieces(data: bytes, size: int = 1_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def as_text(data: bytes) -> str:
    """As a WebSocket server hands it on: what is no UTF-8 never gets here."""
    return data.decode(errors="replace")


def wav(data: bytes) -> None:
    async def read() -> None:
        given = 0
        async for piece in decode_wav(in_pieces(data), ANY_AUDIO, len(data)):
            given += len(piece)
        # One byte of 8 kHz audio becomes two samples of two bytes.
        assert given <= 4 * len(data) + 1_000

    asyncio.run(read())


def pcm(data: bytes) -> None:
    if len(data) < 4:
        return
    rates_hz = (8_000, 11_025, 16_000, 44_100, 48_000, 96_000)
    samples = ("u8", "s16", "s24", "s32", "f32", "f64")
    layout = PcmLayout(rates_hz[data[0] % 6], data[1] % 8 + 1, samples[data[2] % 6])
    step, body = data[3] % 64 + 1, data[4:4_000]
    decoder = PcmDecoder(layout)
    pieces = [decoder.feed(body[at : at + step]) for at in range(0, len(body), step)]
    whole = PcmDecoder(layout)
    assert b"".join([*pieces, decoder.finish()]) == whole.feed(body) + whole.finish()


def native_opening(data: bytes) -> None:
    query, _, message = data.partition(b"\n")
    text = as_text(message)
    require_message(text, service().config.limits)
    opening = opening_of(QueryParams(query), parse_message(text), service(), resuming())
    session_options(service(), opening.query)


def native_messages(data: bytes) -> None:
    query = opening_of(QueryParams(""), {"target": ["de"]}, service(), resuming()).query
    tokens = TokenWriter(resuming(), "s1", query.model_dump(mode="json"))
    sharing = Audience(service()).share("s1", lambda _: None, ("de",))
    talk(NativeConversation(service(), query, tokens, sharing), data, refuses=True)


def transcription_messages(data: bytes) -> None:
    conversation = TranscriptionConversation(
        lambda hearing: fx.Configure(preset_of(service(), hearing, partials=True), {}),
        lambda hearing: transcription_object(service(), HEAD, hearing),
        Hearing(),
    )
    talk(conversation, data)
    for event in (events.SessionUpdated({}), events.SessionClosed("completed")):
        written(conversation.tell(fx.Emit(1, event)))


def translation_messages(data: bytes) -> None:
    def configure(language: str) -> fx.Configure:
        return fx.Configure(session_options(service(), translation_query(service(), language)), {})

    conversation = TranslationConversation(HEAD, "de", configure)
    talk(conversation, data)
    for event in (events.SessionUpdated({}), events.SessionClosed("completed")):
        written(conversation.tell(fx.Emit(1, event)))


def talk(conversation: sockets.Conversation, data: bytes, *, refuses: bool = False) -> None:
    """Messages line by line; one that begins with a NUL is binary."""
    for line in data.split(b"\n"):
        message = line[1:] if line[:1] == b"\0" else as_text(line)
        with suppress(DragomanError) if refuses else nullcontext():
            answers = conversation.receive(message)
            written([one.message for one in answers if isinstance(one, sockets.Answer)])


def written(messages: list[sockets.Message]) -> None:
    """They can be sent, and read again."""
    for message in messages:
        assert isinstance(json.loads(message.text.encode()), dict)


def query(data: bytes) -> None:
    session_options(service(), parse_stream_query(QueryParams(data), service()))


def resume_token(data: bytes) -> None:
    for token in (as_text(data), data.decode("latin-1"), f"d1.{as_text(data)}", f"d1..{data!r}"):
        with suppress(DragomanError):
            resuming().read(token, ())
        with suppress(DragomanError):
            taken_up(QueryParams({"resume": token}), resuming(), "realtime")


def held_segments(data: bytes) -> None:
    point = ResumePoint(16_000, 16_000, None, "en", ((0, ("de",)),), None, None, "")
    token = resuming().token("s1", {}, point)
    with suppress(ValidationError):
        resuming().read(token, _HELD.validate_json(data))


def form(data: bytes) -> None:
    """A body as it is sent, behind a line with the boundary's."""
    content_type, _, body = data.partition(b"\n")
    headers = [(b"content-type", content_type or b"multipart/form-data; boundary=" + BOUNDARY)]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def read() -> None:
        request = Request({"type": "http", "headers": headers, "method": "POST"}, receive)
        memory = UploadMemory(1 << 20)
        try:
            upload = await read_upload(request, 1 << 20, 60.0, memory)
        except DragomanError:
            assert memory.held_bytes == 0
            raise
        upload.close()
        assert memory.held_bytes == 0
        for kind in (TranscriptionForm, TranslationForm):
            with suppress(DragomanError):
                parse(kind, upload.fields)

    with warnings.catch_warnings():
        # Starlette leaves a file that its body cuts off to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(read())


def decoder_error(data: bytes) -> None:
    """What a decoder says that somebody has taken over."""
    with suppress(ValueError, RecursionError):
        json.dumps(error_from(data).to_wire())


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        wav,
        pcm,
        native_opening,
        native_messages,
        transcription_messages,
        translation_messages,
        query,
        resume_token,
        held_segments,
        form,
        decoder_error,
    )
}

SEEDS: dict[str, tuple[bytes, ...]] = {
    "pcm": (b"\1\1\4\7" + bytes(range(200)),),
    "native_opening": (
        b'source=en&target=de\n{"type":"config","format":"wav","hotwords":"Clara"}',
        b'\n{"type":"config","resume_token":"d1.e30.AA","segments":[]}',
    ),
    "native_messages": (
        b'{"type":"config","target":["de","es"],"delay":"low"}\n\0\1\2\3\n{"type":"flush"}',
        b'{"type":"config","glossary":["de:a=b"]}\n{"type":"end"}',
    ),
    "transcription_messages": (
        b'{"type":"session.update","session":{"type":"transcription","audio":{"input":{"format":'
        b'{"type":"audio/pcmu"},"transcription":{"language":"en"},"turn_detection":null}}}}\n'
        b'{"type":"input_audio_buffer.append","audio":"AAAA"}\n'
        b'{"type":"input_audio_buffer.commit"}\n{"type":"input_audio_buffer.clear"}',
        b'{"type":"transcription_session.update","session":{"input_audio_format":"g711_alaw"}}',
    ),
    "translation_messages": (
        b'{"type":"session.update","session":{"audio":{"output":{"language":"es"}}}}\n'
        b'{"type":"session.input_audio_buffer.append","audio":"AAAA"}\n{"type":"session.close"}',
    ),
    "query": (b"source=en&target=de&target=es&format=wav&rate=16000&glossary=de%3Aa%3Db",),
    "resume_token": (b"e30.AA", b"d1r.eyJ9.AAAA"),
    "held_segments": (
        b'[{"segment_id":"s1.16000","utterance_id":"s1.u0","text":"a","start_ms":1000,"end_ms":1200,'
        b'"language":"en","closed":true,"translations":[{"target":"de","text":"b","closed":true}]}]',
    ),
    "form": (
        b"\n--edge\r\nContent-Disposition: form-data; name=model\r\n\r\nwhisper-1\r\n--edge\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--edge\r\n'
        b'Content-Disposition: form-data; name="chunking_strategy[type]"\r\n\r\nserver_vad\r\n'
        b"--edge--\r\n",
        b'multipart/form-data; boundary="a"\n--a\r\n\r\n--a--',
    ),
    "decoder_error": (b'[400,"The audio","file","invalid_audio"]',),
}
"""Where chance begins; of WAV, the corpus."""
