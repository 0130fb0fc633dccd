"""A digest to render, and how a reader sees it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bs4 import BeautifulSoup

from monitor.digests.build import build
from monitor.digests.parts import Parts, split
from monitor.digests.render import digest_renderer
from monitor.model.digests import Digest, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.mail import Rendered
from monitor.model.rules import PendingEntry
from tests.make import NOW, entry, hit, match, rule, subscription

RULES = (("人工智能", "f1"), ("芯片", "f2"), ("机器人", "f3"))
FEEDS = {"https://feed.example.org/rss": "纽约时报中文网", "https://other.example.org/rss": "示例财经"}
WATCHED = Watched(feeds=(("纽约时报中文网", FeedHealth.OK), ("示例财经", FeedHealth.OK)), entries=41)
SUMMARY = "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果公开。"


def waits(
    title: str = "开源大模型的重心正在转移", *fingerprints: str, seq: int = 1, **differ: Any
) -> PendingEntry:
    hits = (hit("大模型"),) if "大模型" in title else ()
    matches = tuple(match(fingerprint, hits=hits) for fingerprint in fingerprints or ("f1",))
    return PendingEntry(seq=seq, entry=entry(title, number=seq, **differ), matches=matches)


def digest(
    *pending: PendingEntry,
    locale: str = "zh-Hans",
    name: str = "AI 日报",
    left_before: int = 0,
    **differ: Any,
) -> Digest:
    values: dict[str, Any] = {
        "slot": Slot.named("at:2026-11-24T08:00", NOW),
        "rules": [(rule(name), fingerprint) for name, fingerprint in RULES],
        "feeds": FEEDS,
        "watched": WATCHED,
        "since": NOW - timedelta(days=1),
        "now": NOW,
        "next_at": NOW + timedelta(days=1),
        **differ,
    }
    built = build(subscription(name, locale=locale), pending=pending, **values)
    return replace(built, left=left_before)


def rendered(*pending: PendingEntry, **differ: Any) -> Rendered:
    return digest_renderer()(digest(*pending, **differ))


def parts_of(*pending: PendingEntry, **differ: Any) -> Parts:
    return split(digest(*pending, **differ), digest_renderer())


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "lxml")


def words(html: str) -> str:
    """What a reader sees of the body, in one line."""
    body = soup(html).body
    assert body
    return " ".join(body.get_text(" ").replace("\xa0", " ").split())


RICH = (
    waits(
        "开源大模型的重心正在转移：两千块芯片如何追上一万六千块",
        "f1",
        "f2",
        story="s",
        summary=SUMMARY,
        text="字" * 4000,
        sections=("科技",),
        published=NOW - timedelta(hours=15),
        original="https://www.example.org/models.html",
    ),
    waits("开源大模型的重心", seq=2, story="s", feed_url="https://other.example.org/rss"),
    waits("新规之后：对华芯片许可再生变数", "f2", seq=3, summary="新规要求逐单申请。"),
)
