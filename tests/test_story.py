"""One feed served on loopback ends as one mail in one mailbox; and each command does its part."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from monitor.store import feeds
from monitor.store.database import open_database
from tests import make
from tests.command import run_command
from tests.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss("AI新规出台", "天气转凉")) as site:
        yield site


def test_one_feed_ends_as_one_mail(site: Site) -> None:
    answer = site.json("once")
    assert [poll["outcome"] for poll in answer["polled"]] == ["polled"]
    assert [digest["outcome"] for digest in answer["composed"]] == ["composed"]
    assert [attempt["status"] for attempt in answer["delivered"]] == ["sent"]
    (received,) = site.smtp_server.received
    mail = message_from_bytes(received.raw, policy=policy.default)
    assert "AI新规出台" in mail["Subject"]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "AI新规出台" in text.get_content()
    assert "https://news.example.org/" in text.get_content()
    assert "天气转凉" not in text.get_content() + html.get_content()
    assert site.json("once")["delivered"] == [], "a second round has nothing to tell"


def test_step_by_step_it_is_the_same(site: Site) -> None:
    assert site.json("poll", "--all")[0]["matched"] == 1
    assert site.json("status")["outbox"]["waiting"] == 0, "polling sends nothing"
    assert site.json("digest")[0]["entries"] == 1
    assert site.json("status")["outbox"]["waiting"] == 1
    assert site.json("deliver")[0]["status"] == "sent"
    assert [row["status"] for row in site.json("outbox")] == ["sent"]
    assert site.json("deliver") == []


def test_a_preview_shows_what_would_go_out_and_changes_nothing(site: Site) -> None:
    site.monitor("poll", "--all")
    before = site.json("status")
    (shown,) = site.json("preview", "--out", str(site.folder / "seen"))
    assert "AI新规出台" in shown["subject"]
    assert sorted(Path(file).suffix for file in shown["files"]) == [".eml", ".html", ".txt"]
    assert all(Path(file).stat().st_size > 100 for file in shown["files"])
    assert site.json("status") == before
    assert site.json("digest")[0]["outcome"] == "composed"
    assert site.json("preview", "--out", str(site.folder / "seen"))[0]["files"] == []


def test_a_digest_that_is_not_due_waits_unless_told_not_to(site: Site) -> None:
    site.write(('every = "0s"', 'at = ["08:00"]'))
    site.monitor("poll", "--all")
    assert site.json("digest")[0]["outcome"] == "not due"
    assert site.json("digest", "--now", "--subscription", "AI 日报")[0]["outcome"] == "composed"


def test_a_subscription_nobody_has_is_named(site: Site) -> None:
    assert "There are: AI 日报." in site.monitor("digest", "--subscription", "晚报", code=2)


def test_a_feed_that_fails_is_named_and_the_exit_code_is_1(site: Site) -> None:
    site.write(("/rss", ":99999999/rss"))
    output = site.monitor("check", code=2)
    assert "an http or https address is expected" in output
    site.feed_server.document = lambda: b"<html>no feed</html>"
    site.write()
    assert "示例" in site.monitor("poll", code=1)
    answer = site.json("status", code=1)
    assert answer["feeds"][0]["state"] == "failing"


def test_a_feed_whose_server_wants_to_be_left_alone_is_not_asked_by_hand_and_that_is_said(site: Site) -> None:
    site.write(('every = "1s"', 'every = "auto"'))
    site.monitor("digest")
    assert site.json("status")["feeds"][0]["every"] == "auto", "not visited yet"
    site.monitor("poll", "--all")
    assert site.json("status")["feeds"][0]["every"] == "auto: 15m", "each entry is waited for"
    assert "auto: 15m" in site.monitor("status")

    async def rest() -> None:
        db = open_database(f"sqlite:///{site.folder}/monitor.db")
        until = datetime.now(UTC) + timedelta(hours=1)
        await db.write(feeds.let_rest, [site.feed_server.url], until)
        await db.close()

    asyncio.run(rest())
    asked = site.feed_server.requests
    told = run_command("--config", str(site.config), "poll", "--all")
    assert "示例: not asked: its server wants to be left alone until" in told.stderr
    assert (told.code, site.feed_server.requests) == (0, asked)


def test_a_mail_that_is_refused_is_named_and_can_be_sent_again(tmp_path: Path) -> None:
    answers = ["550 5.1.1 no such user"]

    def script(_step: object, address: str) -> str | None:
        return answers.pop() if answers and address.startswith("reader") else None

    with open_site(tmp_path, lambda: make.rss("AI新规出台"), script=script) as site:
        assert "no such user" in site.monitor("once", code=1)
        (row,) = site.json("outbox")
        assert row["status"] == "failed"
        site.monitor("outbox", "--retry", str(row["mail"]))
        assert site.json("deliver")[0]["status"] == "sent"
        assert "cannot be sent again" in site.monitor("outbox", "--retry", str(row["mail"]), code=1)


def test_mails_to_who_was_taken_out_of_the_file_are_held_and_cancelled_by_hand(tmp_path: Path) -> None:
    answers = ["451 4.3.0 later", "451 4.3.0 later"]

    def script(_step: object, _address: str) -> str | None:
        return answers.pop() if answers else None

    with open_site(tmp_path, lambda: make.rss("AI新规出台"), script=script) as site:
        site.write(("reader@example.org", 'reader@example.org", "bob@example.org'))
        site.monitor("once", code=1)
        site.write(("reader@example.org", "bob@example.org"))
        told = run_command("--config", str(site.config), "poll").stderr
        assert "AI 日报: 1 recipient has left: 1 mail held" in told
        status = {row["to"]: row["status"] for row in site.json("outbox")}
        assert status == {"reader@example.org": "held", "bob@example.org": "waiting"}
        assert site.json("status")["outbox"]["held"] == 1
        (held,) = (row["mail"] for row in site.json("outbox") if row["status"] == "held")
        refused = site.monitor("outbox", "--retry", str(held), code=1)
        assert "its recipient, or its subscription, is not in config.toml" in refused
        site.monitor("outbox", "--cancel", str(held))
        assert "does not wait" in site.monitor("outbox", "--cancel", str(held), code=1)
        assert {row["status"] for row in site.json("outbox")} == {"cancelled", "waiting"}


def test_a_subscription_with_a_new_name_and_another_time_goes_on_by_command(tmp_path: Path) -> None:
    titles = ["AI新规出台"]
    with open_site(tmp_path, lambda: make.rss(*titles)) as site:
        site.monitor("once")
        titles.append("大模型降价")
        site.monitor("poll", "--all")
        site.write(('name = "AI 日报"', 'name = "晨报"'), ('every = "0s"', 'every = "0s"\ntimezone = "UTC"'))
        told = run_command("--config", str(site.config), "digest").stderr
        assert "monitor subscriptions rename 'AI 日报' '晨报'" in told
        renamed = site.monitor("subscriptions", "rename", "AI 日报", "晨报")
        assert "晨报 goes on where AI 日报 was: 2 entries since." in renamed, "its cursor stands a day back"
        (composed,) = site.json("digest")
        assert (composed["entries"], composed["subscription"]) == (1, "晨报")
        assert "knows no subscription" in site.monitor("subscriptions", "rename", "AI 日报", "晨报", code=1)


def test_the_command_says_so_when_the_new_name_was_plain_without_it(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规出台")) as site:
        site.monitor("poll")
        site.write(('name = "AI 日报"', 'name = "晨报"'))
        done = run_command("--config", str(site.config), "subscriptions", "rename", "AI 日报", "晨报")
        assert (done.code, done.stdout) == (0, "")
        assert "AI 日报 is called 晨报 now" in done.stderr
        assert site.json("digest")[0]["entries"] == 1, "what waited for its next digest"


def test_tables_are_quiet_when_piped(site: Site) -> None:
    for command in (
        ["poll", "--all"],
        ["status"],
        ["outbox"],
        ["digest"],
        ["outbox"],
        ["deliver"],
        ["config"],
        ["check"],
    ):
        output = site.monitor(*command)
        assert output.strip()
        assert "\x1b" not in output
