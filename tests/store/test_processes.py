import os
import platform
import subprocess
import sys

import pytest

from monitor.store.processes import is_gone

HERE = platform.node()

pytestmark = pytest.mark.outside


def _ended() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.skipif(HERE in ("", "localhost"), reason="this machine has no name of its own")
def test_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    assert is_gone(HERE, _ended())


def test_a_process_that_runs_is_not_gone() -> None:
    assert not is_gone(HERE, os.getpid())
    assert not is_gone(HERE, 1), "though it is somebody else's"


def test_of_another_machine_nothing_is_known() -> None:
    assert not is_gone(f"not-{HERE}", _ended())
    assert not is_gone("localhost", _ended()), "any machine may be called so"


def test_what_is_no_number_of_a_process_is_not_gone() -> None:
    assert not is_gone(HERE, 2**70)
