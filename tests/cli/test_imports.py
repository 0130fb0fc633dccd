"""A command loads what it uses: each package a command may import, others cost its user the start."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.assets import DEFAULT_CONFIG
from tests.command import unmeasured_environ
from tests.test_house import OWNERS, STORE_ONLY

# Everything that takes long to load.
HEAVY = {*OWNERS, *STORE_ONLY, "asyncio", "rich", "lxml", "babel", "ahocorasick_rs", "css_inline", "pydantic"}
RULES = {"regex", "opencc", "ahocorasick_rs"}
DATABASE = {"sqlalchemy", "sqlite3", "asyncio"}


@pytest.mark.parametrize(
    ("command", "may_load"),
    [
        ("--help", {"rich"}),
        ("--version", set()),
        ("init", set()),
        ("config", {"tomlkit"}),
        ("config --json", set()),
        ("check", RULES),
        ("check --json", RULES),
        ("rules lint", RULES),
        ("match -", RULES),
        ("status", {"rich"} | DATABASE),
        ("status --json", DATABASE),
        ("outbox", {"rich"} | DATABASE),
        ("rules history", {"rich"} | DATABASE | RULES),
        ("rules explain 1", DATABASE | RULES),
        ("rules diff", DATABASE | RULES),
    ],
)
def test_a_command_loads_what_it_uses(tmp_path: Path, command: str, may_load: set[str]) -> None:
    if command != "init":
        (tmp_path / "config.toml").write_bytes(DEFAULT_CONFIG.read_bytes())
    code = (
        "import sys\nfrom monitor.cli import execute\n"
        f"execute({command.split()!r})\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=unmeasured_environ(),  # measuring coverage loads sqlite3
        check=True,
        capture_output=True,
        text=True,
        input="",
    )
    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded & HEAVY - {"typer"} <= may_load
