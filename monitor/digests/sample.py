"""Make samples of digests and of a notice, to try templates on; and a digest of made-up news, to look at."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.config.options import ENTRY_FIELDS, Rule, Subscription
from monitor.digests.build import build
from monitor.digests.notice import make_notice
from monitor.model.digests import Copy, Digest, Section, Slot, SlotKind, Watched
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.notices import KnownTrouble, Notice, NoticeKind, Trouble
from monitor.model.recipients import Contact
from monitor.model.rules import Hit, Match, PendingEntry

_AT = datetime(2026, 11, 24, tzinfo=UTC)
_TITLE = "AI: 开源大模型的重心正在转移"
_ENTRIES = 100  # more than are shown whole


def sample_digests(subscription: Subscription) -> Iterator[Digest]:
    """Yield a digest with all that one may have, a part of it, and a digest with as little as there can be."""
    day = timedelta(days=1)
    full = build(
        subscription,
        Slot(kind=SlotKind.AT, key="2026-11-24T08:00", at=_AT, late=True),
        [_pending(number, entry) for number, entry in enumerate(_entries(), start=1)],
        rules=[(Rule(name=name, any=("AI",)), name) for name in ("A", "B", "C")],
        feeds={"https://a.example.org/": "A", "https://b.example.org/": "B"},
        watched=Watched(
            feeds=tuple((health.value, health) for health in FeedHealth),
            entries=2 * _ENTRIES,
            excluded_by=(("AI", 3),),
        ),
        since=_AT - day,
        now=_AT,
        next_at=_AT + day,
        owed=[PendingEntry(seq=_ENTRIES + 1, entry=_entry(_ENTRIES + 1), matches=())],
    )
    full = replace(full, sections=tuple(map(_with_all, full.sections)))
    yield replace(full, contact=Contact(public_url="https://news.example.org", answers="editor@example.org"))
    yield replace(full, part=2, parts=2, left=1, contact=Contact(answers="editor@example.org"))
    yield build(
        subscription,
        Slot(kind=SlotKind.AT_ONCE, key="1", at=_AT),
        [_pending(1, _entry(1, link="", story="1"))],
        rules=[(Rule(name="A", any=("AI",)), "A")],
        feeds={},
        watched=Watched(),
        since=None,
        now=_AT,
        next_at=None,
    )


def made_up_digest(subscription: Subscription, now: datetime, *, next_at: datetime | None) -> Digest:
    """Return a digest of a few made-up news, as a good morning brings them."""
    hour = timedelta(hours=1)
    pending = [
        PendingEntry(
            seq=number,
            entry=_entry(
                number,
                title=title,
                summary=summary,
                published=now - number * hour,
                first_seen=now,
                link=f"https://news.example.org/{number}",
            ),
            matches=(Match(fingerprint=rule, hits=(Hit("title", word, word, at, at + len(word)),)),),
        )
        for number, (rule, word, title, summary) in enumerate(_MADE_UP, start=1)
        for at in [title.index(word)]
    ]
    return build(
        subscription,
        Slot(kind=SlotKind.NOW, key=now.isoformat(), at=now),
        pending,
        rules=[(Rule(name=name, any=(name,)), name) for name in dict.fromkeys(row[0] for row in _MADE_UP)],
        feeds={"https://a.example.org/": "example.org"},
        watched=Watched(feeds=(("example.org", FeedHealth.OK),), entries=40),
        since=None,
        now=now,
        next_at=next_at,
    )


# Rule, word found, title, summary.
_MADE_UP = (
    (
        "人工智能",
        "大模型",
        "三所大学公布同一个大模型的训练账本",
        "电费占四成，数据整理占三成，剩下的是反复试错。",
    ),
    (
        "人工智能",
        "AI",
        "小镇图书馆用 AI 给方志编索引",
        "两名馆员花了一个冬天，把八十年的手写卡片变成可以检索的文字。",
    ),
    (
        "人工智能",
        "智能体",
        "会订车票的智能体，也会订错",
        "一位读者记录了一周的得失：省下两小时，多跑一趟车站。",
    ),
    ("芯片", "芯片", "老厂房里的芯片封装线重新开机", "设备是旧的，订单是新的，工人大多是回来的。"),
    (
        "芯片",
        "chip",
        "A chip that sleeps most of the day",
        "It wakes for a moment a minute, and lasts for years.",
    ),
)


def sample_notice() -> Notice:
    """Return a notice of every kind: one trouble that is over, and more that are there than are shown."""
    troubles = [
        KnownTrouble(
            trouble=Trouble(kind=kind, subject=str(number), details="one\ntwo" if number else "", since=_AT),
            changed_at=_AT,
            over_at=None if number else _AT,
        )
        for kind in NoticeKind
        for number in range(10)
    ]
    return make_notice(troubles, _AT)


def _with_all(section: Section) -> Section:
    """Return a section with an update, an item with copies, and one more source of what was mailed before."""
    first, *others = section.items
    copies = tuple(Copy(seq=number, entry=_entry(number), feed="B") for number in range(2))
    known = replace(first, known_since=_AT)
    return replace(
        section,
        items=(replace(first, update_of=_AT), *others),
        more=tuple(replace(item, copies=copies, update_of=_AT) for item in section.more),
        known=(known, replace(known, copies=copies)),
    )


def _entries() -> Iterator[Entry]:
    yield _entry(
        1,
        authors=("Ann",),
        published=_AT,
        sections=("Tech",),
        summary="AI " * 200,
        text="AI " * 2000,
        original="https://c.example.org/1",
    )
    yield _entry(2, feed_url="https://b.example.org/", story="1")  # the story of the first, by another feed
    yield from (_entry(number, summary="AI") for number in range(3, _ENTRIES))
    yield _entry(_ENTRIES, title="", link="")


def _entry(number: int, **differ: Any) -> Entry:
    values = {
        "feed_url": "https://a.example.org/",
        "id": str(number),
        "story": str(number),
        "title": _TITLE,
        "link": f"https://a.example.org/{number}",
        "first_seen": _AT,
    }
    return Entry(**{**values, **differ})


def _pending(number: int, entry: Entry) -> PendingEntry:
    hits = tuple(Hit(field, "AI", "AI", 0, 2) for field in ENTRY_FIELDS) if entry.title else ()
    matches = (Match(fingerprint="A", hits=hits), Match(fingerprint="B", hits=hits))
    return PendingEntry(seq=number, entry=entry, matches=matches)
