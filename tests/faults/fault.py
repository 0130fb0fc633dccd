"""Declare what a fault is: what its server answers, and what the service has to make of it."""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from tests.faults.server import Visit

EVERY = 5.0  # seconds between two polls of a feed
BACKOFF = 1.0  # seconds after the first failure, then twice this
MAX_BACKOFF = 16.0
TIMEOUT = 3.0
MAX_BYTES = 4_000_000

Respond = Callable[["Visit"], Awaitable[None]]
Document = Callable[["Visit"], str | bytes]
Check = Callable[["Played"], Iterator[str]]  # yields what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One trouble, and what is expected. Entries are numbered; their titles hold `Visit.token` of the number."""

    kind: str
    name: str
    respond: Respond
    delivers: frozenset[int] = frozenset({1})  # the entries that have to be mailed, each once
    may_deliver: frozenset[int] = frozenset()  # and those that may be
    fails: bool | None = False  # whether polls fail: never, at least once, or as it likes
    always_fails: bool = False  # so that the pauses have to grow
    shows: tuple[str, ...] = ()  # what has to be read in a mail
    every: float = EVERY
    first_visit: str = "36500d"
    tls: str = ""  # the kind of certificate, see server.py; "" is plain HTTP
    path: str = "/feed"
    is_conditional: bool = True  # the validators of its good answers are those of its url, and are judged
    is_whole: bool = True  # else its documents are cut, and their validators must not be kept
    pauses: bool = True  # whether the gaps between its requests are judged
    host: str = ""  # feeds that share a name here share a server
    is_quick: bool = False  # part of the short form
    check: Check = lambda _played: iter(())


@dataclass(slots=True)
class Record:
    """One request, and what it was answered."""

    at: float  # monotonic seconds
    line: str
    headers: list[tuple[str, str]]  # names as they came
    status: int = 0  # 0: no HTTP answer that can be read
    is_good: bool = False  # the service has to accept it: its validators count
    etag: str = ""
    last_modified: str = ""
    pause: float = 0.0  # seconds that the server asks for
    ended_at: float = 0.0

    @property
    def path(self) -> str:
        return [*self.line.split(" "), "", ""][1]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Played:
    """What a fault's server saw, and what the service logged about its feed."""

    fault: Fault
    records: list[Record] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    most_open: int = 0
    mails: int = 0  # that hold an entry of it


FAULTS: list[Fault] = []


def numbers(*given: int) -> frozenset[int]:
    return frozenset(given)


def fault(kind: str, name: str, **expected: object) -> Callable[[Respond], Respond]:
    """Declare a fault by what its server does with a request: `@fault("transport", "hangs up", always_fails=True)`."""

    def declare(respond: Respond) -> Respond:
        add(kind, name, respond, **expected)
        return respond

    return declare


def document(kind: str, name: str, **expected: object) -> Callable[[Document], Document]:
    """Declare a fault by its document, which is served with an ETag, and not again while it is the same."""
    content_type = str(expected.pop("content_type", "application/rss+xml"))

    def declare(make: Document) -> Document:
        async def respond(visit: "Visit") -> None:
            await visit.feed(make(visit), content_type=content_type)

        add(kind, name, respond, **expected)
        return make

    return declare


def add(kind: str, name: str, respond: Respond, **expected: object) -> None:
    if expected.get("always_fails"):
        expected = {"fails": True, "delivers": frozenset(), "is_conditional": False, **expected}
    assert inspect.iscoroutinefunction(respond), name
    FAULTS.append(Fault(kind=kind, name=name, respond=respond, **expected))  # type: ignore[arg-type]


def rss(*items: str, channel: str = "", head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    channel = channel or "<title>Example</title><link>https://example.org/</link>"
    return f'{head}<rss version="2.0"><channel>{channel}{"".join(items)}</channel></rss>'


def item(
    title: str, *, link: str = "", guid: str = "", more: str = "", date: str = "Tue, 24 Nov 2026 08:00:00 GMT"
) -> str:
    parts: Sequence[tuple[str, str]] = [("title", title), ("link", link), ("guid", guid), ("pubDate", date)]
    return f"<item>{''.join(f'<{tag}>{escape(text)}</{tag}>' for tag, text in parts if text)}{more}</item>"
