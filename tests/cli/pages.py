"""A web server on loopback with a page or feed at each path, for commands that visit what they are given."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FEED, PAGE = "application/rss+xml; charset=utf-8", "text/html; charset=utf-8"


def page(*links: str) -> bytes:
    """A home page that links to these feeds."""
    tags = (f'<link rel="alternate" type="application/rss+xml" href="{link}">' for link in links)
    return f"<!doctype html><html><head><title>首页</title>{''.join(tags)}</head></html>".encode()


@contextmanager
def web(documents: Mapping[str, bytes | str]) -> Iterator[str]:
    """Serve what stands at each path, a text being where it has moved for good; yield the server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.get(self.path)
            self.send_response(404 if found is None else 301 if isinstance(found, str) else 200)
            body = found if isinstance(found, bytes) else b""
            if isinstance(found, str):
                self.send_header("Location", found)
            self.send_header("Content-Type", PAGE if b"<html" in body else FEED)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
