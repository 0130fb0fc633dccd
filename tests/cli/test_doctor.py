"""`monitor doctor`: each part of an installation by itself, good or broken, with what to do."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.mail.replies import Step
from monitor.model.services import RunningService
from monitor.queries.answers.health import DoctorFinding
from monitor.queries.doctor import examine, space_finding
from monitor.store import services
from monitor.store.database import open_database
from tests.command import CommandResult, run_command
from tests.kept import make_file
from tests.site import FeedServer

CONFIG = """
[store]
url = "sqlite:///monitor.db"
[fetch]
allow_private = ["127.0.0.1"]
timeout = "5s"
[smtp]
host = "127.0.0.1"
port = {port}
security = "starttls"
ca_file = "{ca_file}"
username = "me@corp.test"
password_file = "password"
sender = "me@corp.test"
[[feeds]]
name = "示例"
url = "{url}"
[[rules]]
name = "AI"
any = ["AI"]
[[subscriptions]]
name = "AI 日报"
to = ["reader@corp.test"]
every = "1d"
"""
PASSWORD = "jade-otter-4711"
DOCUMENT = (
    '<rss version="2.0"><channel><title>t</title>'
    "<item><title>AI</title><link>https://example.org/1</link><pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate></item>"
    "<item><title>B</title><link>https://example.org/2</link><pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate></item>"
    "</channel></rss>"
)


class Installation:
    """A folder with a configuration, a database, a password, and the servers that it names."""

    def __init__(self, folder: Path, feed_server: FeedServer, smtp_server: LoopbackSmtpServer) -> None:
        self.folder, self.feed_server, self.smtp_server = folder, feed_server, smtp_server
        self.config, self.password = folder / "config.toml", folder / "password"
        text = CONFIG.format(port=smtp_server.port, ca_file=smtp_server.ca_file, url=feed_server.url)
        self.config.write_text(text, "utf-8")
        self.password.write_text(PASSWORD)
        self.password.chmod(0o600)

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text("utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), "utf-8")

    def run(self, *arguments: str) -> CommandResult:
        result = run_command(*arguments, folder=self.folder)
        assert PASSWORD not in result.output
        return result

    def findings(self, code: int) -> dict[str, list[dict[str, Any]]]:
        """Return what the doctor finds, by the part."""
        result = self.run("doctor", "--json")
        answer = json.loads(result.stdout)
        assert result.code == code, answer
        assert answer["ok"] == (code == 0)
        parts: dict[str, list[dict[str, Any]]] = {}
        for finding in answer["findings"]:
            parts.setdefault(finding["part"], []).append(finding)
        return parts


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with (
        FeedServer(lambda: DOCUMENT.encode()) as feed_server,
        LoopbackSmtpServer(tmp_path, username="me@corp.test", password=PASSWORD) as smtp_server,
    ):
        made = Installation(tmp_path, feed_server, smtp_server)
        make_file(tmp_path / "monitor.db")
        yield made


def _only(findings: dict[str, list[dict[str, Any]]], part: str) -> dict[str, Any]:
    (finding,) = findings[part]
    return finding


def test_a_good_installation_is_good_in_every_part(installation: Installation) -> None:
    asked = installation.feed_server.requests
    findings = installation.findings(code=0)
    assert [(part, found[0]["state"]) for part, found in findings.items()] == [
        ("configuration", "good"),
        ("permissions", "good"),
        ("database", "good"),
        ("disk", "good"),
        ("clock", "good"),
        ("templates", "good"),
        ("feed 示例", "good"),
        ("mail", "good"),
    ]
    assert _only(findings, "feed 示例")["what"] == "2 entries, the newest of 2026-11-24."
    assert installation.feed_server.requests == asked + 2  # for the clock, and for the feed
    assert installation.smtp_server.received == ()


def test_the_doctor_stores_nothing(installation: Installation) -> None:
    before = (installation.folder / "monitor.db").read_bytes()
    installation.run("doctor")
    assert (installation.folder / "monitor.db").read_bytes() == before


def test_what_is_found_is_shown_in_both_languages_within_80_columns(installation: Installation) -> None:
    installation.password.write_text("wrong")
    english, chinese = installation.run("doctor"), installation.run("--lang", "zh", "doctor")
    assert (english.code, chinese.code) == (1, 1)
    assert "failed   mail: " in english.stdout
    assert "Needs to be put right: mail." in english.stdout
    assert "失败     邮件：" in chinese.stdout
    assert "需要处理：邮件。" in chinese.stdout
    for result in (english, chinese):
        assert [line for line in result.stdout.splitlines() if len(line) > 80] == []
    good = installation.run("--lang", "zh", "doctor")
    assert "与各个源的服务器时间一致" in good.stdout


def test_a_refused_file_does_not_hide_the_other_parts(installation: Installation) -> None:
    installation.change('any = ["AI"]', 'anny = ["AI"]')
    findings = installation.findings(code=1)
    assert any("is not known" in finding["what"] for finding in findings["configuration"])
    assert _only(findings, "database")["state"] == "good"
    assert _only(findings, "feed 示例")["state"] == "good"
    assert _only(findings, "mail")["state"] == "good"
    assert "templates" not in findings


def test_a_broken_table_leaves_the_others_readable(installation: Installation) -> None:
    installation.change("timeout = ", "timeout == ")
    findings = installation.findings(code=1)
    assert _only(findings, "configuration")["state"] == "failed"
    assert _only(findings, "mail")["state"] == "good"


def test_no_configuration_at_all_is_all_there_is_to_tell(tmp_path: Path) -> None:
    result = run_command("doctor", "--json", folder=tmp_path)
    answer = json.loads(result.stdout)
    assert result.code == 1
    assert [finding["part"] for finding in answer["findings"]] == ["configuration"]
    assert "there is no such file" in answer["findings"][0]["what"]


def test_an_empty_configuration_lacks_feeds_and_subscriptions(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    answer = json.loads(run_command("doctor", "--json", folder=tmp_path).stdout)
    states = [(finding["part"], finding["state"]) for finding in answer["findings"]]
    assert states[:2] == [("configuration", "failed"), ("configuration", "failed")]
    assert ("database", "warning") in states
    assert ("mail", "failed") in states  # there is nobody to send to


def test_warnings_of_check_are_shown(installation: Installation) -> None:
    installation.change('to = ["reader@corp.test"]', 'to = ["reader@example.org"]')
    finding = _only(installation.findings(code=0), "configuration")
    assert finding["state"] == "warning"
    assert "an address for examples" in finding["what"]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_password_file_that_others_may_read_is_a_warning(installation: Installation, mode: int) -> None:
    installation.password.chmod(mode)
    finding = _only(installation.findings(code=0), "permissions")
    assert finding["state"] == "warning"
    assert finding["next"] == f"chmod 600 {installation.password}"


def test_a_configuration_with_a_secret_that_others_may_read_is_a_warning(installation: Installation) -> None:
    installation.change("[fetch]", '[fetch]\nproxy = ""')
    installation.config.chmod(0o644)
    assert _only(installation.findings(code=0), "permissions")["state"] == "good"
    installation.change('url = "http://', 'headers = { Authorization = "Bearer abc" }\nurl = "http://')
    assert "config.toml holds a secret" in _only(installation.findings(code=0), "permissions")["what"]


def test_a_missing_password_file_is_told_where_it_is_missed(installation: Installation) -> None:
    installation.password.unlink()
    findings = installation.findings(code=1)
    assert findings["permissions"][0]["state"] == "failed"
    assert findings["mail"][0]["state"] == "failed"
    assert findings["feed 示例"][0]["state"] == "good"


def test_a_database_that_is_not_there_yet_is_a_warning(installation: Installation) -> None:
    (installation.folder / "monitor.db").unlink()
    finding = _only(installation.findings(code=0), "database")
    assert (finding["state"], finding["next"]) == ("warning", '"monitor once" or the service makes it.')


def test_a_database_of_something_else_has_failed(installation: Installation) -> None:
    file = installation.folder / "monitor.db"
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE somebody_elses (id INTEGER)")
    other.close()
    assert "belongs to something else" in _only(installation.findings(code=1), "database")["what"]


@pytest.mark.parametrize("pages", [1, 1000])
def test_a_damaged_database_has_failed(installation: Installation, pages: int) -> None:
    file = installation.folder / "monitor.db"
    content = bytearray(file.read_bytes())
    ends = range(len(content), 4096, -4096)[:pages]
    for end in ends:
        content[end - 4096 : end - 4088] = b"\xff" * 8
    file.write_bytes(bytes(content))
    finding = _only(installation.findings(code=1), "database")
    assert finding["state"] == "failed"
    assert "backup" in finding["next"]


def test_a_database_of_either_kind_is_good(installation: Installation, db_url: str) -> None:
    installation.change("sqlite:///monitor.db", db_url)
    assert _only(installation.findings(code=0), "database")["state"] == "good"


@pytest.mark.parametrize(
    ("free", "state"), [(50_000_000, "failed"), (500_000_000, "warning"), (5_000_000_000, "good")]
)
def test_little_space_on_the_disk_is_told(free: int, state: str) -> None:
    finding = space_finding(free, Path("/data"))
    assert finding.state.value == state
    assert finding.what == f"{free / 1e9:.1f} GB are free at /data."
    assert bool(finding.next) == (state != "good")


def test_a_database_that_others_may_read_is_a_warning(installation: Installation) -> None:
    (installation.folder / "monitor.db").chmod(0o644)
    finding = _only(installation.findings(code=0), "database")
    assert finding["state"] == "warning"
    assert finding["next"].startswith("chmod 600")


def test_a_database_that_cannot_be_looked_at_has_failed(installation: Installation) -> None:
    # A name too long for any file stands for a directory that is closed to this user, which none is to root.
    installation.change("sqlite:///monitor.db", f"sqlite:///{'d' * 300}/monitor.db")
    findings = installation.findings(code=1)
    assert _only(findings, "database")["state"] == "failed"
    assert "cannot be used: File name too long" in _only(findings, "database")["what"]
    assert _only(findings, "disk")["what"].endswith(f"GB are free at {installation.folder}.")
    again = installation.run("digest", "--again", "last")
    assert (again.code, "File name too long" in again.output) == (1, True)
    assert installation.run("status").code == 1


def test_a_database_server_that_is_not_there_has_failed(installation: Installation) -> None:
    installation.change("sqlite:///monitor.db", "postgresql+psycopg://me:hush@127.0.0.1:1/none")
    findings = installation.findings(code=1)
    assert _only(findings, "database")["state"] == "failed"
    assert "hush" not in str(findings)


def test_a_feed_that_fails_is_told_and_the_others_are_good(installation: Installation) -> None:
    installation.change("[[rules]]", '[[feeds]]\nname = "weg"\nurl = "http://127.0.0.1:1/rss"\n[[rules]]')
    findings = installation.findings(code=1)
    assert _only(findings, "feed weg")["state"] == "failed"
    assert "correct url" in _only(findings, "feed weg")["next"]
    assert _only(findings, "feed 示例")["state"] == "good"
    assert _only(findings, "clock")["state"] == "good"


def test_a_paused_feed_is_not_asked(installation: Installation) -> None:
    paused = '[[feeds]]\nname = "weg"\nurl = "http://127.0.0.1:1/rss"\nenabled = false\n[[rules]]'
    installation.change("[[rules]]", paused)
    assert "feed weg" not in installation.findings(code=0)


def test_a_feed_that_is_none_has_failed(installation: Installation) -> None:
    installation.feed_server.document = lambda: b"<html><body>no feed</body></html>"
    assert _only(installation.findings(code=1), "feed 示例")["state"] == "failed"


def test_a_feed_without_entries_is_a_warning(installation: Installation) -> None:
    empty = b'<rss version="2.0"><channel><title>t</title></channel></rss>'
    installation.feed_server.document = lambda: empty
    assert _only(installation.findings(code=0), "feed 示例")["what"] == "It has no entries."


def test_a_template_that_cannot_be_rendered_has_failed(installation: Installation) -> None:
    (installation.folder / "mine").mkdir()
    (installation.folder / "mine" / "digest.txt.j2").write_text("{{ nothing.of.the.kind }}")
    installation.change("[smtp]", '[digests]\ntemplates = "mine"\n[smtp]')
    finding = installation.findings(code=1)["templates"][0]
    assert finding["state"] == "failed"
    assert "digest.txt.j2" in finding["what"]


def test_a_mail_server_that_would_refuse_the_recipient_has_failed(installation: Installation) -> None:
    installation.smtp_server.script = lambda step, _: "550 5.1.1 nobody" if step is Step.RCPT else None
    finding = _only(installation.findings(code=1), "mail")
    assert "There is no mailbox reader@corp.test" in finding["what"]
    assert finding["next"] == "Correct the address."


def test_mails_that_stay_on_this_machine_are_a_warning(installation: Installation) -> None:
    installation.change('host = "127.0.0.1"', 'host = ""')
    finding = _only(installation.findings(code=0), "mail")
    assert finding["state"] == "warning"
    assert "Maildir" in finding["what"]


@pytest.mark.parametrize(("wrong_by", "told"), [(90, "90 minutes ahead"), (-30, "30 minutes behind")])
def test_a_wrong_clock_is_told_by_the_servers_of_the_feeds(
    installation: Installation, wrong_by: int, told: str
) -> None:
    async def findings() -> list[DoctorFinding]:
        now = datetime.now(UTC) + timedelta(minutes=wrong_by)
        return [finding async for finding in examine(installation.config, now=now, asked=lambda: None)]

    (clock,) = [finding for finding in asyncio.run(findings()) if finding.part == "clock"]
    assert clock.state.value == "failed"
    assert told in clock.what
    assert "timedatectl" in clock.next


def test_a_service_that_writes_as_if_it_were_later_is_a_warning(installation: Installation) -> None:
    async def beat() -> None:
        db = open_database(f"sqlite:///{installation.folder}/monitor.db")
        at = datetime.now(UTC) + timedelta(minutes=60)
        ahead = RunningService(
            id="1", host="here", pid=1, version="1", started_at=at, beat_at=at, content_hash=""
        )
        await db.write(services.beat, ahead)
        await db.close()

    asyncio.run(beat())
    finding = _only(installation.findings(code=0), "database")
    assert finding["what"] == "The service writes as if it were 60 minutes later."


def test_a_feed_whose_name_is_not_found_is_no_matter_for_a_browser(installation: Installation) -> None:
    installation.change(f'url = "{installation.feed_server.url}"', 'url = "http://name.invalid/rss"')
    then = _only(installation.findings(code=1), "feed 示例")["next"]
    assert "name.invalid" in then
    assert "DNS" in then
    assert "[fetch] proxy" in then
