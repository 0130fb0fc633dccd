"""The mails that outside tools look at: of 1, 8, 80 and 500 entries and of a hostile feed, in three languages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from functools import cache, cached_property

from monitor.digests.build import build
from monitor.digests.parts import split
from monitor.digests.render import digest_renderer
from monitor.jobs.compose import mails_to
from monitor.mail.message import MailingList
from monitor.model.digests import Digest, Section, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.mail import Mail, Rendered
from monitor.model.recipients import Contact
from monitor.model.rules import Hit, Match, PendingEntry
from tests.make import NOW, entry, rule, subscription

LOCALES = ("zh-Hans", "zh-Hant", "en")
COUNTS = (1, 8, 80, 500)
NAMES = {"zh-Hans": "AI 日报", "zh-Hant": "AI 日報", "en": "AI Daily"}
READERS = ("reader@example.org", "另一位读者 <second@example.org>")
SENDER = "AI 日报 <digest@example.org>"
CONTACT = Contact(public_url="https://digest.example.org", answers="digest@example.org")
RULES = ("人工智能", "芯片", "大厂与模型")

_FEEDS = {
    "https://cn.example.org/rss": "示例时报中文网",
    "https://feeds.example.net/all": "Example Wire",
    "https://rss.sample.com.tw/news": "樣本新聞",
}
# Word found, title, summary; the first is the subject's.
_NEWS = (
    (
        "大模型",
        "旧机房里的大模型：算力不够，就把题目改小",
        "四十块退役的显卡，一个愿意等的系主任。学生们学会了先问这道题值不值得算。",
    ),
    (
        "AI",
        "学生用AI写作业之后，老师们改了什么",
        "与其禁止，不如重新设计作业。口头答辩回来了，闭卷考试也回来了。",
    ),
    (
        "芯片",
        "等一张许可证：芯片的买家学会了算账",
        "逐单申请，没有期限。对买家来说，比等待更难的是不知道要等多久。",
    ),
    (
        "chips",
        "The quiet town where old chips go to work again",
        "A plant that was to close has more orders than workers. What it makes is old, and in short supply.",
    ),
    ("DeepSeek", "一家县医院装上DeepSeek之后", "医生用它整理病历，也用它核对药方，院方说每天省下两个小时。"),
    ("模型", "開源模型在台中的工廠：老師傅與新螢幕", "螢幕掛在車床旁邊，老師傅先是不看，後來開始糾正它。"),
    (
        "机器人",
        "四十台机器人和一条没有名字的走廊，夜里两点还在搬运昨天剩下的纸箱，调度员说它们从不抢道也从不抱怨",
        "",
    ),
    ("AI", "How a library taught an AI to read handwriting", ""),
    ("算力", "电价跌到零以后，算力去了哪里", "风大的夜里，机房比城市更亮。合同按小时签，按分钟退。"),
    ("语音", "约翰·史密斯的语音合成日记", "“它的停顿比我长，”她写道，“但那是我以前的停顿。”"),
)
HOSTILE = (
    "<script>alert(1)</script>大模型",
    '"><img src=x onerror=alert(1)> AI',
    "</title></style><svg/onload=alert(1)> AI",
    "\u202eلا\u2066 AI \u2028换行\u0085\x00\x1b[31m \ud83d",
    "\u200b\u00ad\u2060\u3164\u2800",
    "شريحة AI جديدة",
    "AI " + "字" * 5000,
    "AI https://very-long.example.org/" + "abcdefghij" * 40,
    "{{ 7 * 7 }}{% for x in y %} AI %(name)s %s %n",
    "=?utf-8?b?QUk=?= AI\r\nBcc: all@example.org\r\n\r\n<html>",
    "AI " * 300,
    "e" + "\u0301" * 200 + " AI 👩‍👩‍👧",
)


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A mail, and its parts as its reader gets them."""

    name: str
    locale: str
    rendered: Rendered  # with a placeholder for the link that is the reader's own
    mail: Mail

    @cached_property
    def parts(self) -> tuple[str, str]:
        """The text and the HTML of the bytes."""
        message = message_from_bytes(self.mail.raw, policy=policy.default)
        text, html = (part.get_content() for part in message.iter_parts())
        return text.replace("\r\n", "\n"), html.replace("\r\n", "\n")


@cache
def golden_mails() -> tuple[Golden, ...]:
    """Return every mail to the first reader; a digest of 500 entries comes in several."""
    return tuple(
        golden
        for locale in LOCALES
        for name, digest in (
            *((str(count), digest_of(count, locale)) for count in COUNTS),
            ("hostile", hostile_digest(locale)),
        )
        for golden in goldens(digest, f"{name}-{locale}", READERS[:1])
    )


def goldens(digest: Digest, name: str, readers: Sequence[str] = READERS) -> list[Golden]:
    """Return the mails of a digest to some readers."""
    parts = split(digest, digest_renderer()).parts
    return [
        Golden(
            name=f"{name}-{part.digest.part}" if len(parts) > 1 else name,
            locale=digest.subscription.locale,
            rendered=part.rendered,
            mail=mail,
        )
        for part in parts
        for mail in mails_to(
            readers,
            part.rendered,
            sender=SENDER,
            date=NOW,
            unique=f"{name} {part.digest.part}",
            mailing_list=MailingList(
                key=digest.subscription.name, name=digest.subscription.name, contact=CONTACT
            ),
            links={reader: CONTACT.page(str(at) * 54) for at, reader in enumerate(readers)},
        )
    ]


def digest_of(count: int, locale: str) -> Digest:
    """Return a digest of so many entries; one of several has a lead, debts, copies, links that lead elsewhere."""
    pending = [_waits(number) for number in range(count)]
    owed = [pending.pop()] if count > 2 else []
    copies = [_copy(pending[0], number) for number in (1, 2)] if count > 2 else []
    digest = _digest([*pending, *copies], locale, owed)
    return replace(digest, sections=tuple(map(_with_update, digest.sections)))


def hostile_digest(locale: str) -> Digest:
    """Return a digest of entries whose every field tries to be something else."""
    pending = []
    for number, title in enumerate(HOSTILE):
        poison = entry(
            title,
            number=number,
            link=("javascript:alert(1)", f"https://user@аррӏе.com/{number}", "http://127.0.0.1/")[number % 3],
            original="data:text/html,<script>alert(1)</script>",
            summary=f"{title} 摘要。",
            sections=(title[:200],),
            authors=(title,),
            published=NOW - timedelta(minutes=number),
        )
        hits = (Hit("title", "AI", "AI", title.index("AI"), title.index("AI") + 2),) if "AI" in title else ()
        pending.append(PendingEntry(seq=number, entry=poison, matches=(Match(fingerprint="f0", hits=hits),)))
    return _digest(pending, locale, [])


def _copy(of: PendingEntry, number: int) -> PendingEntry:
    """The same story by another feed, with less text."""
    feed_url = list(_FEEDS)[number]
    link = f"{feed_url}/copies/{number}"
    copied = replace(of.entry, id=link, link=link, feed_url=feed_url, text="")
    return replace(of, seq=10_000 + number, entry=copied)


def _with_update(section: Section) -> Section:
    """The second item is a later stage of a story that was mailed two days ago."""
    first, *others = section.items
    updated = [replace(item, update_of=NOW - timedelta(days=2)) for item in others[:1]]
    return replace(section, items=(first, *updated, *others[1:]))


def _waits(number: int) -> PendingEntry:
    word, title, summary = _NEWS[number % len(_NEWS)]
    feed_url, _ = list(_FEEDS.items())[1 if title.isascii() else 2 if "開" in title else 0]
    shown = title if number < len(_NEWS) else f"{title}（{number // len(_NEWS) + 1}）"
    at = shown.index(word)
    text = "".join(each[2] for each in _NEWS[number % 5 :]) * (1 + number % 5) * 3
    news = entry(
        shown,
        number=number,
        feed_url=feed_url,
        link=f"https://{'www.elsewhere.example.com' if number % 9 == 5 else feed_url.split('/')[2]}/2026/11/{number}/",
        original=f"https://www.example.org/{number}.html" if number % 4 == 0 else "",
        summary=summary,
        text=text,
        sections=(("科技", "观点与评论", "Business")[number % 3],),
        published=NOW - timedelta(minutes=37 * number + 11),
    )
    hits = [Hit("title", word, word, at, at + len(word))]
    hits += [Hit("text", "机房", "机房", text.index("机房"), text.index("机房") + 2)] * (number % 3 == 1)
    matches = [Match(fingerprint=f"f{number % 3}", hits=tuple(hits), score=1.0 + number // 3 % 3)]
    if number % 4 == 1:
        matches.append(Match(fingerprint="f2", hits=tuple(hits)))
    return PendingEntry(seq=number, entry=news, matches=tuple(matches))


def _digest(pending: Sequence[PendingEntry], locale: str, owed: Sequence[PendingEntry]) -> Digest:
    name = NAMES[locale]
    health = (FeedHealth.OK, FeedHealth.OK, FeedHealth.FAILING)
    built = build(
        subscription(name, locale=locale, to=READERS),
        Slot.named("at:2026-11-24T08:00", NOW),
        pending,
        rules=[(rule(each), f"f{number}") for number, each in enumerate(RULES)],
        feeds=_FEEDS,
        watched=Watched(feeds=tuple(zip(_FEEDS.values(), health, strict=True)), entries=len(pending) + 41),
        since=NOW - timedelta(days=1),
        now=NOW,
        next_at=NOW + timedelta(days=1),
        owed=owed,
    )
    return replace(built, contact=CONTACT)
