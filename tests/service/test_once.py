"""`monitor once` does one round of the same due work as the service."""

import asyncio
import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.mail.replies import Step
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import feeds, notices
from monitor.store.database import open_database
from tests import make
from tests.site import open_site

URGENT = '[[rules]]\nname = "出口管制"\nany = ["禁令"]\npace = "at once"\n[[subscriptions]]'


def not_today() -> str:
    """A schedule whose next slot is two days ahead."""
    day = (datetime.now(UTC) + timedelta(days=2)).strftime("%a").lower()
    return f'at = ["00:00"]\ndays = ["{day}"]'


def test_once_sends_what_may_go_out_at_once_and_leaves_the_rest_to_its_time(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("芯片禁令生效", "AI新规")) as site:
        site.write(("[[subscriptions]]", URGENT), ('every = "0s"', not_today()))
        answer = site.json("once")
        assert [digest["outcome"] for digest in answer["composed"]] == ["not due", "composed"]
        assert answer["composed"][1]["slot"].startswith("at once:")
        assert [attempt["status"] for attempt in answer["delivered"]] == ["sent"]
        assert "AI新规" not in answer["composed"][1]["subject"]


def test_once_with_now_does_not_wait_for_a_digests_time(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(('every = "0s"', not_today()))
        assert "--now does not wait" in site.monitor("once")
        (composed,) = site.json("once", "--now")["composed"]
        assert composed["outcome"] == "composed"
        assert composed["slot"].startswith("now:")


def test_once_says_of_a_digest_without_a_time_that_it_is_not_due_yet(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(('every = "0s"', 'every = "1h"'))
        site.monitor("once")
        assert "AI 日报: not due yet. --now does not wait." in site.monitor("once")
        assert "AI 日报：还没到发送时间。加上 --now 可以不等。" in site.monitor("--lang", "zh", "once")


def test_once_forgets_what_stood_in_mails_that_are_old_enough(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(("[outbox]", '[outbox]\nkeep = "0s"'))
        assert len(site.json("once")["delivered"]) == 1
        site.monitor("once")
        assert site.json("outbox", "show", "1")["text"] is None
        assert [mail["status"] for mail in site.json("outbox")] == ["sent"], "so that nothing is sent twice"


def test_once_tells_the_operator_what_it_found_and_status_shows_it(tmp_path: Path) -> None:
    def refuse(step: Step, address: str) -> str | None:
        return "550 5.1.1 no such user" if step is Step.RCPT and "reader" in address else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=refuse) as site:
        site.write(("[[feeds]]", '[operator]\nto = ["operator@example.org"]\n[[feeds]]'))
        answer = site.json("once", code=1)
        assert {attempt["to"]: attempt["status"] for attempt in answer["delivered"]} == {
            "reader@example.org": "failed",
            "operator@example.org": "sent",
        }
        assert len(site.smtp_server.received) == 1, "one mail for both troubles"
        troubles = site.json("status", code=1)["troubles"]
        assert [trouble["kind"] for trouble in troubles] == ["address refused", "mail given up"]
        assert troubles[0]["count"] == 1
        assert "no such user" in troubles[0]["details"][0]
        output = site.monitor("status", code=1)
        assert "A recipient's address is refused for good by the mail server." in output
        assert "What to do: Correct or remove the address in config.toml." in output
        assert "no such user" in output
        site.json("once", code=1)  # what is owed makes a digest due, and is refused again
        assert len(site.smtp_server.received) == 1, "nothing new to tell"


def test_once_tells_of_a_feed_that_is_dead_and_that_it_works_again(tmp_path: Path) -> None:
    async def fail_for_nearly_long_enough() -> None:
        db = open_database(f"sqlite:///{tmp_path / 'monitor.db'}")
        (state,) = await db.read(feeds.states)
        now = datetime.now(UTC)
        failing = replace(
            state,
            next_poll_at=now,
            attempted_at=now - timedelta(hours=6),
            failures=9,
            failing_since=now - timedelta(hours=80),
            failing_for=timedelta(hours=23),
        )
        await db.write(feeds.save, failing)
        await db.close()

    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(("[[feeds]]", '[operator]\nto = ["operator@example.org"]\n[[feeds]]'))
        site.monitor("once")
        site.feed_server.document = lambda: b"<html><body>moved</body></html>"
        asyncio.run(fail_for_nearly_long_enough())
        site.monitor("once", code=1)
        *_, notice = site.smtp_server.received
        assert notice.recipients == ("operator@example.org",)
        text = email.message_from_bytes(notice.raw, policy=email.policy.default).get_content()
        assert "A feed has not worked for a day." in text
        assert "What to do: If its name is not found" in text
        assert "示例: " in text
        assert site.json("status", code=1)["feeds"][0]["state"] == "dead"
        site.feed_server.document = lambda: make.rss("AI新规", "AI又一条")
        site.monitor("poll", "--all")
        site.monitor("once")
        *_, notice = site.smtp_server.received
        text = email.message_from_bytes(notice.raw, policy=email.policy.default).get_content()
        assert text.startswith("This is over:")
        assert site.json("status")["troubles"] == []


def test_status_counts_what_it_does_not_show(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.monitor("once")
        asyncio.run(_report_given_up(tmp_path, 12))
        assert "12 in all" in site.monitor("status", code=1)
        site.write(("any =", "ayn ="))
        assert "12 in all" in site.monitor("status", code=2)
        assert site.json("status", code=2)["troubles"][0]["count"] == 12


async def _report_given_up(folder: Path, count: int) -> None:
    db = open_database(f"sqlite:///{folder / 'monitor.db'}")
    now = datetime.now(UTC)
    for number in range(count):
        kind = NoticeKind.MAIL_GIVEN_UP
        trouble = Trouble(kind=kind, subject=str(number), details=f"mail {number}", since=now)
        await db.write(notices.report, trouble, now)
    await db.close()


def test_once_that_reads_the_file_again_tells_that_it_is_no_longer_refused(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.monitor("once")
        asyncio.run(_report_refused(tmp_path))
        assert [trouble["kind"] for trouble in site.json("status", code=1)["troubles"]] == ["config refused"]
        site.monitor("once")
        assert site.json("status")["troubles"] == []


async def _report_refused(folder: Path) -> None:
    """Leave what a service has left that was killed while the file was refused."""
    db = open_database(f"sqlite:///{folder / 'monitor.db'}")
    now = datetime.now(UTC)
    await db.write(notices.report, Trouble(kind=NoticeKind.CONFIG_REFUSED, since=now), now)
    await db.close()
