"""Serve the application on the service's event loop (uvicorn), without taking its signals."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.config.options import WebOptions
from monitor.errors import MonitorError

_GRACE = 2  # seconds for answers under way when the server stops
_LIFE = 20.0  # seconds for a connection, whatever is said over it
_MOST_AT_ONCE = 50  # connections; beyond them the oldest is closed


class WebServer:
    """A running server; stop it."""

    def __init__(self, server: uvicorn.Server, task: "asyncio.Task[None]", port: int) -> None:
        self._server, self._task = server, task
        self.port = port

    async def stop(self) -> None:
        """Let answers under way end, and close the port."""
        self._server.should_exit = True
        await self._task


async def start_server(app: ASGIApp, options: WebOptions) -> WebServer:
    """Listen where the options say. Raises MonitorError when that cannot be."""
    listening = await asyncio.to_thread(_listen, options)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http=_Protocol,
        server_header=False,
        # Its end would come in the middle of a request that a proxy says over a connection it keeps.
        headers=[("Connection", "close")],
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    port: int = listening.getsockname()[1]
    task = asyncio.create_task(server.serve(sockets=[listening]), name="web")
    return WebServer(server, task, port)


def _listen(options: WebOptions) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_MOST_AT_ONCE)
    except OSError as error:
        place = f"{options.host}:{options.port}"
        raise MonitorError(f"[web] cannot listen at {place}: {error.strerror or error}") from error


class _Protocol(H11Protocol):
    """A connection that ends by itself: silent clients shall not take the service's files, nor keep others out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's has it
        super().connection_made(transport)
        self.end = self.loop.call_later(_LIFE, transport.abort)
        # One that is aborted is among them until the loop comes round.
        open_ones = [
            each
            for each in self.connections
            if isinstance(each, _Protocol) and not each.transport.is_closing()
        ]
        if len(open_ones) > _MOST_AT_ONCE:
            min(open_ones, key=_ends_at).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end.cancel()
        super().connection_lost(exc)


def _ends_at(connection: _Protocol) -> float:
    return connection.end.when()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service, which stops this server among the last."""
        yield
