"""What systemd is told on its socket, and that a service which is stuck gives no sign of life."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path

import pytest

from monitor.config.options import Config, Subscription
from monitor.loaded import load_complete
from monitor.service.clock import Clocks
from monitor.service.service import Service
from monitor.service.status_line import status_line
from monitor.service.systemd import ServiceManager, service_manager
from monitor.service.timekeeping import Timekeeping
from monitor.store.database import Database, open_database
from monitor.texts import in_language
from tests import make
from tests.site import Site, open_site, wait_for_event


class Listener:
    """The socket on which systemd listens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def next(self, seconds: float = 20) -> str:
        """Return what is said next. Raises TimeoutError."""
        self._socket.settimeout(seconds)
        return self._socket.recv(4096).decode()

    def wait(self, beginning: str, seconds: float = 20) -> str:
        """Return the next message that begins so. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not (said := self.next(max(0.01, end - time.monotonic()))).startswith(beginning):
            pass
        return said

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(str(tmp_path / "notify"))
    yield listener
    listener.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        yield site


def test_a_socket_with_a_path_is_spoken_to(listener: Listener) -> None:
    ServiceManager(address=listener.address).tell(READY="1", STATUS="one\nline")
    assert listener.next() == "READY=1\nSTATUS=one line"


def test_an_abstract_socket_is_spoken_to(tmp_path: Path) -> None:
    listener = Listener(f"@monitor-test-{os.getpid()}")
    ServiceManager(address=listener.address).tell(STOPPING="1")
    assert listener.next() == "STOPPING=1"
    listener.close()


def test_a_socket_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    ServiceManager(address=str(tmp_path / "gone")).tell(READY="1")
    ServiceManager().tell(READY="1")


def test_child_processes_do_not_inherit_who_is_told() -> None:
    environ = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    assert service_manager(environ) == ServiceManager(address="@x", watchdog=3.0)
    assert environ == {"A": "b"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_what_is_meant_for_nobody_or_another_process_is_left_alone(environ: dict[str, str]) -> None:
    assert service_manager(environ) == ServiceManager()


def test_systemd_is_told_when_the_service_starts_reloads_and_stops(
    site: Site, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.address)
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    with site.service() as service:
        wait_for_event(service, "started")
        assert listener.wait("STATUS=").startswith("STATUS=Feeds: 1. Mails waiting: ")
        listener.wait("READY=1")
        assert listener.wait("WATCHDOG=1", 5)
        before = time.monotonic_ns() // 1000
        service.send_signal(signal.SIGHUP)
        reloading = listener.wait("RELOADING=1")
        assert before <= int(reloading.partition("MONOTONIC_USEC=")[2]) <= time.monotonic_ns() // 1000
        listener.wait("READY=1")
        site.write(('"大模型"', '"大模型", "雨"'))
        listener.wait("RELOADING=1")
        listener.wait("READY=1")
        service.send_signal(signal.SIGTERM)
        listener.wait("STOPPING=1")
        assert service.ended() == 0


def test_a_stuck_writer_lets_the_watchdog_fire(site: Site, listener: Listener) -> None:
    released, stuck = threading.Event(), threading.Event()

    def hold(_tx: object) -> None:
        stuck.set()
        released.wait(30)

    async def serve_until_stuck() -> None:
        db = open_database(f"sqlite:///{site.folder}/monitor.db")
        manager = ServiceManager(address=listener.address, watchdog=0.6)
        time_ = Timekeeping(await Clocks.of(db), db)
        service = asyncio.create_task(Service(load_complete(site.config), db, time_, manager).serve())
        await asyncio.to_thread(listener.wait, "WATCHDOG=1")
        held = asyncio.create_task(db.write(hold))
        await asyncio.to_thread(stuck.wait, 10)
        with pytest.raises(TimeoutError):  # noqa: PT012 - one of those that were due before it was stuck
            while True:
                await asyncio.to_thread(listener.wait, "WATCHDOG=1", 2)
        released.set()
        await held
        assert await asyncio.to_thread(listener.wait, "WATCHDOG=1"), "it works again"
        os.kill(os.getpid(), signal.SIGTERM)
        await service
        await db.close()

    asyncio.run(serve_until_stuck())


async def test_the_status_line_names_the_next_digest_in_its_own_zone(db: Database) -> None:
    daily = Subscription(name="AI 日报", to=("you@example.org",), at=(clock_time(8),))
    now = datetime(2026, 11, 28, 23, 0, tzinfo=UTC)
    line = await status_line(Config(subscriptions=(daily,)), db, now=now, is_refused=False)
    assert line == "Feeds: 0. Mails waiting: 0. Next digest: AI 日报, 2026-11-29 08:00 (Asia/Shanghai)."
    refused = await status_line(Config(), db, now=now, is_refused=True)
    assert refused.startswith("config.toml is refused")
    assert refused.endswith("Digests go out whenever there is news.")
    assert in_language(line, "zh-Hans").endswith("下一期摘要：AI 日报，2026-11-29 08:00（Asia/Shanghai）。")
