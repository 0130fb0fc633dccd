"""`monitor send-test`: a mail that is taken, one that is not, and none that can be sent."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.mail.replies import Step
from tests.command import CommandResult, run_command

CONFIG = """
[store]
url = "sqlite:///monitor.db"
[smtp]
host = "127.0.0.1"
port = {port}
security = "starttls"
ca_file = "{ca_file}"
username = "me@example.org"
password_file = "password"
sender = "AI 日报 <me@example.org>"
[operator]
to = ["operator@example.org"]
[[feeds]]
name = "a feed"
url = "https://example.org/feed"
[[rules]]
name = "AI"
any = ["AI"]
[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
every = "1d"
"""
PASSWORD = "jade-otter-4711"


class Place:
    """A folder with config.toml and a password, and a mail server that wants it."""

    def __init__(self, folder: Path, server: LoopbackSmtpServer) -> None:
        self.folder, self.server = folder, server
        self.config, self.password = folder / "config.toml", folder / "password"
        self.config.write_text(CONFIG.format(port=server.port, ca_file=server.ca_file), "utf-8")
        self.password.write_text(f"{PASSWORD}\n")

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text("utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), "utf-8")

    def run(self, *arguments: str, environ: dict[str, str] | None = None) -> CommandResult:
        result = run_command(*arguments, folder=self.folder, environ=environ)
        assert PASSWORD not in result.output
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run("send-test", *arguments, "--json").stdout)

    def received(self) -> list[EmailMessage]:
        mails = self.server.received
        return [message_from_bytes(mail.raw, policy=policy.default) for mail in mails]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with LoopbackSmtpServer(tmp_path, username="me@example.org", password=PASSWORD) as server:
        yield Place(tmp_path, server)


def test_a_test_mail_goes_to_the_operator_and_each_stage_is_shown(place: Place) -> None:
    result = place.run("send-test")
    assert result.code == 0, result.output
    names = [line.partition(" ")[0] for line in result.stdout.splitlines()[1:-2]]
    assert [name for name in names if name] == [
        *("DNS", "TCP", "greeting", "EHLO", "STARTTLS", "TLS", "login", "sender", "recipient", "DATA"),
        "content",
    ]
    assert "took the test mail for operator@example.org" in result.stdout
    (mail,) = place.received()
    assert mail["To"] == "operator@example.org"
    assert mail["From"] == "AI 日报 <me@example.org>"
    assert mail["Subject"] == "Test mail: digests will reach you"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_test_mail_touches_no_database(place: Place) -> None:
    place.run("send-test")
    assert not (place.folder / "monitor.db").exists()


def test_a_test_mail_goes_to_the_address_that_is_named(place: Place) -> None:
    assert place.run("send-test", "Ann Lee <ann@example.org>").code == 0
    assert place.server.received[0].recipients == ("ann@example.org",)


def test_without_an_operator_it_goes_to_the_first_recipient(place: Place) -> None:
    place.change('to = ["operator@example.org"]', "to = []")
    place.run("send-test")
    assert place.server.received[0].recipients == ("reader@example.org",)


def test_a_chinese_reader_gets_a_chinese_mail_and_chinese_answers(place: Place) -> None:
    result = place.run("--lang", "zh", "send-test")
    assert "已收下寄给 operator@example.org 的测试邮件" in result.stdout
    assert "收件人" in result.stdout
    (mail,) = place.received()
    assert mail["Subject"] == "测试邮件：摘要会送到这里"
    body = mail.get_body(("plain",))
    assert body
    assert "以后的摘要也会这样送到" in body.get_content()


def test_a_refused_login_ends_with_1_and_says_what_to_do(place: Place) -> None:
    place.password.write_text("wrong")
    result = place.run("send-test")
    assert result.code == 1
    assert "refused the login as me@example.org (535" in result.stderr
    assert "What to do: Correct [smtp] username and the password in" in result.stderr
    assert place.received() == []


def test_no_line_is_wider_than_80_columns_where_it_fails(place: Place) -> None:
    place.server.script = lambda step, _: f"554 5.7.1 {'spam ' * 40}" if step is Step.DOT else None
    for lang in ("en", "zh"):
        result = place.run("--lang", lang, "send-test")
        assert result.code == 1
        assert [line for line in result.output.splitlines() if len(line) > 80] == []


def test_the_answer_in_json_has_every_stage(place: Place) -> None:
    good = place.json()
    assert (good["ok"], good["outcome"], good["to"]) == (True, "taken", "operator@example.org")
    assert [stage["stage"] for stage in good["stages"]][-1] == "dot"
    place.server.script = lambda step, _: "550 5.1.1 nobody" if step is Step.RCPT else None
    bad = place.json()
    assert (bad["ok"], bad["outcome"], bad["cure"]) == (False, "refused", "Correct the address.")
    assert bad["stages"][-1] == {
        "stage": "rcpt",
        "ok": False,
        "seconds": bad["stages"][-1]["seconds"],
        "said": "550 5.1.1 nobody",
    }


def test_without_a_mail_server_the_mail_is_put_into_the_maildir(place: Place) -> None:
    place.change('host = "127.0.0.1"', 'host = ""')
    result = place.run("send-test")
    assert result.code == 0, result.output
    assert "[smtp] host is empty" in result.stdout
    (stored,) = (place.folder / "Maildir" / "new").iterdir()
    assert b"To: <operator@example.org>" in stored.read_bytes()
    assert place.json()["outcome"] == "stored"


def test_a_maildir_that_cannot_be_written_is_told(place: Place) -> None:
    place.change('host = "127.0.0.1"', 'host = ""')
    (place.folder / "Maildir").write_text("in the way")
    result = place.run("send-test")
    assert result.code == 1
    assert "cannot store the mail" in result.stderr


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_password_file_is_a_fault_of_the_configuration(place: Place, content: str) -> None:
    place.password.write_text(content)
    result = place.run("send-test")
    assert result.code == 2
    assert f"{place.password} is empty" in result.stderr


def test_a_missing_password_file_is_a_fault_of_the_configuration(place: Place) -> None:
    place.password.unlink()
    assert place.run("send-test").code == 2


def test_a_password_may_come_from_the_environment(place: Place) -> None:
    place.change('password_file = "password"', "")
    result = place.run("send-test", environ={"MONITOR_SMTP__PASSWORD": PASSWORD})
    assert result.code == 0, result.output
    result = place.run("send-test", environ={"MONITOR_SMTP__PASSWORD": "wrong"})
    assert "the password in MONITOR_SMTP__PASSWORD" in result.stderr.replace("\n", " ")


def test_a_password_may_come_from_systemd(place: Place) -> None:
    credentials = place.folder / "credentials"
    credentials.mkdir()
    (credentials / "smtp_password").write_text("wrong")
    result = place.run("send-test", environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert "credentials/smtp_password" in result.stderr.replace("\n", "")


def test_an_address_that_is_none_is_refused(place: Place) -> None:
    result = place.run("send-test", "ann")
    assert result.code == 2
    assert "ann is no mail address" in result.stderr


def test_nobody_to_send_to_is_told(place: Place) -> None:
    place.change('to = ["operator@example.org"]', "to = []")
    text = place.config.read_text("utf-8")
    place.config.write_text(text[: text.index("[[subscriptions]]")], "utf-8")
    result = place.run("send-test")
    assert result.code == 2
    assert "there is nobody to send to" in result.stderr
    assert place.run("send-test", "ann@example.org").code == 0


def test_the_test_mail_names_the_time_in_the_readers_zone(place: Place) -> None:
    assert place.run("send-test").code == 0
    (mail,) = place.received()
    body = mail.get_body(("plain",))
    assert body is not None
    assert "(Asia/Shanghai)" in body.get_content()
    assert "UTC" not in body.get_content()
