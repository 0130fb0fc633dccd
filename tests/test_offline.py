"""A test reaches nothing but this machine, and neither does what it starts."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import run_command

pytestmark = pytest.mark.outside


def test_no_name_is_looked_up_and_no_connection_leaves() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.org", 443)
    for address in ("192.0.2.1", "2001:db8::1"):
        with pytest.raises(OSError, match="unreachable"):
            socket.create_connection((address, 9), timeout=5)
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(OSError, match="unreachable"):
        sender.sendto(b"x", ("192.0.2.1", 53))


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_a_process_of_a_test_leaves_no_more_than_the_test() -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=5)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in ended.stderr


def test_the_shipped_feeds_are_not_asked(tmp_path: Path) -> None:
    assert run_command("init", "--yes", folder=tmp_path).code == 0
    answer = run_command("poll", "--all", folder=tmp_path)
    assert answer.code == 1
    assert "is not known to the resolver" in answer.stderr
