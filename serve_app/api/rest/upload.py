"""A multipart request to its fields and its file, which stays in memory: nothing goes to disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from serve_app.decode.file import container_of
from serve_app.decode.formats import SNIFF_BYTES
from serve_app.decode.memory import memory_file
from serve_app.errors import BusyError, InvalidRequestError, TooLargeError
from serve_app.limits.audio import IdleError

FILE_FIELD = "file"
MAX_FIELDS = 300
MAX_FIELD_BYTES = 4 << 20
"""A field may be a speaker reference: ten seconds of audio as a data URL."""
_FORM_BYTES = MAX_FIELD_BYTES
"""What a request may hold beyond its file."""

Fields = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class UploadMemory:
    """How much of uploads one replica holds."""

    limit_bytes: int
    held_bytes: int = 0

    def take(self, size_bytes: int) -> None:
        """So much more; raises BusyError where there is no room."""
        # What else is in the form of a file comes on top.
        if self.held_bytes + size_bytes > self.limit_bytes + _FORM_BYTES:
            raise BusyError(
                f"Uploads that are being transcribed fill the {self.limit_bytes} bytes that this "
                "server holds of them (files.held_bytes); try again in a few seconds."
            )
        self.held_bytes += size_bytes


@dataclass(slots=True)
class Shelf:
    """What one request holds of it."""

    memory: UploadMemory
    held_bytes: int = 0

    def put(self, size_bytes: int) -> None:
        """Raises BusyError."""
        self.memory.take(size_bytes)
        self.held_bytes += size_bytes

    def clear(self) -> None:
        """The request is over."""
        self.memory.held_bytes -= self.held_bytes
        self.held_bytes = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A form; close it to forget the file."""

    fields: Fields
    file: BinaryIO
    shelf: Shelf

    def close(self) -> None:
        """Forget the file."""
        self.file.close()
        self.shelf.clear()


async def read_upload(
    request: Request, max_file_bytes: int, idle_s: float, memory: UploadMemory
) -> Upload:
    """Read all of the body.

    Raises InvalidRequestError, InvalidAudioError, TooLargeError, BusyError, IdleError,
    ClientDisconnect.
    """
    shelf = Shelf(memory)
    try:
        fields, file = await _read(request, max_file_bytes, idle_s, shelf)
    except BaseException:
        shelf.clear()
        raise
    return Upload(fields, file, shelf)


async def _read(
    request: Request, max_file_bytes: int, idle_s: float, shelf: Shelf
) -> tuple[Fields, BinaryIO]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise InvalidRequestError(
            f"This takes multipart/form-data, not {media_type or 'a body without a type'}: "
            "curl -F file=@speech.wav -F model=whisper-1.",
            param="content-type",
            code="unsupported_content_type",
        )
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_file_bytes + _FORM_BYTES:
        raise _too_large(max_file_bytes)
    pieces = _limited(_coming(request, idle_s), max_file_bytes, shelf)
    parser = _FormParser(request.headers, pieces)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidRequestError(
            f"The form cannot be read: {error.message}", code="invalid_form"
        ) from error
    return _taken_apart(form.multi_items(), max_file_bytes)


class _FormParser(MultiPartParser):
    """Starlette's, with three differences: files stay in memory, one that is no audio is refused at
    its first bytes, and a form that ends too early is an error."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            headers, stream, max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
        )
        self._held: list[BinaryIO] = []
        self._begins = False
        self._is_whole = False

    def on_headers_finished(self) -> None:
        """A field or a file begins."""
        super().on_headers_finished()
        upload = self._current_part.file
        if upload is not None:
            upload.file.close()
            upload.file = memory_file()
            self._held.append(upload.file)
        self._begins = upload is not None and self._current_part.field_name == FILE_FIELD

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """The next bytes of the current part; raises InvalidAudioError."""
        if self._begins and end - start >= SNIFF_BYTES:
            container_of(data[start : start + SNIFF_BYTES])
        self._begins = False
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        """The last boundary."""
        self._is_whole = True

    async def parse(self) -> FormData:
        """Raises InvalidAudioError, and MultiPartException, for half a form too."""
        try:
            form = await super().parse()
            if not self._is_whole:
                raise MultiPartException("it ends before its last boundary.")
        except BaseException:
            for file in self._held:
                file.close()
            raise
        return form


async def _coming(request: Request, idle_s: float) -> AsyncGenerator[bytes, None]:
    """The body, as long as something comes: what has come takes the place of others."""
    pieces = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(idle_s):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise IdleError(
                f"Nothing of the upload came for {idle_s:g} s (limits.idle_s). Send it again."
            ) from None
        if piece is None:
            return
        yield piece


async def _limited(
    pieces: AsyncIterator[bytes], max_file_bytes: int, shelf: Shelf
) -> AsyncGenerator[bytes, None]:
    read_bytes = 0
    async for piece in pieces:
        read_bytes += len(piece)
        if read_bytes > max_file_bytes + _FORM_BYTES:
            raise _too_large(max_file_bytes)
        shelf.put(len(piece))
        yield piece


def _taken_apart(
    items: list[tuple[str, str | UploadFile]], max_file_bytes: int
) -> tuple[Fields, BinaryIO]:
    fields = tuple((name, value) for name, value in items if isinstance(value, str))
    files = [(name, value) for name, value in items if isinstance(value, UploadFile)]
    for name, upload in files:
        if name == FILE_FIELD and (upload.size or 0) <= max_file_bytes:
            return tuple(f for f in fields if f[0] != FILE_FIELD), upload.file
        upload.file.close()
        if name == FILE_FIELD:
            raise _too_large(max_file_bytes)
        raise InvalidRequestError(
            f"The form field {name!r} is a file; the audio belongs into {FILE_FIELD!r}.",
            param=name,
            code="unknown_parameter",
        )
    raise InvalidRequestError(
        f"The form field {FILE_FIELD!r} is missing or has no file name: "
        f"curl -F {FILE_FIELD}=@speech.wav.",
        param=FILE_FIELD,
        code="missing_parameter",
    )


def _too_large(max_file_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"The file is larger than {max_file_bytes} bytes, the most this server takes "
        "(limits.upload_bytes); compress it, for example to Opus, or cut it into parts.",
        param=FILE_FIELD,
        code="file_too_large",
    )
