"""Read 纽约时报中文网: its 12-hour clock, sections, captions, author notes, and the English original.

Knows the official feed (an abstract, then picture, credit and caption), its traditional edition and mirrors, the
full texts it had until 2015 and those of feedx.net. What is stripped here carries words that are not the
article's: an author note says 人工智能, a standing disclaimer says OpenAI.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

from monitor.feeds.links import split_address
from monitor.feeds.raw import RawChannel, RawEntry, SourceReading
from monitor.feeds.sanitize import Page, plain

_BEIJING = timezone(timedelta(hours=8))
_HOST = re.compile(r"(?:^|\.)nytimes\.com$")
_GENERATOR = "nytimes_cn_rss_generator"
# An article has this path whatever the host and the edition: /zh-hant/ and /dual/ come behind it.
_ARTICLE_PATH = re.compile(r"^/([a-z][a-z-]*)/(\d{8})/([^/]+)(?:/|$)")

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

# The publication time in the full texts of feedx; the style that marks captions and credits of the official feed.
_ATTRIBUTES = (("time", "pudate"), ("p", "style"))
# Pictures with their captions and credits (grey paragraphs in the official feed), the byline, the foot, an advert.
_LEFT_OUT = (
    "figure, figcaption, address, time, small, cite, footer, hr ~ div, p[style*=gray], p[style*='#999']"
)
_LONGEST_ABSTRACT = 500  # characters

_HALF_DAY = timedelta(hours=12)
_CLOCK_AHEAD = timedelta(minutes=10)  # the publisher's clock may be ahead of ours
# What an assumption about the time of day costs. The order of the feed is almost a proof, but an old entry may stand
# among new ones.
_FUTURE = 1000.0
_OUT_OF_ORDER = 10.0
_NIGHT = {
    0: 1.0,
    1: 1.0,
    2: 1.0,
    3: 1.0,
    4: 1.0,
    5: 0.8,
    6: 0.4,
    7: 0.2,
    22: 0.2,
    23: 0.4,
}  # by hour in Beijing

_LONGEST_NOTE = 300  # characters; what is longer is the article's
# The paper says about itself, in the middle of texts on AI and in ever other words: （《纽约时报》已起诉OpenAI……）
_ASIDE = re.compile(r"[（(](?:[^（()）]|[（(][^（()）]*[)）]){1,400}[)）]")
_THE_PAPER = re.compile("纽约时报|紐約時報|时报|時報")
_LAWSUIT = re.compile("起诉|起訴|提告|控告|控诉|控訴|诉讼|訴訟|侵犯|侵权|侵權")
# Everything from here on points to other articles.
_RELATED = re.compile(r"(?:相关|相關)(?:文章|报道|報道|報導|阅读|閱讀|内容|內容)\s*[:：]?")
_FOOT = re.compile(
    r"(?:纽约时报中文网|紐約時報中文網)$"
    r"|(?:翻译|翻譯|译者|譯者|校对|校對|编译|編譯|责任编辑|責任編輯)\s*[:：]"
    r"|(?:点击|點擊)(?:查看|这里|這裡)|查看(?:本文)?英文|(?:阅读|閱讀)英文"
    r"|(?:本文|此文)(?:最初|首次|原)?(?:发表|發表|刊发|刊發|刊登)"
    r"|(?:欢迎|歡迎).{0,20}(?:关注|關注)|(?:获取|獲取)更多RSS|https?://\S+$"
)
_ROLE = (
    "记者|記者|撰稿人|撰稿者|编辑|編輯|主编|主編|社长|社長|主任|专栏作家|專欄作家|专栏作者|專欄作者|评论员|評論員|"
    "作者|作家|摄影师|攝影師|主持人|通讯员|通訊員|研究员|研究員|委员|委員"
)
_NOTE = re.compile(
    # 某某撰写有关人工智能……的新闻。 某某报道亚洲地区的商业新闻。
    r"^[^，。]{1,40}?(?:撰写|撰寫|报道|報道|報導|负责|負責)(?:有关|有關|关于|關於).{2,}(?:新闻|新聞|报道|報道|文章|领域|領域)"
    # 某某是时报科技记者，常驻台北。 某某(Name)是《纽约时报》驻京记者。
    rf"|^[^，。]{{1,60}}?(?:是|为|為|系|係)(?:[^，。]{{0,20}})(?:时报|時報).{{0,40}}(?:{_ROLE})"
    # 某某对本文有研究贡献。 某某为本文提供报道。 某某自北京、某某自香港报道。
    r"|(?:对|對|为|為)(?:本文|此文).{0,12}(?:贡献|貢獻|报道|報道|報導|研究|翻译|翻譯|协助|協助)"
    r"|^[^，。]{1,60}自[^，。]{1,60}(?:报道|報道|報導)。?$"
)
_ABOUT_AUTHOR = re.compile(
    r"\s*(?:[（(][^（()）]{1,80}[)）])?\s*(?:是|为|為|系|係|于|於|曾|自|从|從|在|现|現|的|撰|报|報|负|負|常|目|\d)"
)

_Path = tuple[float, tuple[datetime, ...]]  # what a choice of times costs, and the times


def is_publisher(channel: RawChannel, entries: Sequence[RawEntry]) -> bool:
    """Return whether a document is of 纽约时报中文网, whoever served it."""
    if channel.generator == _GENERATOR or split_address(channel.link).hostname == "cn.nytimes.com":
        return True
    articles = sum(_is_article(entry.link) or _is_article(entry.id) for entry in entries)
    return articles * 2 > len(entries)


def read_entries(channel: RawChannel, entries: Sequence[RawEntry], now: datetime) -> list[SourceReading]:
    """Return what each item says, in the publisher's sense; the official feed's times are on a 12-hour clock."""
    times: Sequence[datetime | None] = [entry.published for entry in entries]
    if channel.generator == _GENERATOR:
        times = decode_half_day_clock(times, now=now)
    return [_read_entry(entry, time) for entry, time in zip(entries, times, strict=True)]


def decode_half_day_clock(times: Sequence[datetime | None], *, now: datetime) -> list[datetime | None]:
    """Return the likeliest instants for the times of one document, newest entry first, that lack AM and PM.

    The order of the feed and what cannot be later than `now` decide; where both halves of a day are possible, an
    editor's hours are. A document that shows an hour of 0 or above 12 keeps a 24-hour clock: nothing is changed.
    """
    known = [time for time in times if time]
    hours = [time.astimezone(_BEIJING).hour for time in known]
    if not hours or any(hour == 0 or hour > 12 for hour in hours):
        return list(times)
    decoded = iter(_likeliest([_morning_and_evening(time) for time in known], now))
    return [next(decoded) if time else None for time in times]


def article_paragraphs(paragraphs: Sequence[str], authors: Sequence[str]) -> list[str]:
    """Return the article's own paragraphs: no foot, no author notes, nothing about the paper's own lawsuit.

    Only what stands at the end counts as foot, so that an article about a reporter keeps its sentences.
    """
    kept = list(filter(None, (_without_aside(paragraph) for paragraph in paragraphs)))
    for place, paragraph in enumerate(kept):
        if _RELATED.fullmatch(paragraph):
            del kept[place:]
            break
    names = [author.casefold() for author in authors]
    while kept and _is_foot(kept[-1], names):
        kept.pop()
    return kept


def _is_article(link: str) -> bool:
    if "nytimes" not in link.lower():
        return False
    return _HOST.search(split_address(link).hostname or "") is not None and _match_path(link) is not None


def _match_path(link: str) -> re.Match[str] | None:
    """Match an article's path: its section, day and name."""
    return _ARTICLE_PATH.match(split_address(link).path)


def _read_entry(entry: RawEntry, published: datetime | None) -> SourceReading:
    page = Page(entry.content or entry.summary, keep=_ATTRIBUTES)
    published_on_page = _published_on_page(page)
    # feedx has the byline in the text alone.
    authors = entry.authors or tuple(
        name.strip() for name in page.first_text("address").split(",") if name.strip()
    )
    original = _original(page)
    page.drop(_LEFT_OUT)
    summary, text = _summary_and_text(entry, page, authors, is_whole=published_on_page is not None)
    path = _match_path(entry.link) or _match_path(entry.id)
    return SourceReading(
        summary=summary,
        text=text,
        published=published_on_page or published,
        authors=authors,
        sections=_sections(entry.categories, path[1] if path else ""),
        original=original,
        story=f"nyt:/{path[1]}/{path[2]}/{path[3]}" if path else "",
    )


def _published_on_page(page: Page) -> datetime | None:
    """Return the page's own time, which it writes in Beijing's; feedx's date is that of its visit."""
    try:
        local = datetime.fromisoformat(page.attribute("time", "pudate"))
    except ValueError:
        return None
    return local.replace(tzinfo=_BEIJING).astimezone(UTC)


def _original(page: Page) -> str:
    """Return the link to the English article at the foot; "" without one."""
    links = [
        link
        for link, text in page.links()
        if re.search("英文|English", text) and _HOST.search(split_address(link).hostname or "")
    ]
    return links[-1] if links else ""


def _summary_and_text(
    entry: RawEntry, page: Page, authors: Sequence[str], *, is_whole: bool
) -> tuple[str, str]:
    """Split a page: the abstract stands before the first paragraph, where there is one."""
    lead, paragraphs = page.lead(), page.paragraphs()
    text = "\n".join(article_paragraphs(paragraphs[bool(lead) :], authors))
    if not lead and entry.content:
        lead = plain(entry.summary)
    if is_whole or lead or len(text) > _LONGEST_ABSTRACT:
        return lead, text
    return text, ""  # an abstract in a paragraph of its own


def _sections(categories: Sequence[str], path: str) -> tuple[str, ...]:
    names = [*(categories or [_SECTIONS.get(path, "")]), path]
    return tuple(dict.fromkeys(name for name in names if name))


def _morning_and_evening(time: datetime) -> tuple[datetime, datetime]:
    local = time.astimezone(_BEIJING)
    morning = local.replace(hour=local.hour % 12).astimezone(UTC)
    return morning, morning + _HALF_DAY


def _likeliest(choices: Sequence[tuple[datetime, datetime]], now: datetime) -> list[datetime]:
    """Return one time of each pair, so that all of them together cost least (Viterbi's algorithm)."""
    paths: list[_Path] = [(_cost(time, now), (time,)) for time in choices[0]]
    for pair in choices[1:]:
        paths = [_cheapest(_extended(path, time, now) for path in paths) for time in pair]
    return list(_cheapest(paths)[1])


def _extended(path: _Path, time: datetime, now: datetime) -> _Path:
    cost, times = path
    return cost + _cost(time, now) + (_OUT_OF_ORDER if time > times[-1] else 0.0), (*times, time)


def _cheapest(paths: Iterable[_Path]) -> _Path:
    return min(paths, key=lambda path: path[0])


def _cost(time: datetime, now: datetime) -> float:
    return _NIGHT.get(time.astimezone(_BEIJING).hour, 0.0) + (_FUTURE if time > now + _CLOCK_AHEAD else 0.0)


def _without_aside(paragraph: str) -> str:
    if not _THE_PAPER.search(paragraph):
        return paragraph
    return _ASIDE.sub(lambda aside: "" if _is_about_lawsuit(aside[0]) else aside[0], paragraph).strip()


def _is_about_lawsuit(aside: str) -> bool:
    return _THE_PAPER.search(aside) is not None and _LAWSUIT.search(aside) is not None


def _is_foot(paragraph: str, names: Sequence[str]) -> bool:
    if len(paragraph) > _LONGEST_NOTE:
        return False
    folded = paragraph.casefold()
    about_author = any(
        folded.startswith(name) and _ABOUT_AUTHOR.match(paragraph[len(name) :]) for name in names
    )
    return about_author or _FOOT.match(paragraph) is not None or _NOTE.search(paragraph) is not None
