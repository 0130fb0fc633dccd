"""Answer /healthz, /readyz and /metrics."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.queries.figures import Figures
from monitor.web.metrics import CONTENT_TYPE, as_metrics

_NOT_CACHED = {"Cache-Control": "no-store"}


def make_app(
    *,
    problems: Callable[[], Awaitable[list[str]]],
    is_ready: Callable[[], Awaitable[bool]],
    figures: Callable[[], Awaitable[Figures | None]],
) -> Starlette:
    """Return the application.

    `problems` names why no news gets to anybody ([]: it does), `is_ready` tells whether due work is done, `figures`
    returns what /metrics tells, None while it cannot be known.
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

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)],
    )
