"""All doors on one page, and how errors leave through them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from deployments.types import EngineError
from serve_app.api.auditing import Auditing
from serve_app.api.bounds import Bounds
from serve_app.api.browsers import browser_layers
from serve_app.api.conversations import CONVERSATION_ROUTES
from serve_app.api.failures import Withholding, as_known
from serve_app.api.guard import Guard, note_refusal
from serve_app.api.health import Readiness, live, ready
from serve_app.api.native_socket import stream_socket
from serve_app.api.quotas import Quotas
from serve_app.api.realtime.client_secrets import SECRET_ROUTES
from serve_app.api.realtime.doors import transcriptions_socket, translations_socket
from serve_app.api.rest.routes import REST_ROUTES
from serve_app.api.rest.upload import UploadMemory
from serve_app.api.resume import Resuming
from serve_app.api.service import Service
from serve_app.api.stream import stream
from serve_app.api.viewers import VIEWER_ROUTES, Audience
from serve_app.api.web import WEB_ROUTES
from serve_app.auth.authenticator import Authenticator, KeyAuthenticator, OpenAuthenticator
from serve_app.auth.client_secrets import SecretSigner
from serve_app.auth.settings import AuthSettings
from serve_app.errors import DragomanError, MethodNotAllowedError, NotFoundError
from serve_app.files.pipeline import FileDesk
from serve_app.limits.desk import Desk
from serve_app.limits.limiter import LocalLimiter
from serve_app.safety import DEMANDS
from serve_app.tokens import REALTIME_RESUME

CLIENT_CLOSED_REQUEST = 499
"""No standard code; nginx's."""


def build_doors(service: Service) -> Starlette:
    """The ASGI application in front of a service."""
    config = service.config
    demands = DEMANDS[config.profile]
    secrets = config.resume.secret_signer()
    authenticator = _authenticator(config.auth, secrets)
    audience = Audience(service)
    routes: list[BaseRoute] = [
        Route("/v1/stream", stream, methods=["POST", "PUT"]),
        WebSocketRoute("/v1/stream", stream_socket),
        WebSocketRoute("/v1/realtime", transcriptions_socket),
        WebSocketRoute("/v1/realtime/translations", translations_socket),
        *SECRET_ROUTES,
        Route("/health/live", live),
        Route("/health/ready", ready),
        *VIEWER_ROUTES,
        *CONVERSATION_ROUTES,
        *REST_ROUTES,
        *WEB_ROUTES,
    ]
    doors = Starlette(
        middleware=[
            Middleware(Withholding),
            Middleware(Auditing, routes),
            *browser_layers(config.browsers, own_pages=demands.own_pages),
            Middleware(Bounds, config.limits, service.meters.refused),
            Middleware(
                Guard,
                authenticator,
                service.meters.refused,
                audience.invitations.read,
                described_to_all=demands.described_to_all,
            ),
            *_quotas(service),
        ],
        routes=routes,
        exception_handlers={
            DragomanError: _known_error,
            EngineError: _known_error,
            TimeoutError: _known_error,
            HTTPException: _routing_error,
            ClientDisconnect: _client_gone,
            Exception: _unknown_error,
        },
    )
    doors.state.service = service
    doors.state.readiness = Readiness(service)
    doors.state.files = FileDesk(service.ports, config.files.limits(config.limits.file_audio_s))
    doors.state.uploads = UploadMemory(config.files.held_bytes)
    doors.state.secrets = secrets
    doors.state.resuming = Resuming(config.resume.signer())
    doors.state.realtime_resuming = Resuming(config.resume.signer(REALTIME_RESUME))
    doors.state.audience = audience
    return doors


def _quotas(service: Service) -> list[Middleware]:
    """Clients are held to their shares where they are known."""
    if not service.config.auth.enabled:
        return []
    limiter = service.limiter or LocalLimiter(service.config.limits.client())
    return [Middleware(Quotas, Desk(limiter), service.meters.refused)]


def _authenticator(auth: AuthSettings, secrets: SecretSigner) -> Authenticator:
    if auth.enabled:
        return KeyAuthenticator(auth.source(), secrets)
    return OpenAuthenticator(secrets)


async def _known_error(request: Request, error: Exception) -> Response:
    known = as_known(error)
    _count(request, known)
    return JSONResponse(known.to_wire(), status_code=known.status, headers=known.headers)


async def _routing_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    if error.status_code == MethodNotAllowedError.status:
        allowed = (error.headers or {}).get("Allow", "")
        known: DragomanError = MethodNotAllowedError(
            f"{path} takes {allowed}, not {request.method}."
        )
    else:
        known = NotFoundError(f"There is nothing at {path}; speech goes to POST /v1/stream.")
    _count(request, known)
    return JSONResponse(known.to_wire(), status_code=known.status, headers=error.headers)


async def _client_gone(_: Request, __: Exception) -> Response:
    """Nobody reads it; the access log does not count it as a fault of the server."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _unknown_error(request: Request, error: Exception) -> Response:
    known = as_known(error)
    _count(request, known)
    return JSONResponse(known.to_wire(), status_code=known.status)


def _count(request: Request, error: DragomanError) -> None:
    note_refusal(error)
    service: Service = request.app.state.service
    service.meters.refused(error)
