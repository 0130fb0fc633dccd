import asyncio
import email
import email.policy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.digests.notice import make_notice
from monitor.digests.render import notice_renderer, reliable_notice_renderer
from monitor.errors import DigestError
from monitor.jobs.notify import Notified, notify
from monitor.model.mail import DeliveryStatus, Mail, Rendered, Route
from monitor.model.notices import KnownTrouble, Notice, NoticeKind, Trouble
from monitor.store import digests, notices, outbox
from monitor.store.database import Database, open_database
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW

OPERATOR = "operator@example.org"
SERVER = "mail.example.org:465"
EXPIRE = timedelta(days=2)


async def report(desk: Desk, kind: NoticeKind = NoticeKind.CLOCK_BEHIND, **differ: Any) -> None:
    trouble = Trouble(kind=kind, **{"since": desk.clock(), **differ})
    await desk.db.write(notices.report, trouble, desk.clock())


async def clear(desk: Desk, kind: NoticeKind = NoticeKind.CLOCK_BEHIND, subject: str = "") -> None:
    await desk.db.write(notices.clear, kind, subject, desk.clock())


async def notified(desk: Desk, *to: str, db: Database | None = None, **differ: Any) -> Notified | None:
    return await notify(
        **{
            "to": to or (OPERATOR,),
            "sender": "AI 日报 <digest@example.org>",
            "server": SERVER,
            "route": Route.SMTP,
            "render": reliable_notice_renderer(),
            "db": db or desk.db,
            "now": desk.clock(),
            "expire": EXPIRE,
            **differ,
        }
    )


async def told(desk: Desk, *to: str, **differ: Any) -> tuple[Mail, ...]:
    """Let some minutes pass, and return the mails of a notice made then."""
    desk.clock.forward(minutes=5)
    notice = await notified(desk, *to, **differ)
    return notice.mails if notice else ()


def text_of(mail: Mail) -> str:
    content = str(email.message_from_bytes(mail.raw, policy=email.policy.default).get_content())
    return content.replace("\r\n", "\n")


async def test_each_operator_gets_a_mail_in_plain_text(desk: Desk) -> None:
    await report(desk, NoticeKind.CONFIG_REFUSED, details='line 3, ayn: is not known. Did you mean "any"?')
    assert len(await told(desk, "a@example.org", "b@example.org")) == 2
    await desk.deliver()
    await desk.deliver()
    assert desk.mailbox.recipients == ["a@example.org", "b@example.org"]
    mail = email.message_from_bytes(desk.mailbox.mails[0].raw, policy=email.policy.default)
    assert mail["Subject"].startswith("feed-monitor: An edit of config.toml is refused")
    assert mail["List-Id"] is None
    assert mail.get_content_type() == "text/plain"
    assert 'Did you mean "any"?' in mail.get_content()
    assert "monitor rules undo" in mail.get_content()


async def test_several_troubles_are_one_mail_and_none_is_told_twice(desk: Desk) -> None:
    for number in range(200):
        await report(desk, NoticeKind.MAIL_GIVEN_UP, subject=str(number), details=f"mail {number}")
    await report(desk)
    desk.clock.forward(minutes=5)
    notice = await notified(desk)
    assert notice
    assert notice.kinds == (NoticeKind.CLOCK_BEHIND, NoticeKind.MAIL_GIVEN_UP)
    (mail,) = notice.mails
    assert "200 in all" in text_of(mail)
    assert "The clock of this machine is behind" in text_of(mail)
    desk.clock.forward(days=1)
    assert await told(desk) == ()


async def test_a_trouble_is_told_again_when_it_changes_and_once_when_it_is_over(desk: Desk) -> None:
    await report(desk, content="by a day")
    assert await told(desk)
    await report(desk, content="by a month", details="by a month")
    assert await told(desk) == (), "there is a pause between mails about one kind"
    desk.clock.forward(hours=1)
    (mail,) = await told(desk)
    assert "by a month" in text_of(mail)
    await clear(desk)
    (mail,) = await told(desk)
    assert "This is over" in text_of(mail)
    assert await told(desk) == ()


async def test_a_torn_save_is_not_told(desk: Desk) -> None:
    await report(desk, NoticeKind.CONFIG_REFUSED)
    desk.clock.forward(seconds=59)
    assert await notified(desk) is None
    await clear(desk, NoticeKind.CONFIG_REFUSED)
    assert await told(desk) == ()


async def test_of_two_services_one_tells(desk: Desk, db_url: str) -> None:
    await report(desk)
    desk.clock.forward(minutes=5)
    other, overtaken = open_database(db_url), []

    class Overtaking:
        """Renders while the other service tells the same."""

        def __call__(self, notice: Notice) -> Rendered:
            overtaken.append(notice)
            return notice_renderer()(notice)

    render = Overtaking()
    try:
        first = await notified(desk, render=render)
        assert await notified(desk, db=other) is None
    finally:
        await other.close()
    assert first
    assert len(overtaken) == 1
    assert sum((await desk.db.read(outbox.counts)).values()) == 1


async def test_what_changes_while_it_is_rendered_is_told_at_the_next_tick(desk: Desk, db_url: str) -> None:
    await report(desk, content="by a day")
    desk.clock.forward(minutes=5)

    def render(notice: Notice) -> Rendered:
        _report_elsewhere(db_url, desk.clock())
        return notice_renderer()(notice)

    assert await notified(desk, render=render) is None
    assert await desk.db.read(outbox.counts) == dict.fromkeys(DeliveryStatus, 0)
    assert await told(desk)


def _report_elsewhere(db_url: str, now: datetime) -> None:
    """Report a change by another service, from the thread in which a notice is rendered."""

    async def write() -> None:
        other = open_database(db_url)
        try:
            trouble = Trouble(kind=NoticeKind.CLOCK_BEHIND, content="by a month", since=now)
            await other.write(notices.report, trouble, now)
        finally:
            await other.close()

    asyncio.run(write())


async def test_killed_before_its_mail_is_queued_a_notice_is_not_lost(desk: Desk) -> None:
    await report(desk)

    def render(_: Notice) -> Rendered:
        raise KeyboardInterrupt

    desk.clock.forward(minutes=5)
    with pytest.raises(KeyboardInterrupt):
        await notified(desk, render=render)
    assert len(await told(desk)) == 1


async def test_while_mails_wait_for_a_server_that_takes_none_one_summary_is_kept_for_later(
    desk: Desk,
) -> None:
    await report(desk, NoticeKind.RELAY_DOWN, subject=SERVER, details=f"{SERVER}: no route to host")
    await _queue_a_mail(desk)
    await report(desk)
    assert await told(desk) == ()
    assert [known.trouble.kind for known in await desk.db.read(notices.open_troubles)] == [
        NoticeKind.CLOCK_BEHIND,
        NoticeKind.RELAY_DOWN,
    ]
    await clear(desk)
    await report(desk, NoticeKind.MAIL_EXPIRED, subject="7", details="mail 7")
    await clear(desk, NoticeKind.RELAY_DOWN, SERVER)
    (mail,) = await told(desk)
    text = text_of(mail)
    assert "These troubles are over:\n\nThe mail server takes no mail.\n---" in text
    assert "mail 7" in text
    assert "The clock" not in text, "it came and went while nobody could be told"


async def test_where_nothing_else_waits_a_notice_finds_out_whether_the_server_takes_mail(desk: Desk) -> None:
    await report(desk, NoticeKind.LOGIN_REFUSED, subject=SERVER)
    await report(desk)
    assert len(await told(desk)) == 1
    await report(desk, NoticeKind.MAIL_EXPIRED, subject="7")
    assert await told(desk) == (), "the first notice waits"


async def test_the_trouble_of_another_server_holds_nothing_back(desk: Desk) -> None:
    await report(desk, NoticeKind.RELAY_DOWN, subject="old.example.org:25")
    await _queue_a_mail(desk)
    await report(desk)
    assert await told(desk)


async def test_without_an_operator_nothing_is_told_before_there_is_one(desk: Desk) -> None:
    await report(desk)
    desk.clock.forward(minutes=5)
    assert await notified(desk, to=()) is None
    assert await told(desk)


async def test_an_operator_is_not_mailed_about_his_own_address_and_the_others_are(desk: Desk) -> None:
    await report(desk, NoticeKind.ADDRESS_REFUSED, subject=OPERATOR, address=OPERATOR, details=OPERATOR)
    assert [mail.to for mail in await told(desk, OPERATOR, "second@example.org")] == ["second@example.org"]
    await report(desk, NoticeKind.ADDRESS_SUSPENDED, subject=OPERATOR, address=OPERATOR)
    assert await told(desk, OPERATOR) == ()
    assert await desk.db.read(notices.swarms) == [], "it is in the status, and not tried again for ever"


async def test_an_operator_who_is_named_twice_gets_one_mail(desk: Desk) -> None:
    await report(desk)
    assert [mail.to for mail in await told(desk, OPERATOR, f"Me <{OPERATOR}>")] == [OPERATOR]


async def test_two_notices_of_one_instant_do_not_stand_in_each_others_way(desk: Desk) -> None:
    await report(desk)
    await told(desk)
    now = desk.clock()
    await clear(desk)
    desk.clock.forward(minutes=5)
    assert await notified(desk, now=now, gather=False) is None
    assert await told(desk)


async def test_a_notice_outlives_a_mail_server_that_is_down_for_days(desk: Desk) -> None:
    await report(desk)
    await told(desk)
    (delivery,) = await desk.db.read(outbox.listing, status=None, limit=9)
    assert delivery.expires_at == desk.clock() + timedelta(days=14)


def test_a_template_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "notice.txt.j2").write_text("{{ notice.nothing }}", encoding="utf-8")
    known = KnownTrouble(trouble=Trouble(kind=NoticeKind.CLOCK_BEHIND, since=NOW), changed_at=NOW)
    notice = make_notice([known], NOW)
    with pytest.raises(DigestError, match=r"template notice\.txt\.j2, line 1"):
        notice_renderer(str(tmp_path))(notice)


async def test_a_notice_is_made_by_the_built_in_template_when_the_operators_own_fails(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "notice.txt.j2").write_text("{{ notice.problems }}", encoding="utf-8")
    await report(desk)
    (mail,) = await told(desk, render=reliable_notice_renderer(str(tmp_path)))
    text = text_of(mail)
    assert text.startswith("The clock of this machine is behind")
    assert "template notice.txt.j2, line 1: " in text
    assert text.endswith("Notices are made by the built-in template until it is fixed.\n")


async def _queue_a_mail(desk: Desk) -> None:
    slot = make.slot()
    number = await desk.db.write(digests.insert, "AI 日报", slot, desk.clock(), 1, "f1")
    assert number
    await desk.db.write(
        outbox.insert, number, make.mail(), now=desk.clock(), expires_at=desk.clock() + EXPIRE
    )
