"""A whole installation on loopback: a feed server, a mail server, and a config.toml that counts in seconds."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from sqlalchemy import update

from monitor.demo.running import Running
from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.store.database import Connection, open_database
from monitor.store.tables import notices
from tests.command import run_command
from tests.forked import running_service
from tests.kept import make_file

CONFIG = """
[store]
url = "{store}"
[fetch]
min_interval = "1s"
backoff = "1s"
timeout = "5s"
allow_private = ["127.0.0.1"]
[outbox]
retry = ["1s"]
uncertain_after = "1s"
lease = "2s"
[smtp]
host = "127.0.0.1"
port = {port}
security = "starttls"
ca_file = "{ca_file}"
[[feeds]]
name = "示例"
url = "{url}"
every = "1s"
first_visit = "36500d"
[[rules]]
name = "人工智能"
any = ["AI", "大模型"]
[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
every = "0s"
"""


class FeedServer:
    """A web server with one feed; each request is answered with what `document()` returns."""

    def __init__(self, document: Callable[[], bytes]) -> None:
        self.document = document
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                body = server.document()
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/rss"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Site:
    """An installation: its folder, config.toml and servers, and the commands run on it."""

    def __init__(self, folder: Path, feed_server: FeedServer, smtp_server: LoopbackSmtpServer) -> None:
        self.folder, self.feed_server, self.smtp_server = folder, feed_server, smtp_server
        self.config = folder / "config.toml"
        self.write()
        make_file(folder / "monitor.db")

    def write(self, *changes: tuple[str, str], store: str = "sqlite:///monitor.db") -> str:
        """Write CONFIG to config.toml with each old text replaced by the new one; return the text."""
        text = CONFIG.format(
            store=store,
            port=self.smtp_server.port,
            ca_file=self.smtp_server.ca_file,
            url=self.feed_server.url,
        )
        for old, new in changes:
            assert old in text, f"{old} is not in the configuration"
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")
        return text

    def monitor(self, *arguments: str, code: int = 0) -> str:
        """Run a command and return its standard output; with another `code` expected, its standard error too."""
        result = run_command("--config", str(self.config), *arguments)
        assert result.code == code, f"exit {result.code}: {result.stdout}{result.stderr}"
        return result.stdout if code == 0 else result.stdout + result.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json and return its answer."""
        text = self.monitor(*arguments, "--json", code=code)
        return json.loads(text)

    def service(self) -> AbstractContextManager[Running]:
        """Run the service until the context is left."""
        return running_service(self.config)


def wait_for_event(service: Running, event: str, seconds: float = 20, **about: object) -> dict[str, Any]:
    """Return the next event of this name in the service's log whose values contain those of `about`."""
    events, end = [], time.monotonic() + seconds
    while (line := service.next_event(max(0.0, end - time.monotonic()))) is not None:
        events.append(line)
        if line["event"] == event and all(str(value) in str(line.get(key)) for key, value in about.items()):
            return line
    raise AssertionError(f"no {event} with {about} within {seconds} s, but: {events}")


def let_troubles_stand(store_url: str) -> None:
    """Let the troubles that a service on this database records next have stood for two minutes already."""

    def stand(tx: Connection) -> int:
        two_minutes_ago = datetime.now(UTC) - timedelta(minutes=2)
        return tx.execute(update(notices).values(changed_at=two_minutes_ago)).rowcount

    async def wait() -> None:
        db = open_database(store_url)
        async with asyncio.timeout(20):
            while not await db.write(stand):
                await asyncio.sleep(0.05)  # the service records it at its next tick
        await db.close()

    asyncio.run(wait())


@contextmanager
def open_site(folder: Path, document: Callable[[], bytes], **smtp_options: Any) -> Iterator[Site]:
    """Start the servers of an installation and stop them at the end; `smtp_options` goes to the mail server."""
    with FeedServer(document) as feed_server, LoopbackSmtpServer(folder, **smtp_options) as smtp_server:
        yield Site(folder, feed_server, smtp_server)
