"""A secret stands in every place of a configuration that takes one, and is met nowhere else."""

import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.demo.running import Running
from tests import make
from tests.command import run_command
from tests.site import Site, open_site, wait_for_event

pytestmark = pytest.mark.outside

SECRETS = {
    name: f"s3cr3t-{name}-x9"
    for name in (
        *(
            "smtp-file",
            "feed-user",
            "feed-token",
            "failing-token",
            "header",
            "cookie",
            "feed-file",
            "feed-proxy",
        ),
        "heartbeat",
    )
}
# The addresses of feeds are what the database knows them by; its file is its owner's alone.
ADDRESSES_OF_FEEDS = {
    *(("feeds", "url"), ("feeds", "key"), ("feeds", "validators_of")),
    *(("entries", "feed_url"), ("entry_keys", "feed_url")),
}
COMMANDS = (
    *(
        "check",
        "config",
        "config --changed",
        "status",
        "outbox",
        "doctor",
        "send-test",
        "rules lint",
        "rules history",
        "rules show 1",
    ),
    *(
        "rules diff",
        "rules explain 1",
        "preview --out preview",
        "digest --excluded",
        "poll --all",
        "once",
        "deliver",
    ),
    *("preview --sample --out preview", "digest --again last", "backup backup.db", "restore backup.db"),
    *("init", "init --at 07:30", "feeds list", "feeds test 坏的", "feeds test 示例", "feeds pause 坏的"),
    *("feeds resume 坏的", "feeds remove 坏的 --dry-run", "feeds remove 不存在", "feeds import nowhere"),
    *("rules add 不存在 词", "subscriptions rename 无 有", "nonsense", "poll --nonsense"),
)


@pytest.fixture
def dead_port() -> int:
    """Return a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def site(tmp_path: Path, dead_port: int) -> Iterator[Site]:
    login = {"username": "me", "password": SECRETS["smtp-file"]}
    with open_site(tmp_path, lambda: make.rss("AI新规", "天气转凉"), **login) as site:
        (tmp_path / "smtp_password").write_text(SECRETS["smtp-file"])
        (tmp_path / "feed_password").write_text(SECRETS["feed-file"])
        url = site.feed_server.url
        with_login = url.replace("://", f"://reader:{SECRETS['feed-user']}@")
        site.write(
            (f'url = "{url}"', f'url = "{with_login}?token={SECRETS["feed-token"]}"'),
            (
                'security = "starttls"',
                'security = "starttls"\nusername = "me"\npassword_file = "smtp_password"',
            ),
            (
                "[[rules]]",
                f"""[[feeds]]
name = "坏的"
url = "http://127.0.0.1:{dead_port}/rss?apikey={SECRETS["failing-token"]}"
every = "1s"
headers = {{X-Api-Key = "{SECRETS["header"]}", Cookie = "sid={SECRETS["cookie"]}"}}
username = "reader"
password_file = "feed_password"
proxy = "http://me:{SECRETS["feed-proxy"]}@127.0.0.1:{dead_port}"
[web]
enabled = true
port = {free_port()}
[operator]
to = ["operator@example.org"]
heartbeat = "http://127.0.0.1:{dead_port}/{SECRETS["heartbeat"]}"
[[rules]]""",
            ),
        )
        yield site


def free_port() -> int:
    """Return a port at which nobody listens, for the service to do so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def leaks(text: str) -> list[str]:
    """Return the names of the secrets that stand in a text."""
    return [name for name, secret in SECRETS.items() if secret in text]


def rest_of_log(service: Running) -> str:
    """Return what the service has logged since the last event that was waited for, until it has ended."""
    service.stop()
    lines = []
    while line := service.next_event(5):
        lines.append(line)
    return str(lines)


def test_no_secret_is_met_where_it_does_not_belong(site: Site) -> None:
    good = site.config.read_text("utf-8")
    with site.service() as service:
        started = wait_for_event(service, "web-started")
        for page in ("healthz", "readyz", "metrics"):
            assert leaks(answer(f"http://127.0.0.1:{started['port']}/{page}")) == [], page
        wait_for_event(service, "delivered")
        site.config.write_text(
            good.replace('password_file = "smtp_password"', 'password_file = "none"'), "utf-8"
        )
        refused = wait_for_event(service, "config-problem")
        site.config.write_text(good, "utf-8")
        wait_for_event(service, "config-restored")
        assert leaks(f"{started} {refused} {rest_of_log(service)}") == []
    assert site.smtp_server.received, "no mail was sent, so none was read"
    for mail in site.smtp_server.received:
        assert leaks(mail.raw.decode()) == []
    for column, text in texts_in_database(site.folder / "monitor.db"):
        assert column in ADDRESSES_OF_FEEDS or leaks(text) == [], column


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_command_prints_a_secret(site: Site, language: str) -> None:
    for command in ("poll", *COMMANDS):
        for arguments in (command.split(), [*command.split(), "--json"]):
            done = run_command(
                "--config", str(site.config), "--lang", language, *arguments, folder=site.folder
            )
            assert leaks(done.output) == [], arguments
    for file in (site.folder / "preview").iterdir():
        assert leaks(file.read_text("utf-8")) == [], file.name


def test_no_mistake_in_config_toml_prints_a_secret(site: Site) -> None:
    good = site.config.read_text("utf-8")
    for old, new in (
        *(("[[rules]]", "[[rules"), ("[smtp]", "[smpt]"), ("headers = {", 'headers = {"A B" = "x", ')),
        *(
            ('every = "1s"', "every = 1"),
            ('proxy = "http', 'proxy = "nonsense'),
            ('url = "http', 'url = "htp'),
        ),
        *(('heartbeat = "http', 'heartbeat = "gopher'), ('url = "http://127', "url = http://127")),
    ):
        site.config.write_text(good.replace(old, new), "utf-8")
        for command in ("check", "status", "config", "once"):
            done = run_command("--config", str(site.config), command, folder=site.folder)
            assert done.code == 2, (new, done.output)
            assert leaks(done.output) == [], (new, command)
        done = run_command("--config", str(site.config), "doctor", folder=site.folder)
        assert (done.code, leaks(done.output)) == (1, []), new


def answer(address: str) -> str:
    """Return the text of an answer, whatever its status."""
    try:
        with urllib.request.urlopen(address, timeout=20) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read().decode())


def texts_in_database(file: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Return the texts and bytes of every column of every table, with table and column."""
    with closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in names:
            rows = database.execute(f'SELECT * FROM "{table}"')
            columns = [column for column, *_ in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    yield (table, column), text
