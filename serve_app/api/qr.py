"""`POST /web/qr`: a link as a QR code. It is posted, so that no log keeps what it lets in to."""

from __future__ import annotations

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serve_app.errors import TooLargeError

MAX_LINK_BYTES = 1_024


async def qr(request: Request) -> Response:
    """The modules, row by row, 1 for dark; without a margin."""
    text = b""
    async for piece in request.stream():
        text += piece
        if len(text) > MAX_LINK_BYTES:
            raise TooLargeError(
                f"The link has over {MAX_LINK_BYTES} bytes; no code that phones can read holds it.",
                param="body",
            )
    code = segno.make(text.decode(errors="replace"), error="m", micro=False)
    return JSONResponse({"rows": ["".join(map(str, row)) for row in code.matrix]})


QR_ROUTES = (Route("/web/qr", qr, methods=["POST"]),)
