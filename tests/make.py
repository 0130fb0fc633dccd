"""A valid default for every field, so that a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from monitor.config.options import Feed, Rule, Subscription
from monitor.model.digests import Slot
from monitor.model.feeds import Entry
from monitor.model.mail import Mail
from monitor.model.rules import Hit, Match

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # a Tuesday, 08:00 in Shanghai


def feed(name: str = "纽约时报中文网", **differ: Any) -> Feed:
    return Feed(**{"name": name, "url": "https://feed.example.org/rss", **differ})


def entry(title: str = "开源大模型的重心正在转移", **differ: Any) -> Entry:
    number = differ.pop("number", 1)
    values: dict[str, Any] = {
        "feed_url": "https://feed.example.org/rss",
        "id": f"https://news.example.org/{number}/",
        "title": title,
        "link": f"https://news.example.org/{number}/",
        "published": NOW - timedelta(hours=3),
        "first_seen": NOW - timedelta(hours=2),
        **differ,
    }
    values.setdefault("story", f"{values['feed_url']} {values['id']}")
    return Entry(**values)


def rule(name: str = "人工智能", **differ: Any) -> Rule:
    return Rule(**{"name": name, "any": ("AI", "大模型"), **differ})


def hit(word: str = "大模型", **differ: Any) -> Hit:
    values = {"field": "title", "word": word, "found": word, "start": 2, **differ}
    return Hit(**{"end": values["start"] + len(str(values["found"])), **values})


def match(fingerprint: str = "f1", **differ: Any) -> Match:
    return Match(**{"fingerprint": fingerprint, "hits": (hit(),), **differ})


def subscription(name: str = "AI 日报", **differ: Any) -> Subscription:
    return Subscription(**{"name": name, "to": ("reader@example.org",), "every": timedelta(0), **differ})


def slot(name: str = "at:2026-11-24T08:00", at: datetime = NOW, *, late: bool = False) -> Slot:
    return Slot.named(name, at, late=late)


def mail(to: str = "reader@example.org", **differ: Any) -> Mail:
    number = differ.pop("number", 1)
    message_id = f"<{number}@example.org>"
    raw = f"From: <digest@example.org>\r\nTo: {to}\r\nSubject: 1\r\nMessage-ID: {message_id}\r\n\r\nhello\r\n"
    return Mail(
        **{
            "message_id": message_id,
            "date": NOW,
            "sender": "digest@example.org",
            "to": to,
            "raw": raw.encode(),
            **differ,
        }
    )


def item(
    title: str,
    *,
    id: str = "",  # noqa: A002 - the word of the feed
    link: str = "",
    published: datetime | None = NOW - timedelta(hours=3),
) -> str:
    """One item for `document`; what is "" or None it does not have."""
    guid = f"<guid isPermaLink='false'>{escape(id)}</guid>" if id else ""
    address = f"<link>{escape(link)}</link>" if link else ""
    date = f"<pubDate>{format_datetime(published)}</pubDate>" if published else ""
    return f"<item><title>{escape(title)}</title>{guid}{address}{date}</item>"


def document(*items: str) -> bytes:
    """A document with these items."""
    head = "<title>示例</title><link>https://news.example.org/</link><description>示例</description>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'.encode()


def rss(*titles: str, hours_old: float = 3) -> bytes:
    """A document with one item for each title; the title is its identity."""
    published = NOW - timedelta(hours=hours_old)
    return document(
        *(
            item(title, id=title, link=f"https://news.example.org/{quote(title)}/", published=published)
            for title in titles
        )
    )
