import subprocess
import sys

_PROGRAM = """
from pathlib import Path
from monitor.malloc import give_memory_back
from monitor.rules.script import forget_dictionaries, learn_vocabulary, vocabulary

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

learn_vocabulary(["人工智能"])
before = resident()
forget_dictionaries()
give_memory_back()
print(before - resident(), *vocabulary("视频"))
"""


def test_the_dictionaries_that_compile_the_rules_are_given_back_and_read_again() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    given_back, *words = ran.stdout.split()
    assert int(given_back) > 20_000_000
    assert "影片" in words
