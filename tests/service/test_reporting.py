"""The service tells programs how it does: health checks, figures, a heartbeat."""

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.service.reporting import failing_address
from tests import make
from tests.site import Site, open_site, wait_for_event

pytestmark = pytest.mark.outside


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss("AI新规", "天气转凉")) as site:
        yield site


def with_web(site: Site) -> str:
    """Enable the server in config.toml at a free port; return its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    site.write(("[[feeds]]", f"[web]\nenabled = true\nport = {port}\n[[feeds]]"))
    return f"http://127.0.0.1:{port}"


def get(address: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    try:
        with urllib.request.urlopen(address, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_service_answers_what_it_has_done(site: Site) -> None:
    address = with_web(site)
    with site.service() as service:
        wait_for_event(service, "web-started")
        assert get(f"{address}/healthz") == (200, '{"ok":true,"problems":[]}')
        assert get(f"{address}/readyz")[0] == 200
        wait_for_event(service, "delivered")
        figures = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(get(f"{address}/metrics")[1])
            for sample in family.samples
        }
    assert figures[("monitor_entries_total",)] == 2
    assert figures[("monitor_matches_total",)] == 1
    assert figures[("monitor_mails_total", "sent")] == 1
    assert figures[("monitor_feeds", "ok")] == 1


def test_an_edit_starts_and_stops_the_server(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "started")
        address = with_web(site)
        wait_for_event(service, "web-started")
        assert get(f"{address}/healthz")[0] == 200
        site.write()
        wait_for_event(service, "config-changed", change="[web] enabled")
        wait_for_event(service, "web-stopped")
        with pytest.raises(urllib.error.URLError):
            get(f"{address}/healthz")


def test_a_port_that_is_taken_is_told_and_the_service_goes_on(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site.write(("[[feeds]]", f"[web]\nenabled = true\nport = {port}\n[[feeds]]"))
        with site.service() as service:
            wait_for_event(service, "web-failed", error=f"127.0.0.1:{port}")
            wait_for_event(service, "delivered")
            taken.close()
            wait_for_event(service, "web-started")


def test_health_is_red_when_every_feed_fails(site: Site) -> None:
    address = with_web(site)
    with site.service() as service:
        wait_for_event(service, "web-started")
        site.feed_server.document = lambda: b"<html>nothing here</html>"
        wait_for_event(service, "poll-failed")
        requests = site.feed_server.requests
        while (answer := get(f"{address}/healthz"))[0] == 200:
            assert site.feed_server.requests < requests + 5, "the feed failed five times, and health is green"
    status, text = answer
    assert (status, json.loads(text)["problems"]) == (503, ["each of the 1 feeds failed at its last visit"])


@pytest.fixture
def heartbeats() -> Iterator[tuple[str, "Queue[str]"]]:
    """Listen for heartbeats; yield the address, and the paths that were asked for."""
    asked: Queue[str] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.put(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/ping/secret-uuid", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_heartbeat_is_sent_while_all_is_well_and_another_when_it_is_not(
    site: Site, heartbeats: tuple[str, "Queue[str]"]
) -> None:
    address, asked = heartbeats
    site.write(("[[feeds]]", f'[operator]\nheartbeat = "{address}"\n[[feeds]]'))
    with site.service() as service:
        assert asked.get(timeout=20) == "/ping/secret-uuid"
        site.feed_server.document = lambda: b"<html>nothing here</html>"
        wait_for_event(service, "poll-failed")
        assert asked.get(timeout=20) == "/ping/secret-uuid/fail"
        site.feed_server.document = lambda: make.rss("AI新规")
        assert asked.get(timeout=20) == "/ping/secret-uuid"
    assert "secret-uuid" not in site.monitor("config")


def test_a_heartbeat_that_cannot_be_sent_is_told_without_its_path(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    site.write(("[[feeds]]", f'[operator]\nheartbeat = "http://127.0.0.1:{port}/secret-uuid"\n[[feeds]]'))
    with site.service() as service:
        event = wait_for_event(service, "heartbeat-failed")
    assert "secret-uuid" not in str(event)
    assert event["host"] == "127.0.0.1"


def test_where_a_heartbeat_tells_of_trouble() -> None:
    assert failing_address("https://hc-ping.com/uuid") == "https://hc-ping.com/uuid/fail"
    assert failing_address("https://example.org/api/push/key?status=up&msg=OK") == (
        "https://example.org/api/push/key?status=down&msg=OK"
    )


def test_the_server_takes_no_signals(site: Site) -> None:
    with_web(site)
    with site.service() as service:
        wait_for_event(service, "web-started")
        service.send_signal(signal.SIGTERM)
        wait_for_event(service, "stopped")
