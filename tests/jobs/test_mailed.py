"""What counts as mailed stood with its link in both parts of a mail that was taken, once; or it is owed."""

from collections.abc import Mapping
from datetime import time, timedelta
from email import message_from_bytes, policy
from html import unescape

import pytest
from sqlalchemy import select

from monitor.digests.room import LARGEST, LARGEST_TEXT
from monitor.errors import SendKind
from monitor.model.mail import DeliveryStatus, Mail
from monitor.model.recipients import ChangedBy
from monitor.store import choices, owed, tables
from monitor.store.database import Connection
from tests import make
from tests.fakes import FakeMailbox
from tests.jobs.desk import Desk
from tests.make import document, item

ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
FEEDS = tuple(make.feed(name, url=f"https://{at}.example.org/rss") for at, name in enumerate("甲乙丙丁戊"))
SHAPES = (
    "{}研究所的大模型学会辨认{}",
    "大模型辨认{1} {0}研究所再添新作",
    "{1}也能辨认：{0}研究所大模型",
    "{}研究所教大模型辨认{}",
    "辨认{1}的大模型，来自{0}研究所",
)
PADDING = "long-" * 90  # of a link, so that three mails do not hold them all


def _name(number: int, of: int) -> str:
    return f"{chr(0x5300 + 7 * number + of)}{chr(0x6300 + 5 * number + of)}{chr(0x7300 + 3 * number + of)}"


def _news(desk: Desk, day: int, stories: int, padding: str) -> None:
    """Each feed brings each story in words of its own; every fourth story is about a lamp, which has a rule as well."""
    for at, (feed, shape) in enumerate(zip(FEEDS, SHAPES, strict=True)):
        items = []
        for number in range(stories):
            title = shape.format(_name(number, 400 * day), _name(number, 200 + 400 * day))
            title += "，用的是灯" * (number % 4 == 0)
            link = f"https://{at}.example.org/{day}/{number}/?a=1&b={padding}"
            published = desk.clock() - timedelta(minutes=5 + number)
            items.append(item(title, id=link, link=link, published=published))
        desk.web.serves(feed, document(*items))


async def _day(desk: Desk, day: int, stories: int, padding: str = "") -> None:
    _news(desk, day, stories, padding)
    await desk.poll()
    at = desk.clock.forward(minutes=1)
    await desk.compose(make.slot(f"at:{at:%Y-%m-%dT%H:%M}", at))
    while await desk.deliver():
        desk.clock.forward(seconds=1)
    desk.clock.forward(hours=23)


def _lines(mail: Mail) -> tuple[set[str], str]:
    """The lines of the text, and the HTML without entities."""
    text, html = (
        str(part.get_content()) for part in message_from_bytes(mail.raw, policy=policy.default).iter_parts()
    )
    assert len(text.replace("\r\n", "\n").encode()) <= LARGEST_TEXT
    assert len(html.replace("\r\n", "\n").encode()) <= LARGEST
    assert len(mail.raw) <= 250_000
    return set(text.split()), unescape(html)


async def _brought(desk: Desk, recipient: str) -> list[int]:
    """The entries whose links stand in both parts of the mails that the recipient was sent, as seqs."""
    links = await _links(desk)
    brought: list[int] = []
    for mail in desk.mailbox.mails:
        if mail.to == recipient:
            text, html = _lines(mail)
            in_text = {seq for seq, link in links.items() if link in text}
            assert in_text == {seq for seq, link in links.items() if f'href="{link}"' in html}
            brought += in_text
    return sorted(brought)


async def _links(desk: Desk) -> Mapping[int, str]:
    entry = tables.entries.c
    return dict(await desk.db.read(lambda tx: [*map(tuple, tx.execute(select(entry.seq, entry.link)))]))


async def _recorded(desk: Desk, recipient: str) -> list[int]:
    """The entries that by the table digest_entries stand in mails to the recipient that were taken."""

    def read(tx: Connection) -> list[int]:
        stands, mail = tables.digest_entries.c, tables.outbox.c
        query = select(stands.seq).join(tables.outbox, mail.digest_id == stands.digest_id)
        taken = mail.recipient == recipient, mail.status == DeliveryStatus.SENT.value
        return list(tx.scalars(query.where(*taken).order_by(stands.seq)))

    return await desk.db.read(read)


@pytest.mark.parametrize("padding", ["", PADDING], ids=["one mail", "more than three mails"])
async def test_what_counts_as_mailed_stood_with_its_link_in_both_parts_once_or_is_owed(
    desk: Desk, padding: str
) -> None:
    desk.feeds, desk.rules = FEEDS, (make.rule(), make.rule("灯", any=("用的是灯",)))
    desk.subscription = make.subscription(every=None, at=(time(8),), to=(ANN, BOB, CARL))
    key, lamps = desk.subscription.name, range(0, 60, 4)
    await desk.register()

    def decline(tx: Connection) -> None:
        (choice,) = choices.ensure(tx, key, [BOB]).values()
        choices.change(tx, choice.number, {"without": ("人工智能",)}, desk.clock(), ChangedBy.OPERATOR)

    await desk.db.write(decline)
    desk.mailbox.refuses(SendKind.REFUSED)  # the first mail of all
    await _day(desk, 1, 60, padding)
    debts = await desk.db.read(owed.of, key)
    assert debts
    for recipient in (ANN, BOB, CARL):
        brought, owes = await _brought(desk, recipient), debts.get(recipient, {})
        assert brought == await _recorded(desk, recipient)
        wanted = set(range(1, 301))
        if recipient == BOB:
            wanted = {seq for seq in wanted if (seq - 1) % 60 in lamps}
        assert set(brought) | owes.keys() == wanted
        assert not set(brought) & owes.keys()
    for day in range(2, 5):
        desk.mailbox, mails = FakeMailbox(), desk.mailbox.mails  # as after a restart
        desk.mailbox.mails = mails
        await _day(desk, day, 1)
    assert await desk.db.read(owed.of, key) == {}
    every = list(range(1, 301 + 3 * 5))
    assert await _brought(desk, ANN) == every, "each once"
    assert await _brought(desk, CARL) == every
