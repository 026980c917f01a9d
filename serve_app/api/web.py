"""The live-caption page and what it is made of: static files, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serve_app.api.qr import QR_ROUTES
from serve_app.errors import NotFoundError

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Of all that is served; a file of another kind stays unserved."""

PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
"""Nothing from elsewhere, nothing inline, no text ever read as markup."""

HEADERS = {
    # Asked for again each time and answered with 304, so that a new server means a new page.
    "cache-control": "no-cache",
    "content-security-policy": PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), screen-wake-lock=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    media_type: str
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """By path below `serve_app/web`."""
    return dict(_found(files("serve_app").joinpath("web"), ""))


def _found(folder: Traversable, above: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        path = above + entry.name
        if entry.is_dir():
            found += _found(entry, f"{path}/")
        elif media_type := MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}"):
            body = entry.read_bytes()
            found.append(
                (path, Asset(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"'))
            )
    return found


async def page(request: Request) -> Response:
    """`GET /`."""
    return _sent(request, "index.html")


async def view_page(request: Request) -> Response:
    """`GET /view`: what a viewer link opens."""
    return _sent(request, "view.html")


async def conversation_page(request: Request) -> Response:
    """`GET /conversation`: both sides of one."""
    return _sent(request, "conversation.html")


async def asset(request: Request) -> Response:
    """`GET /web/...`; NotFoundError for what is not there."""
    return _sent(request, request.path_params["path"])


def _sent(request: Request, path: str) -> Response:
    found = assets().get(path)
    if found is None:
        raise NotFoundError(f"There is nothing at {request.url.path}; the page is at /.")
    headers = {**HEADERS, "etag": found.etag}
    known = [
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("if-none-match", "").split(",")
    ]
    if found.etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


WEB_ROUTES = (
    *QR_ROUTES,
    Route("/", page),
    Route("/view", view_page),
    Route("/conversation", conversation_page),
    Route("/web/{path:path}", asset),
)
