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
POLLS = DATABASE | RULES | {"aiohttp", "lxml", "nh3", "webencodings", "brotli"}
# A private address: the feed is refused before anybody is asked.
_POLLS_NOTHING = """
[store]
url = "sqlite:///monitor.db"
[[feeds]]
name = "a"
url = "http://127.0.0.1:9/"
[[rules]]
name = "AI"
any = ["AI"]
[[subscriptions]]
name = "s"
to = ["you@example.org"]
"""


@pytest.mark.parametrize(
    ("command", "may_load"),
    [
        ("--help", {"rich"}),
        ("--version", set()),
        ("init", RULES),
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
    code = f"from monitor.cli import execute\nexecute({command.split()!r})"
    assert _loaded_by(code, tmp_path) & HEAVY - {"typer"} <= may_load


@pytest.mark.parametrize(
    ("command", "may_load"),
    [
        ("poll --all", POLLS | {"rich"}),
        ("poll --json", POLLS),
        ("deliver --json", POLLS),
        ("once --json", POLLS),
    ],
)
def test_due_work_loads_templates_and_mail_only_for_a_mail(
    tmp_path: Path, command: str, may_load: set[str]
) -> None:
    (tmp_path / "config.toml").write_text(_POLLS_NOTHING)
    execute = f"from monitor.cli import execute\nexecute({command.split()!r})"
    _loaded_by(execute, tmp_path)  # makes the database, with Alembic
    assert _loaded_by(execute, tmp_path) & HEAVY - {"typer"} <= may_load


def test_the_service_starts_without_what_makes_and_sends_mails(tmp_path: Path) -> None:
    loaded = _loaded_by("import monitor.service.service", tmp_path)
    assert loaded & HEAVY <= POLLS | {"apscheduler", "structlog"}


def test_no_start_loads_the_other_database(tmp_path: Path) -> None:
    assert "sqlalchemy.dialects.postgresql" not in _loaded_by("import monitor.cli.work", tmp_path, whole=True)


def _loaded_by(code: str, folder: Path, *, whole: bool = False) -> set[str]:
    """Return the packages that are loaded after some code was run in a folder; with `whole` the modules."""
    name = "name" if whole else "name.partition('.')[0]"
    code += f"\nimport sys\nprint(*{{{name} for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=unmeasured_environ(),  # measuring coverage loads sqlite3
        check=True,
        capture_output=True,
        text=True,
        input="",
    )
    return set(done.stderr.splitlines()[-1].split())
