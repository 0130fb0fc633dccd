"""The memory of a process of its own: that of the tests has been used by others."""

import subprocess
import sys

_PROGRAM = """
import sys, threading
from pathlib import Path
from monitor.malloc import hold_little_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def work():
    for _ in range(20):
        large = [bytes(b"x" * 3_000_000) for _ in range(10)]
        small = [bytes(number) for number in range(1000, 2000)]
        kept.append(small[-1])

if sys.argv[1] == "set":
    hold_little_memory()
kept = []
before = resident()
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resident() - before)
"""


def _grown(how: str) -> int:
    """Return by how many bytes a process has grown that has freed all but a few kB of what it used."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, how], check=True, capture_output=True, text=True)
    return int(ran.stdout)


def test_large_blocks_go_back_as_soon_as_they_are_free() -> None:
    assert _grown("set") < 10_000_000 < _grown("unset")
