"""Serve the application on the service's event loop (uvicorn), without taking its signals."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from monitor.config.options import WebOptions
from monitor.errors import MonitorError

_GRACE = 2  # seconds for answers under way when the server stops
_MOST_AT_ONCE = 50


class WebServer:
    """A running server; stop it."""

    def __init__(self, server: uvicorn.Server, task: "asyncio.Task[None]", port: int) -> None:
        self._server, self._task = server, task
        self.port = port

    async def stop(self) -> None:
        """Let answers under way end, and close the port."""
        self._server.should_exit = True
        await self._task


async def start_server(app: Starlette, options: WebOptions) -> WebServer:
    """Listen where the options say. Raises MonitorError when that cannot be."""
    listening = await asyncio.to_thread(_listen, options)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        server_header=False,
        limit_concurrency=_MOST_AT_ONCE,
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


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service, which stops this server among the last."""
        yield
