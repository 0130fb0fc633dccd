"""Publish numbered entries in two feeds, a few at a time in one and several hundred at once in the other."""

import hashlib
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("AI", "芯片", "机器人")  # each title has one; a rule for each
_TITLE = re.compile(rf"(?:{'|'.join(WORDS)}) 第(\d+)条")
_LINK = re.compile(r"https://news\.example\.org/(\d+)/")
_SHOWN = {"/few": 120, "/many": 900}  # entries a feed shows, the newest first
_HOSTS = {"/few": "127.0.0.1", "/many": "127.0.0.2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One entry of the stream."""

    number: int
    at: float  # monotonic seconds
    path: str  # the feed it stands in
    item: str  # as RSS

    @property
    def link(self) -> str:
        return f"https://news.example.org/{self.number}/"


class Stream:
    """Two feeds on loopback, each on a host of its own. `/few` brings an entry each `interval` seconds until `end`."""

    def __init__(self, interval: float) -> None:
        self.entries: list[Published] = []
        self._interval, self._next = interval, 0.0
        self._bodies: dict[str, bytes] = {}
        self._servers: dict[str, _Listener] = {path: _Listener(self, host) for path, host in _HOSTS.items()}

    @property
    def urls(self) -> dict[str, str]:
        return {path: f"http://{_HOSTS[path]}:{server.port}{path}" for path, server in self._servers.items()}

    def open(self) -> None:
        """Answer requests, on the same ports as before."""
        for server in self._servers.values():
            server.open()

    def close(self) -> None:
        """Let connections be refused."""
        for server in self._servers.values():
            server.close()

    def tend(self, now: float) -> None:
        """Publish the entries of `/few` that are due."""
        if not self._next:
            self._next = now
        while self._next <= now:
            self.publish(1, "/few")
            self._next += self._interval

    def publish(self, count: int, path: str) -> None:
        """Publish this many entries at once."""
        for number in range(len(self.entries) + 1, len(self.entries) + 1 + count):
            self.entries.append(
                Published(number=number, at=time.monotonic(), path=path, item=_item(number, formatdate()))
            )
        shown = [entry.item for entry in self.entries if entry.path == path][-_SHOWN[path] :]
        self._bodies[path] = _document(shown)

    def body(self, path: str) -> bytes:
        """Return the document of a feed."""
        return self._bodies.get(path) or _document([])


def numbers_in(raw: bytes) -> frozenset[int]:
    """Return the numbers of the entries whose title and link both stand in a part of this mail."""
    message = message_from_bytes(raw, policy=policy.default)
    texts = [part.get_content() for kind in ("plain", "html") if (part := message.get_body((kind,)))]
    shown = (set(_TITLE.findall(text)) & set(_LINK.findall(text)) for text in texts)
    return frozenset(int(number) for numbers in shown for number in numbers)


class _Listener:
    """A web server whose port stays its own while it is closed."""

    def __init__(self, stream: Stream, host: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = stream.body(self.path)
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                is_known = self.headers.get("If-None-Match") == etag
                self.send_response(304 if is_known else 200)
                self.send_header("ETag", etag)
                self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
                self.send_header("Content-Length", "0" if is_known else str(len(body)))
                self.end_headers()
                if not is_known:
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._address, self._handler = (host, 0), Handler
        self._server: _HttpServer | None = None
        self.open()
        self.port = self._address[1]

    def open(self) -> None:
        if self._server is None:
            self._server = _HttpServer(self._address, self._handler)
            self._address = (self._address[0], self._server.server_address[1])
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, address: Any) -> None:
        """Say nothing of clients that were killed while they were answered."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, address)


def _item(number: int, published: str) -> str:
    word = WORDS[number % len(WORDS)]
    link = f"https://news.example.org/{number}/"
    return (
        f"<item><title>{word} 第{number}条</title><link>{link}</link><guid>{link}</guid><pubDate>{published}</pubDate>"
        f"<description>这是第{number}条的摘要，写得和平常的摘要一样长，好让邮件有平常的大小。</description></item>"
    )


def _document(items: Sequence[str]) -> bytes:
    head = "<title>示例</title><link>https://news.example.org/</link><description>示例</description>"
    body = "".join(reversed(items))
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{body}</channel></rss>'.encode()
