"""The Python client and the `dragoman` command.

    from serve_app.client import Client

    for event in Client().translate("talk.mp3", targets=("de",)):
        ...

Sessions survive lost connections; see docs/client.md.
"""

from serve_app.client.api import AsyncClient
from serve_app.client.blocking import Client, Session
from serve_app.client.errors import ClientError
from serve_app.client.live import AsyncSession
from serve_app.client.notices import Reconnected, Reconnecting
from serve_app.client.options import StreamOptions
from serve_app.client.retries import RetryPolicy

__all__ = [
    "AsyncClient",
    "AsyncSession",
    "Client",
    "ClientError",
    "Reconnected",
    "Reconnecting",
    "RetryPolicy",
    "Session",
    "StreamOptions",
]
