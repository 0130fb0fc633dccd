"""`monitor outbox list|show|retry|cancel|hold|release`, on an installation on loopback."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import update

from monitor.model.mail import DeliveryStatus
from monitor.store.database import Connection, open_database
from monitor.store.tables import outbox
from tests import make
from tests.command import run_command, unmeasured_environ
from tests.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation whose one digest waits in the outbox, as mail 1 to reader@example.org and 2 to two@…."""
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(('["reader@example.org"]', '["reader@example.org", "two@example.org"]'))
        site.monitor("poll")
        site.monitor("digest", "--now")
        yield site


def change(site: Site, number: int, **values: object) -> None:
    """Change the row of a mail."""

    async def run() -> None:
        db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")

        def write(tx: Connection) -> None:
            tx.execute(update(outbox).where(outbox.c.id == number).values(values))

        await db.write(write)
        await db.close()

    asyncio.run(run())


def status(site: Site, number: int) -> str:
    return str({mail["mail"]: mail["status"] for mail in site.json("outbox", "list")}[number])


def test_list_is_what_the_plain_command_shows(site: Site) -> None:
    assert site.monitor("outbox", "list") == site.monitor("outbox")
    assert [mail["mail"] for mail in site.json("outbox", "list", "--limit", "1")] == [2]
    assert "Usage: monitor outbox" in site.monitor("outbox", "--help")


def test_options_of_the_plain_command_do_not_go_with_another(site: Site) -> None:
    assert "--retry" in site.monitor("outbox", "--retry", "1", "list", code=2)
    assert "--json" in site.monitor("outbox", "--json", "list", code=2)
    assert run_command("outbox", "--config", str(site.config), "show", "1").code == 0


def test_show_tells_headers_attempts_and_the_text(tmp_path: Path) -> None:
    answers = ["451 4.7.1 greylisted, come back later"]

    def script(_step: object, address: str) -> str | None:
        return answers.pop() if answers and address.startswith("reader") else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=script) as site:
        site.monitor("once", code=1)
        change(site, 1, next_attempt_at=make.NOW.replace(year=2020))
        site.monitor("deliver")
        output = site.monitor("outbox", "show", "1")
        assert "mail 1 to reader@example.org, AI 日报 today" in output
        assert "refused for now" in output
        assert "greylisted, come back later" in output
        assert "Subject: " in output
        assert "AI新规" in output
        shown = site.json("outbox", "show", "1")
        assert shown["mail"]["status"] == "sent"
        assert [(each["outcome"], each["code"], each["stage"]) for each in shown["attempts"]] == [
            ("later", 451, "rcpt"),
            ("sent", 250, ""),
        ]
        assert shown["attempts"][0]["server"] == f"127.0.0.1:{site.smtp_server.port}"
        assert {"name": "To", "value": "reader@example.org"} in shown["headers"]
        assert "AI新规" in shown["text"]
        assert "暂时被拒" in site.monitor("--lang", "zh", "outbox", "show", "1")


def test_raw_writes_the_very_bytes(site: Site) -> None:
    environ = unmeasured_environ() | {"MONITOR_CONFIG": str(site.config)}
    command = [sys.executable, "-m", "monitor", "outbox", "show", "1", "--raw"]
    done = subprocess.run(command, capture_output=True, env=environ, check=True)
    assert len(done.stdout) == site.json("outbox", "show", "1")["size"]
    assert message_from_bytes(done.stdout)["To"] == "<reader@example.org>"
    assert done.stdout.endswith(b"\r\n")
    site.monitor("outbox", "show", "1", "--raw", "--json", code=2)


def test_a_mail_whose_bytes_are_gone_is_still_told_of(site: Site) -> None:
    site.monitor("deliver")
    change(site, 1, raw=b"")
    change(site, 2, raw=b"", status=DeliveryStatus.FAILED.value)
    assert "is kept no longer" in site.monitor("outbox", "show", "1")
    shown = site.json("outbox", "show", "1")
    assert (shown["size"], shown["headers"], shown["text"]) == (0, [], None)
    assert [each["outcome"] for each in shown["attempts"]] == ["sent"]
    assert "is kept no longer" in site.monitor("outbox", "show", "1", "--raw", code=1)
    assert "is kept no longer" in site.monitor("outbox", "retry", "2", code=1)


def test_a_number_that_no_mail_has_is_said(site: Site) -> None:
    assert "mail 9: no mail has this number." in site.monitor("outbox", "show", "9", code=1)
    for command in ("retry", "cancel", "hold", "release"):
        assert "mail 9: no mail has this number." in site.monitor("outbox", command, "9", code=1)
        site.monitor("outbox", command, "9" * 30, code=2)


def test_mails_are_held_released_cancelled_and_sent_after_all(site: Site) -> None:
    assert "mail 1: held until" in site.monitor("outbox", "hold", "1", "2")
    assert site.json("outbox", "hold", "1", code=1) == [
        {"mail": 1, "done": False, "why": "it is held already."}
    ]
    assert "Held until released: 2" in site.monitor("outbox")
    site.monitor("deliver")
    assert site.smtp_server.received == (), "however long it is held"
    assert site.json("outbox", "release", "1") == [{"mail": 1, "done": True, "why": ""}]
    assert "it is not held until it is released" in site.monitor("outbox", "release", "1", code=1)
    assert "mail 2: cancelled." in site.monitor("outbox", "cancel", "2")
    assert "given up or cancelled before" in site.monitor("outbox", "cancel", "2", code=1)
    assert "due now" in site.monitor("outbox", "retry", "2")
    site.monitor("deliver")
    assert [status(site, 1), status(site, 2)] == ["sent", "sent"]
    for command in ("retry", "cancel", "hold"):
        assert "it was sent already" in site.monitor("outbox", command, "1", code=1)


def test_what_is_being_sent_is_left_alone(site: Site) -> None:
    change(site, 1, status=DeliveryStatus.SENDING.value, lease_until=make.NOW.replace(year=2100))
    for command in ("retry", "cancel", "hold"):
        assert "being sent just now" in site.monitor("outbox", command, "1", code=1)


def test_a_mail_that_may_have_arrived_is_sent_again_only_on_purpose(site: Site) -> None:
    change(site, 1, status=DeliveryStatus.UNCERTAIN.value, uncertain=1, next_attempt_at=None)
    assert "would arrive twice" in site.monitor("outbox", "retry", "1", code=1)
    assert "不会再自动发送" in site.monitor("--lang", "zh", "outbox", "hold", "1", code=1)
    assert status(site, 1) == "uncertain"
    assert site.json("outbox", "retry", "1", "2", "--again") == [
        {"mail": 1, "done": True, "why": ""},
        {"mail": 2, "done": True, "why": ""},
    ]
    assert status(site, 1) == "waiting"


@pytest.mark.parametrize(("typed", "expected"), [("y", "waiting"), ("n", "uncertain")])
def test_on_a_terminal_it_is_asked_about(site: Site, typed: str, expected: str) -> None:
    change(site, 1, status=DeliveryStatus.UNCERTAIN.value, interrupted=1, next_attempt_at=None)
    ours, theirs = pty.openpty()
    environ = unmeasured_environ() | {"MONITOR_CONFIG": str(site.config)}
    command = [sys.executable, "-m", "monitor", "outbox", "retry", "1", "2"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    )
    os.write(ours, f"{typed}\n".encode())
    output, errors = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert b"may arrive twice. Send it?" in output
    assert (process.returncode, status(site, 1)) == (int(typed == "n"), expected), errors


def test_a_recipient_who_left_is_not_mailed_by_any_of_it(site: Site) -> None:
    site.monitor("outbox", "hold", "1", "2")
    site.write()
    site.monitor("once", "--config", str(site.config))
    assert "is not in config.toml" in site.monitor("outbox", "release", "2", code=1)
    assert "is not in config.toml" in site.monitor("outbox", "retry", "2", code=1)
