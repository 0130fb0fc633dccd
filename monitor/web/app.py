"""Answer /healthz, /readyz and /metrics; and, by the public address, the pages for readers."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from monitor.queries.figures import Figures
from monitor.web.metrics import CONTENT_TYPE, as_metrics
from monitor.web.readers import PublicHost, ReadersDesk, reader_routes

_NOT_CACHED = {"Cache-Control": "no-store"}


def make_app(
    *,
    problems: Callable[[], Awaitable[list[str]]],
    is_ready: Callable[[], Awaitable[bool]],
    figures: Callable[[], Awaitable[Figures | None]],
    public_url: str = "",
    readers: ReadersDesk | None = None,
) -> ASGIApp:
    """Return the application.

    `problems` names why no news gets to anybody ([]: it does), `is_ready` tells whether due work is done, `figures`
    returns what /metrics tells, None while it cannot be known. Without `public_url` there are no pages for readers.
    """

    async def healthz(_: Request) -> Response:
        found = await problems()
        values = {"ok": not found, "problems": found}
        return JSONResponse(values, status_code=503 if found else 200, headers=_NOT_CACHED)

    async def readyz(_: Request) -> Response:
        ready = await is_ready()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503, headers=_NOT_CACHED)

    async def metrics(_: Request) -> Response:
        found = await figures()
        if found is None:
            return PlainTextResponse("the database does not answer\n", status_code=503, headers=_NOT_CACHED)
        return Response(as_metrics(found), media_type=CONTENT_TYPE, headers=_NOT_CACHED)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    if public_url and readers:
        routes += reader_routes(readers)
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # it would send whoever asks for //example.org/ there
    return PublicHost(app, public_url) if public_url else app
