"""A web server on this machine that serves one feed, and lets it bring news at the second visit."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve_feed(documents: Sequence[bytes]) -> Iterator[str]:
    """The feed's URL, while it is served: the first document once, then the second, and so on; the last stays.

    An unchanged document is answered with 304, as the real server does.
    """
    waiting = list(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            unchanged = self.headers.get("If-None-Match") == etag
            self.send_response(304 if unchanged else 200)
            self.send_header("ETag", etag)
            if not unchanged:
                self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The demo tells what happens; the server does not."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/rss/"
        finally:
            server.shutdown()
            thread.join()
