"""Measure what polling costs, in five scenarios: `python bench/poll.py [FEEDS]`, each of 25 entries, on loopback.

CPU is that of the command and of its parsers, the start included. A second of a machine says little: compare the rows
of one run, and runs of one machine.
"""

import asyncio
import multiprocessing
import resource
import subprocess
import sys
import time
from email.utils import format_datetime
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.demo.smtp_server import LoopbackSmtpServer
from tests.make import NOW

ENTRIES = 25
_TEXT = "<p>" + "一段不长的新闻文字，讲的是今天的事情。" * 20 + "</p>"
_TENTH = 10  # one feed of so many has new entries


def serve(ports: "Queue[Any]") -> None:
    """Serve /N, each a document of its own; GET /state/ROUND/HONEST sets the round, and whether 304 is answered."""
    state = {"round": 0, "honest": 1}

    def document(number: int) -> bytes:
        more = 2 * state["round"] if number % _TENTH == 0 else 0
        items = "".join(item(number, place) for place in range(ENTRIES + more, more, -1))
        return f'<rss version="2.0"><channel><title>{number}</title>{items}</channel></rss>'.encode()

    def item(number: int, place: int) -> str:
        link = f"https://site{number}.example/{place}"
        title = f"大模型的第{place}条新闻" if place > ENTRIES else f"第{place}条新闻"
        date = format_datetime(NOW, usegmt=True)
        text = f"<description><![CDATA[{_TEXT}]]></description>"
        rest = f"<guid>{link}</guid><pubDate>{date}</pubDate>{text}"
        return f"<item><title>{title}</title><link>{link}</link>{rest}</item>"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split()[1].decode().strip("/")
        if path.startswith("state/"):
            state["round"], state["honest"] = map(int, path.split("/")[1:])
            body, etag = b"", '"-"'
        else:
            number = int(path)
            etag = f'"{state["round"] if number % _TENTH == 0 else 0}"'
            known = f"If-None-Match: {etag}".lower() in request.decode().lower()
            body = b"" if known and state["honest"] else document(number)
        status = "200 OK" if body else "304 Not Modified"
        head = (
            f"HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Type: application/rss+xml\r\nConnection: close\r\n"
        )
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def config(feeds: int, port: int, smtp: LoopbackSmtpServer) -> str:
    """Return a config.toml with so many feeds of the server at a port."""
    tables = "".join(
        f'[[feeds]]\nname = "{number}"\nurl = "http://127.0.0.1:{port}/{number}"\nevery = "1s"\n'
        for number in range(feeds)
    )
    return (
        '[store]\nurl = "sqlite:///monitor.db"\n[fetch]\nallow_private = ["127.0.0.1"]\nmin_interval = "0s"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {smtp.port}\nsecurity = "starttls"\nca_file = "{smtp.ca_file}"\n'
        f'sender = "digest@example.org"\n{tables}[[rules]]\nname = "AI"\nany = ["AI", "大模型"]\n'
        '[[subscriptions]]\nname = "s"\nto = ["you@example.org"]\nevery = "0s"\n'
    )


def run(file: Path, *command: str) -> str:
    """Run a command over all feeds; return what it cost."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    program = [sys.executable, "-m", "monitor", "--config", str(file), *command]
    lines = subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    feeds = file.read_text("utf-8").count("[[feeds]]")
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / feeds * 1000
    summary = next((line for line in lines if " feeds: " in line), lines[-1] if lines else "")
    return f"{cpu:6.2f} ms of CPU a feed, {wall:5.1f} s, {after.ru_maxrss / 1024:.0f} MB at most; {summary}"


def main(feeds: int) -> None:
    """Play the scenarios, one after the other."""
    ports: Queue[Any] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    port = ports.get()
    with TemporaryDirectory() as name, LoopbackSmtpServer(Path(name)) as smtp:
        file = Path(name) / "config.toml"
        file.write_text(config(feeds, port, smtp), "utf-8")
        for scenario, round_, honest, command in (
            ("cold", 0, 1, ("poll", "--all")),
            ("304", 0, 1, ("poll", "--all")),
            ("same bytes", 0, 0, ("poll", "--all")),
            ("10 % with two new", 1, 1, ("poll", "--all")),
            ("the same, mailed", 2, 1, ("once",)),
        ):
            asyncio.run(_tell(port, f"state/{round_}/{honest}"))
            print(f"{scenario:18} {run(file, *command)}", flush=True)
    server.terminate()
    server.join()


async def _tell(port: int, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{path} HTTP/1.1\r\n\r\n".encode())
    await reader.read()
    writer.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
