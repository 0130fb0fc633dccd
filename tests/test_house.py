"""The layout keeps its rules: who owns a package, and that each file states its purpose."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import monitor

ROOT = Path(monitor.__file__).parent

# style.md rule 5: each third-party package is imported by its owner only.
OWNERS = {
    "feedparser": {"feeds.xml_feed"},
    "lxml": {"feeds.strict_feed"},
    "aiohttp": {"feeds.connection", "feeds.fetch"},
    "aiohttp_socks": {"feeds.connection", "feeds.fetch"},
    "bs4": {"feeds.sanitize"},
    "nh3": {"feeds.sanitize"},
    "webencodings": {"feeds.document"},
    "brotli": {"feeds.document"},
    "opencc": {"rules.script"},
    "regex": {"rules.patterns"},
    "lark": {"rules.when"},
    "jinja2": {"digests.render", "digests.limits", "web.pages"},
    "aiosmtplib": {"mail.smtp"},
    "apscheduler": {"service.ticker"},
    "structlog": {"log"},
    "chinese_calendar": {"digests.workdays"},
    "starlette": {"web.app", "web.readers", "web.server"},
    "uvicorn": {"web.server"},
    "prometheus_client": {"web.metrics"},
    "aiosmtpd": {"demo.smtp_server"},
    "trustme": {"demo.smtp_server"},
    "typer": {
        "cli",
        "cli.feeds",
        "cli.outbox",
        "cli.options",
        "cli.recipients",
        "cli.rules",
        "cli.service",
        "cli.store",
        "cli.subscriptions",
        "cli.suppressions",
        "cli.usage",
    },
    "tomlkit": {"cli.files", "cli.demo"},
}
STORE_ONLY = {"sqlalchemy", "alembic", "sqlite3", "psycopg"}


@cache
def _modules() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text("utf-8")) for file in ROOT.rglob("*.py")}


@cache
def _imports() -> dict[str, set[str]]:
    importers = defaultdict(set)
    for file, module in _modules().items():
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(module):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for imported in names:
                importers[imported.partition(".")[0]].add(name)
    return importers


def test_each_package_is_imported_by_its_owner_only() -> None:
    imports = _imports()
    strangers = {package: imports[package] - owners for package, owners in OWNERS.items()}
    assert {package: names for package, names in strangers.items() if names} == {}


def test_only_the_store_speaks_to_the_database() -> None:
    imports = _imports()
    assert [name for package in STORE_ONLY for name in imports[package] if not name.startswith("store")] == []


def test_every_owner_is_still_there() -> None:
    imports = _imports()
    assert {package: owners - imports[package] for package, owners in OWNERS.items()} == {
        package: set() for package in OWNERS
    }


def test_every_file_states_its_purpose_in_its_first_line() -> None:
    for file, module in _modules().items():
        first = (ast.get_docstring(module) or "").partition("\n")[0]
        assert first.endswith("."), f"{file.name}: the first line of the docstring is no statement: {first!r}"
