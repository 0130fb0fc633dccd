from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from monitor.mail.message import MailingList, make_mail
from monitor.mail.rewrite import once_more, text_alone, with_sender
from monitor.model.mail import Mail, Rendered
from monitor.model.recipients import OWN_LINK, Contact

DATE = datetime(2026, 11, 24, tzinfo=UTC)
LONG = "科技与人工智能日报，每天早上八点送到，周末也有 " * 3


def mail(sender: str = "AI 日报 <wrong@example.org>", html: str = "<p>网</p>") -> Mail:
    rendered = Rendered(subject="1 条", text="第一行\n.第二行\n", html=html)
    return make_mail(
        rendered,
        sender=sender,
        to="Ann <ann@example.org>",
        message_id="<1@example.org>",
        date=DATE,
        mailing_list=MailingList(key="AI 日报", name="AI 日报"),
    )


@pytest.mark.parametrize(
    "before", ["wrong@example.org", "AI 日报 <wrong@example.org>", f"{LONG} <wrong@example.org>"]
)
@pytest.mark.parametrize(
    "after", ["right@example.net", "新的名字 <right@example.net>", f"{LONG} <right@example.net>"]
)
def test_a_corrected_sender_is_all_that_changes(before: str, after: str) -> None:
    old, new = mail(before), with_sender(mail(before), after)
    fresh = make_mail(
        Rendered(subject="1 条", text="第一行\n.第二行\n", html="<p>网</p>"),
        sender=after,
        to="Ann <ann@example.org>",
        message_id="<1@example.org>",
        date=DATE,
    )
    was, now = (message_from_bytes(mail.raw, policy=policy.SMTP) for mail in (old, new))
    assert now["From"] == message_from_bytes(fresh.raw, policy=policy.SMTP)["From"]
    assert [header for header in now.items() if header[0] != "From"] == [
        header for header in was.items() if header[0] != "From"
    ]
    assert (new.sender, new.to, new.message_id) == ("right@example.net", "ann@example.org", "<1@example.org>")
    assert new.raw.partition(b"\r\n\r\n")[2] == old.raw.partition(b"\r\n\r\n")[2]


def test_the_sender_it_has_changes_nothing() -> None:
    assert with_sender(mail(), "AI 日报 <wrong@example.org>") == mail()


def test_of_a_mail_with_a_layout_the_text_alone_can_be_left() -> None:
    text = text_alone(mail())
    assert text
    message = message_from_bytes(text.raw, policy=policy.SMTP)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == ["第一行", ".第二行"]
    assert message["Message-ID"] == text.message_id != "<1@example.org>"
    assert message["Subject"] == "1 条"
    assert (text.to, text.sender, text.date) == ("ann@example.org", "wrong@example.org", DATE)
    assert text.raw.count(b"Content-Type") == 1
    assert b"\n" not in text.raw.replace(b"\r\n", b"")


def test_of_a_mail_that_is_text_nothing_less_can_be_left() -> None:
    assert text_alone(mail(html="")) is None
    text = text_alone(mail())
    assert text
    assert text_alone(text) is None


@pytest.mark.parametrize("to", ["", "op@example.org", f"{LONG} <op@example.org>"])
def test_a_mail_once_more_has_another_id_and_date_and_perhaps_another_reader(to: str) -> None:
    later = DATE.replace(day=25)
    old, new = (
        mail(LONG + " <wrong@example.org>"),
        once_more(mail(LONG + " <wrong@example.org>"), date=later, unique="1", to=to),
    )
    fresh = make_mail(
        Rendered(subject="1 条", text="第一行\n.第二行\n", html="<p>网</p>"),
        sender=LONG + " <wrong@example.org>",
        to=to or "Ann <ann@example.org>",
        message_id=new.message_id,
        date=later,
        mailing_list=MailingList(key="AI 日报", name="AI 日报"),
    )
    head = b"\r\n\r\n"
    boundary = b"Content-Type"
    assert new.raw.partition(boundary)[0] == fresh.raw.partition(boundary)[0]
    assert new.raw.partition(head)[2] == old.raw.partition(head)[2]
    assert (new.to, new.date) == (fresh.to, later)
    assert new.message_id != old.message_id
    assert once_more(old, date=later, unique="2").message_id != new.message_id


def test_a_copy_for_somebody_else_has_no_link_by_which_he_could_unsubscribe_the_recipient() -> None:
    link = "https://news.example.org/u/" + "A1-_" * 13 + "Ab"
    contact = Contact(public_url="https://news.example.org", answers="op@example.org")
    old = make_mail(
        Rendered(
            subject="1",
            text=f"退订：\n{OWN_LINK}\n" + "字" * 200,
            html=f'<a href="{OWN_LINK}">退订</a>' + "字" * 200,
        ),
        sender="digest@example.org",
        to="Ann <ann@example.org>",
        message_id="<1@example.org>",
        date=DATE,
        mailing_list=MailingList(key="AI", name="AI", contact=contact),
        link=link,
    )
    new = once_more(old, date=DATE, unique="1", to="op@example.org")
    message = message_from_bytes(new.raw, policy=policy.SMTP)
    assert "List-Unsubscribe" not in message
    assert "List-Unsubscribe-Post" not in message
    assert "List-Id" in message
    for part in message.iter_parts():
        assert "A1-_" not in part.get_content()
        assert "https://news.example.org/u/hidden" in part.get_content()
    assert max(map(len, new.raw.split(b"\r\n"))) <= 98
    again = once_more(old, date=DATE, unique="1")
    assert again.raw.partition(b"\r\n\r\n")[2] == old.raw.partition(b"\r\n\r\n")[2]
    assert link.encode() in again.raw
