"""纽约时报中文网: its 12-hour clock, its sections, its captions and author notes, the English original.

Knows the official feed (an abstract, then picture, credit and caption), its traditional edition and mirrors, the
full texts it had until 2015 and those of feedx.net. What is stripped here carries words that are not the
article's: an author note says 人工智能, a standing disclaimer says OpenAI.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from monitor.feeds.links import parts
from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sanitize import Page, plain
from monitor.feeds.sources.half_day_clock import decode
from monitor.feeds.sources.nyt_furniture import article

_BEIJING = timezone(timedelta(hours=8))
_HOST = re.compile(r"(?:^|\.)nytimes\.com$")
_GENERATOR = "nytimes_cn_rss_generator"
# An article has this path whatever the host and the edition: /zh-hant/ and /dual/ come behind it.
_ARTICLE = re.compile(r"^/([a-z][a-z-]*)/(\d{8})/([^/]+)(?:/|$)")

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
    "real-estate": "房地产",
    "morning-brief": "简报",
}

# Pictures with their captions and credits (grey paragraphs in the official feed), the byline, the foot, an advert.
_LEFT_OUT = (
    "figure, figcaption, address, time, small, cite, footer, hr ~ div, p[style*=gray], p[style*='#999']"
)
_LONGEST_ABSTRACT = 500  # characters


def made(channel: RawChannel, entries: Sequence[RawEntry]) -> bool:
    """Is this a document of 纽约时报中文网, whoever served it?"""
    if channel.generator == _GENERATOR or parts(channel.link).hostname == "cn.nytimes.com":
        return True
    ours = sum(_is_article(entry.link) or _is_article(entry.id) for entry in entries)
    return ours * 2 > len(entries)


def _is_article(link: str) -> bool:
    address = parts(link)
    return _HOST.search(address.hostname or "") is not None and _ARTICLE.match(address.path) is not None


def read(channel: RawChannel, entries: Sequence[RawEntry], now: datetime) -> list[Reading]:
    """Read each item as this publisher means it."""
    times: Sequence[datetime | None] = [entry.published for entry in entries]
    if channel.generator == _GENERATOR:
        times = decode(times, zone=_BEIJING, now=now)
    return [_reading(entry, time) for entry, time in zip(entries, times, strict=True)]


def _reading(entry: RawEntry, published: datetime | None) -> Reading:
    page = Page(entry.content or entry.summary)
    on_page = _published_on_page(page)
    # feedx has the byline in the text alone.
    authors = entry.authors or tuple(
        name.strip() for name in page.first("address").split(",") if name.strip()
    )
    original = _original(page)
    page.drop(_LEFT_OUT)
    summary, text = _parts(entry, page, authors, is_whole=on_page is not None)
    path = _ARTICLE.match(parts(entry.link).path) or _ARTICLE.match(parts(entry.id).path)
    return Reading(
        summary=summary,
        text=text,
        published=on_page or published,
        authors=authors,
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
        if re.search("英文|English", text) and _HOST.search(parts(link).hostname or "")
    ]
    return links[-1] if links else ""


def _parts(entry: RawEntry, page: Page, authors: Sequence[str], *, is_whole: bool) -> tuple[str, str]:
    """Summary and text: the abstract stands before the first paragraph, where there is one."""
    lead, paragraphs = page.lead(), page.paragraphs()
    text = "\n".join(article(paragraphs[bool(lead) :], authors))
    if not lead and entry.content:
        lead = plain(entry.summary)
    if is_whole or lead or len(text) > _LONGEST_ABSTRACT:
        return lead, text
    return text, ""  # an abstract in a paragraph of its own


def _sections(categories: Sequence[str], path: str) -> tuple[str, ...]:
    names = [*(categories or [_SECTIONS.get(path, "")]), path]
    return tuple(dict.fromkeys(name for name in names if name))
