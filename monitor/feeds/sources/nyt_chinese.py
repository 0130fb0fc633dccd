"""纽约时报中文网: its 12-hour clock, its sections, its captions and author notes, the English original.

Knows the official feed (an abstract, then picture, credit and caption), its traditional edition and mirrors, and
feedx.net's full texts. What is stripped here is what carries words that are not the article's: an author note says
人工智能, and a standing disclaimer says OpenAI.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sanitize import Page
from monitor.feeds.sources.half_day_clock import decode

_BEIJING = timezone(timedelta(hours=8))
_HOST = re.compile(r"(^|\.)cn\.nytimes\.com$")
_GENERATOR = "nytimes_cn_rss_generator"
_ARTICLE = re.compile(r"^/(?:zh-hant/)?([a-z][a-z-]*)/(\d{8})/([^/]+)(?:/|$)")

# The Chinese names are the feed's own categories.
_SECTIONS = {
    "technology": "科技",
    "business": "商业与经济",
    "china": "中国",
    "usa": "美国",
    "world": "国际",
    "asia-pacific": "亚太",
    "opinion": "观点与评论",
    "culture": "文化",
    "style": "风尚",
    "science": "科学",
    "health": "健康",
    "education": "教育",
    "travel": "旅游",
    "sports": "体育",
    "obits": "讣告",
    "morning-brief": "简报",
}

_LEFT_OUT = "figure, figcaption, address, time, footer, small, hr ~ div, p[style*=gray], p[style*='#999']"
_FURNITURE = re.compile(
    # An author's note: 某某撰写有关……的新闻。 某某是时报……记者。
    r"(撰写|撰寫|报道|報道|報導|负责|負責)(有关|有關|关于|關於)?.{0,120}(新闻|新聞|领域|領域|事务|事務)。?$"
    r"|是.{0,40}(时报|時報).{0,40}(记者|記者|撰稿人|编辑|編輯|社长|社長|主任|作家|作者|评论员|評論員)"
    r"|为.{0,12}(本文|时报|時報).{0,20}(有贡献|有貢獻|撰稿|对.*贡献)"
    r"|(点击|點擊)(查看|这里|這裡)|^(翻译|翻譯|译者|譯者|校对|校對)[:：]|^(欢迎|歡迎)在.{0,20}(关注|關注)"
    r"|^(本文|此文)最初.{0,10}(发表|發表)|^获取更多RSS|^https?://feedx\.net"
)
_DISCLAIMER = re.compile(r"(纽约时报|紐約時報).{0,80}(起诉|起訴|诉讼|訴訟|控告).{0,200}", re.DOTALL)
_LONGEST_NOTE = 250  # characters; what is longer is the article's own


def made(channel: RawChannel, entries: Sequence[RawEntry]) -> bool:
    """Is this a document of 纽约时报中文网, whoever served it?"""
    hosts = [urlsplit(link).hostname or "" for link in (channel.link, *(entry.link for entry in entries))]
    ours = sum(_HOST.search(host) is not None for host in hosts)
    return channel.generator == _GENERATOR or (bool(hosts) and ours * 2 > len(hosts))


def read(channel: RawChannel, entries: Sequence[RawEntry], now: datetime) -> list[Reading]:
    """Read each item as this publisher means it."""
    times = [entry.published for entry in entries]
    if channel.generator == _GENERATOR:
        times = decode(times, zone=_BEIJING, now=now)
    return [_reading(entry, time) for entry, time in zip(entries, times, strict=True)]


def _reading(entry: RawEntry, published: datetime | None) -> Reading:
    page = Page(entry.content or entry.summary)
    crawled = _published_on_page(page)
    original = _original(page)
    full = bool(page.attribute("section", "class") or page.attribute("time", "pudate"))
    page.drop(_LEFT_OUT)
    paragraphs = _article(page.paragraphs())
    full = full or len(paragraphs) > 1
    path = _ARTICLE.match(urlsplit(entry.link).path) or _ARTICLE.match(urlsplit(entry.id).path)
    return Reading(
        summary="" if full else "\n".join(paragraphs),
        text="\n".join(paragraphs) if full else "",
        published=crawled or published,
        sections=_sections(entry.categories, path[1] if path else ""),
        original=original,
        story=f"nyt:/{path[1]}/{path[2]}/{path[3]}" if path else "",
    )


def _published_on_page(page: Page) -> datetime | None:
    """feedx gives its own crawl time; the page's time, in Beijing's, stands in the text."""
    try:
        found = datetime.fromisoformat(page.attribute("time", "pudate"))
    except ValueError:
        return None
    return found.replace(tzinfo=_BEIJING).astimezone(UTC)


def _original(page: Page) -> str:
    """The link to the English article at the foot, where there is one."""
    links = [
        link
        for link, text in page.links()
        if re.search("英文|English", text) and urlsplit(link).hostname in ("www.nytimes.com", "nytimes.com")
    ]
    return links[-1] if links else ""


def _article(paragraphs: Sequence[str]) -> list[str]:
    """The article alone: without its foot, and without what the paper says about its own lawsuit."""
    kept = [text for text in paragraphs if not _is_disclaimer(text)]
    while len(kept) > 1 and len(kept[-1]) <= _LONGEST_NOTE and _FURNITURE.search(kept[-1]):
        kept.pop()
    return kept


def _is_disclaimer(text: str) -> bool:
    return len(text) <= _LONGEST_NOTE and "OpenAI" in text and _DISCLAIMER.search(text) is not None


def _sections(categories: Sequence[str], path: str) -> tuple[str, ...]:
    names = [*categories, *([] if categories else [_SECTIONS.get(path, "")]), path]
    return tuple(dict.fromkeys(name for name in names if name))
