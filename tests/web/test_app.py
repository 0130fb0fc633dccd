"""Health checks and figures, as programs ask for them over HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.config.options import WebOptions
from monitor.errors import MonitorError
from monitor.queries.figures import Figures
from monitor.web.app import make_app
from monitor.web.server import start_server

FIGURES = Figures(
    outbox={"waiting": 2, "sent": 40},
    oldest_waiting=timedelta(minutes=3),
    feeds={"ok": 3, "failing": 1},
    polls={"polled": 7, "unchanged": 5, "failed": 1},
    mails={"sent": 4},
    reloads={"changed": 1},
    entries=12,
    matches=3,
    digests=2,
    parsers={"idle": 1, "busy": 0},
)
pytestmark = pytest.mark.outside


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def served(*problems: str, ready: bool = True) -> AsyncIterator[str]:
    """Serve the application with these answers; yield its address."""

    async def found() -> list[str]:
        return list(problems)

    async def is_ready() -> bool:
        return ready

    async def figures() -> Figures:
        return FIGURES

    app = make_app(problems=found, is_ready=is_ready, figures=figures)
    server = await start_server(app, WebOptions(enabled=True, port=free_port()))
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


async def get(address: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        return response.status, await response.text()


async def test_all_is_well() -> None:
    async with served() as address:
        status, text = await get(f"{address}/healthz")
    assert (status, json.loads(text)) == (200, {"ok": True, "problems": []})


async def test_what_is_wrong_is_named_with_a_status_that_says_so() -> None:
    async with served("the database does not answer") as address:
        status, text = await get(f"{address}/healthz")
    assert (status, json.loads(text)) == (503, {"ok": False, "problems": ["the database does not answer"]})


@pytest.mark.parametrize(("ready", "expected"), [(True, 200), (False, 503)])
async def test_whether_the_work_is_done(ready: bool, expected: int) -> None:
    async with served(ready=ready) as address:
        assert (await get(f"{address}/readyz"))[0] == expected


async def test_prometheus_reads_the_figures() -> None:
    async with served() as address:
        _, text = await get(f"{address}/metrics")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    expected = {
        ("monitor_polls_total", "unchanged"): 5,
        ("monitor_entries_total",): 12,
        ("monitor_matches_total",): 3,
        ("monitor_digests_total",): 2,
        ("monitor_mails_total", "sent"): 4,
        ("monitor_reloads_total", "changed"): 1,
        ("monitor_outbox_mails", "waiting"): 2,
        ("monitor_outbox_oldest_waiting_seconds",): 180,
        ("monitor_feeds", "failing"): 1,
        ("monitor_parsers", "idle"): 1,
    }
    assert {name: samples.get(name) for name in expected} == expected
    assert samples[("process_resident_memory_bytes",)] > 0


def connections(port: int, number: int) -> list[socket.socket]:
    """Return so many connections over which nothing is said."""
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]


async def test_silent_connections_keep_nobody_out() -> None:
    async with served() as address:
        port = int(address.rpartition(":")[2])
        silent = await asyncio.to_thread(connections, port, 120)
        try:
            assert (await get(f"{address}/healthz"))[0] == 200
            first = silent[0]
            first.settimeout(5)
            with suppress(ConnectionResetError):
                assert await asyncio.to_thread(first.recv, 1) == b""
        finally:
            for each in silent:
                each.close()


async def test_a_connection_carries_one_request() -> None:
    """For it ends after a time, and that shall not be in the middle of what a proxy says over it again and again."""
    async with (
        served() as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/healthz") as response,
    ):
        assert response.headers["Connection"] == "close"


async def test_figures_that_cannot_be_had_are_no_mistake_of_the_server() -> None:
    async def unknown() -> Figures | None:
        return None

    async def unused() -> bool:
        return True

    async def nothing() -> list[str]:
        return []

    app = make_app(problems=nothing, is_ready=unused, figures=unknown)
    server = await start_server(app, WebOptions(enabled=True, port=free_port()))
    assert await get(f"http://127.0.0.1:{server.port}/metrics") == (503, "the database does not answer\n")
    await server.stop()


async def test_there_is_nothing_else() -> None:
    async with served() as address:
        assert (await get(f"{address}/"))[0] == 404


async def test_a_port_that_is_taken_is_named() -> None:
    async with served() as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(
            MonitorError, match=rf"\[web\] cannot listen at 127.0.0.1:{port}: Address already in use"
        ):
            await start_server(make_app(problems=None, is_ready=None, figures=None), WebOptions(port=port))  # type: ignore[arg-type]


async def test_a_stopped_server_leaves_its_port_and_an_answer_under_way_ends() -> None:
    begun = asyncio.Event()

    async def slow() -> list[str]:
        begun.set()
        await asyncio.sleep(0)
        return []

    async def unused() -> bool:
        return True

    async def figures() -> Figures:
        return FIGURES

    options = WebOptions(enabled=True, port=free_port())
    server = await start_server(make_app(problems=slow, is_ready=unused, figures=figures), options)
    asking = asyncio.create_task(get(f"http://127.0.0.1:{server.port}/healthz"))
    await begun.wait()
    await server.stop()
    assert (await asking)[0] == 200
    with socket.create_server(("127.0.0.1", options.port)):
        pass
