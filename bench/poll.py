"""Measure `monitor poll --all` over 1,000 feeds on loopback: first all new, then all unchanged."""

import asyncio
import multiprocessing
import resource
import subprocess
import sys
import time
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests import make

FEEDS = 1000
DOCUMENT = make.rss(*(f"第{number}条新闻，{'一些字' * 20}" for number in range(20)))


def serve(ports: "Queue[int]") -> None:
    """Answer every request with the document, or with 304 when it is known."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b"if-none-match" in request.lower():
            writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nConnection: close\r\n\r\n')
        else:
            head = (
                'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: application/rss+xml\r\nConnection: close\r\n'
            )
            writer.write(f"{head}Content-Length: {len(DOCUMENT)}\r\n\r\n".encode() + DOCUMENT)
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def config(port: int) -> str:
    feeds = "".join(
        f'[[feeds]]\nname = "{number}"\nurl = "http://127.0.0.1:{port}/{number}"\n' for number in range(FEEDS)
    )
    return (
        '[store]\nurl = "sqlite:///monitor.db"\n[fetch]\nallow_private = ["127.0.0.1"]\n'
        f'{feeds}[[rules]]\nname = "AI"\nany = ["AI", "大模型"]\n'
        '[[subscriptions]]\nname = "s"\nto = ["you@example.org"]\nat = ["08:00"]\n'
    )


def poll(file: Path) -> str:
    """Poll all feeds once; return the command's summary, its time and its memory."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "monitor", "--config", str(file), "poll", "--all"]
    summary = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{summary} {wall:.1f} s, {cpu / FEEDS * 1000:.2f} ms CPU a feed, {after.ru_maxrss / 1024:.0f} MB at most"


if __name__ == "__main__":
    ports: "Queue[int]" = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(config(ports.get()), "utf-8")
        for state in ("all new", "unchanged", "unchanged"):
            print(f"{state:9}: {poll(file)}")
    server.terminate()
    server.join()
