"""Answer the pages for readers: /u/TOKEN shows what was chosen (GET), and changes it (POST, RFC 8058).

Who has a link needs no login, and gets no cookie. A token stands in the path alone; looking at a page changes nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.config.options import Config
from monitor.errors import MonitorError, StoreError
from monitor.jobs.choose import Decision, Wish, choose_by_token
from monitor.model.recipients import ChangedBy
from monitor.queries.reader import Reader, look_up
from monitor.store.database import Database
from monitor.texts import locale_named
from monitor.web.pages import choice_page, problem_page, style_sheet

_MOST = 65_536  # bytes of a form
# Bytes of a multipart form, which mail programs alone send, for one click. The service's event loop reads it.
_MOST_MULTIPART = 8_192
_MOST_FIELDS = 1000
_PATIENCE = 10.0  # seconds for the database to answer

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersDesk:
    """What the pages are answered from."""

    config: Callable[[], Config]  # in force
    answers: Callable[[], str]  # the address of who answers readers
    db: Database
    clock: Callable[[], datetime]


def reader_routes(desk: ReadersDesk) -> list[Route]:
    """Return the routes below /u/."""

    async def page(request: Request) -> Response:
        token = request.path_params["token"]
        try:
            async with asyncio.timeout(_PATIENCE):
                if request.method == "POST":
                    return await _post(request, token, desk)
                reader = await desk.db.read(look_up, token, desk.config())
        except (StoreError, TimeoutError):
            busy = problem_page("busy", _locale(request))
            return HTMLResponse(busy, status_code=503, headers={**_HEADERS, "Retry-After": "300"})
        return _shown(reader, request, desk)

    async def style(request: Request) -> Response:
        sheet = style_sheet()
        if request.path_params["name"] != sheet.name:
            raise HTTPException(404)
        return Response(sheet.content, media_type="text/css", headers=_FOR_EVER)

    return [
        Route("/u/static/{name}", style, methods=["GET"]),
        Route("/u/{token}", page, methods=["GET", "POST"]),
    ]


async def _post(request: Request, token: str, desk: ReadersDesk) -> Response:
    """Do what a form asks for, or the one click of a mail program: at once, and without a redirect."""
    reader = await desk.db.read(look_up, token, desk.config())
    if reader is None:
        return _shown(None, request, desk)
    content_type = request.headers.get("content-type", "")
    body = await _body(request, _MOST_MULTIPART if _is_multipart(content_type) else _MOST)
    fields = _fields(content_type, body)
    by = ChangedBy.RECIPIENT
    try:
        if "One-Click" in map(str.strip, _values(fields, "List-Unsubscribe")):
            decision, by = Decision(wish=Wish.UNSUBSCRIBE), ChangedBy.ONE_CLICK
        else:
            decision = _decision(fields, reader.rules)
    except (MonitorError, ValueError):  # which of the two bounds it was, the wish tells
        wish = next(iter(_values(fields, "wish")), "")
        problem = {Wish.PAUSE.value: "days", Wish.RULES.value: "rules"}.get(wish, "wish")
        return _shown(reader, request, desk, problem=problem)
    chosen = await choose_by_token(token, decision, by=by, db=desk.db, now=desk.clock())
    changed = await desk.db.read(look_up, token, desk.config()) if chosen else None
    return _shown(changed, request, desk, done=decision.wish.value)


def _decision(fields: Sequence[tuple[str, str]], rules: Collection[str]) -> Decision:
    """Return what a form of the page asks for, of the rules there are.

    Raises ValueError, or MonitorError, where that cannot be.
    """
    (wish,) = _values(fields, "wish")
    days = next(iter(_values(fields, "days")), "")
    return Decision(
        wish=Wish(wish),
        days=int(days) if days.isascii() and days.isdecimal() and len(days) <= 3 else 0,
        shown=tuple(name for name in _values(fields, "shown") if name in rules),
        wanted=_values(fields, "rule"),
    )


def _values(fields: Sequence[tuple[str, str]], name: str) -> tuple[str, ...]:
    return tuple(value for key, value in fields if key == name)


async def _body(request: Request, most: int) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413)
    return body


def _is_multipart(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/form-data")


def _fields(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, of either of the two types that RFC 8058 allows; none of what is no form."""
    if _is_multipart(content_type):
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
        # By the old policy: the others take seconds for a header that was made for that, or fail at it.
        parts = BytesParser().parsebytes(head + body).get_payload()
        return [_field(part) for part in parts if isinstance(part, Message)][:_MOST_FIELDS]
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def _field(part: Message) -> tuple[str, str]:
    name, value = part.get_param("name", "", "content-disposition"), part.get_payload(decode=True)
    return str(name), value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _shown(
    reader: Reader | None, request: Request, desk: ReadersDesk, *, done: str = "", problem: str = ""
) -> Response:
    if reader is None:
        unknown = problem_page("unknown", _locale(request))
        return HTMLResponse(unknown, status_code=404, headers=_HEADERS)
    page = choice_page(reader, answers=desk.answers(), now=desk.clock(), done=done, problem=problem)
    return HTMLResponse(page, status_code=400 if problem else 200, headers=_HEADERS)


def _locale(request: Request) -> str:
    """Return the language that a browser asks for first of those there are; where nothing is known of its list."""
    tags = (tag.partition(";")[0].strip() for tag in request.headers.get("accept-language", "").split(","))
    return next((locale for tag in tags if (locale := locale_named(tag))), "en")


class PublicHost:
    """Serve the pages alone where readers come in: by the host of public_url nothing else is answered.

    A path of public_url may or may not be cut off by the proxy that stands before this server.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._app, self._host, self._prefix = app, parts.hostname or "", parts.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path: str = scope["path"]
        if self._prefix and path.startswith(f"{self._prefix}/u/"):
            path = path.removeprefix(self._prefix)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        if not path.startswith("/u/") and _host(scope) == self._host:
            await Response("Not Found", status_code=404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    """Return the host that a request names, without its port."""
    named = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    try:
        return (urlsplit(f"//{named}").hostname or "").rstrip(".")
    except ValueError:
        return ""
