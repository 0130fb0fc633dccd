import email
import email.policy
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.digests.render import notice_renderer
from monitor.errors import DigestError
from monitor.jobs.notify import notify
from monitor.model.mail import Mail, Notice
from monitor.store import outbox
from monitor.store.database import Database
from tests.jobs.desk import Desk
from tests.make import NOW


def a_notice(content: str = "c1", hours: int = 0) -> Notice:
    return Notice(
        path="/etc/monitor/config.toml",
        content=content,
        at=NOW + timedelta(hours=hours),
        problems=('line 3, [[rules]] "人工智能", ayn: is not known. Did you mean "any"?',),
        version=4,
        since=NOW - timedelta(days=2),
    )


async def notified(db: Database, notice: Notice, *to: str) -> tuple[Mail, ...]:
    return await notify(
        notice,
        to=to or ("operator@example.org",),
        sender="AI 日报 <digest@example.org>",
        render=notice_renderer(),
        db=db,
        expire=timedelta(days=2),
    )


async def test_each_operator_gets_a_mail_in_plain_text(desk: Desk) -> None:
    assert len(await notified(desk.db, a_notice(), "a@example.org", "b@example.org")) == 2
    await desk.deliver()
    await desk.deliver()
    assert desk.mailbox.recipients == ["a@example.org", "b@example.org"]
    mail = email.message_from_bytes(desk.mailbox.mails[0].raw, policy=email.policy.default)
    assert mail["Subject"] == "feed-monitor: config.toml was refused, rules version 4 stays active"
    assert mail["List-Id"] is None
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert 'Did you mean "any"?' in text
    assert "in force since 2026-11-22 00:00 UTC" in text
    assert "monitor rules undo" in text


async def test_a_notice_that_another_service_has_queued_is_not_queued_again(desk: Desk) -> None:
    assert await notified(desk.db, a_notice())
    assert await notified(desk.db, a_notice()) == ()
    assert await notified(desk.db, a_notice("c2"))
    assert await notified(desk.db, a_notice(hours=24))
    assert sum((await desk.db.read(outbox.counts)).values()) == 3


def test_a_template_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "notice.txt.j2").write_text("{{ notice.nothing }}", encoding="utf-8")
    with pytest.raises(DigestError, match=r"template notice\.txt\.j2, line 1") as failure:
        notice_renderer(str(tmp_path))(a_notice())
    assert str(failure.value).endswith("The notice waits until the template is fixed.")
