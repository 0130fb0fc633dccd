"""Read one article, a page or a text file, into an Entry."""

import re
from datetime import datetime

from monitor.feeds.document import decode
from monitor.feeds.links import without_tracking
from monitor.feeds.raw import RawChannel, RawEntry
from monitor.feeds.sanitize import Page, plain
from monitor.feeds.sources import reader_for
from monitor.feeds.text import clean
from monitor.model.feeds import Entry

_COMMENT = re.compile(r"\A\s*<!--.*?-->", re.DOTALL)
_LINKED_TITLE = re.compile(r"\[([^\]\n]{1,500})\]\((https?://[^)\s]+)\)\s*\n")
_HEADING = re.compile(r"#{1,3}\s+(.{1,500})\n|(.{1,500})\n(?:-{3,}|={3,})[ \t]*(?:\n|\Z)")
_RULE = re.compile(r"\A\s*(?:-{3,}|={3,})[ \t]*\n")
_MARKUP = re.compile(
    r"<(?:!doctype|html|head|body|div|p|section|article|br|h1|figure|address|span|a)\b", re.IGNORECASE
)
_TITLE_TAG = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_ARTICLE_TAG = re.compile(r"<article\b.*</article>", re.IGNORECASE | re.DOTALL)
_SITE_NAME = re.compile(r"\s+[-|–—_]\s+[^-|–—_]{1,30}$")
_AROUND = re.compile(r"<(nav|header|footer|aside|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_META_WITHIN = 1024  # bytes: HTML, "Specifying the document's character encoding"
_LONGEST_TITLE = 120  # characters: a longer first line is a paragraph


def read_article(body: bytes, content_type: str = "", *, link: str = "", now: datetime) -> Entry:
    """Read a page of HTML, or a text that begins with its title: a link or heading in Markdown, or a line.

    `link` is where it comes from, "" for a file; a link in the title counts before it. What a publisher we know puts
    around its articles is left out.
    """
    # A page may declare its charset itself.
    declarations = f"{content_type} {body[:_META_WITHIN].decode('ascii', 'replace')}"
    text = _COMMENT.sub("", decode(body, declarations).removeprefix("\ufeff"), count=1).strip()
    title, title_link, rest = _split_title(text)
    link = without_tracking(title_link or link)
    raw = RawEntry(
        id=link,
        title=title,
        link=link,
        authors=(),
        published=None,
        categories=(),
        summary="",
        content=_article_html(rest),
    )
    channel = RawChannel(title="", link=link, generator="")
    reading = reader_for(channel, [raw])(channel, [raw], now)[0]
    byline = Page(rest).first_text("address") if _MARKUP.search(rest) else ""
    return Entry(
        feed_url=link,
        id=link or title,
        story=reading.story or link or title,
        title=title,
        link=link,
        authors=tuple(name for name in map(str.strip, byline.split(",")) if name),
        published=reading.published,
        sections=reading.sections,
        summary=reading.summary,
        text=reading.text,
        first_seen=now,
    )


def _split_title(text: str) -> tuple[str, str, str]:
    """Return title, the title's link, and the body; the first two "" where there are none."""
    if linked := _LINKED_TITLE.match(text + "\n"):
        return clean(linked[1]), linked[2], _RULE.sub("", text[linked.end() :])
    if _MARKUP.search(text[:5000]):
        return _page_title(text), "", text
    if heading := _HEADING.match(text + "\n"):
        return clean(heading[1] or heading[2]), "", text[heading.end() :]
    first, _, rest = text.partition("\n")
    return (clean(first), "", rest) if rest.strip() and len(first) <= _LONGEST_TITLE else ("", "", text)


def _page_title(html: str) -> str:
    if heading := Page(html).first_text("h1"):
        return heading
    title = _TITLE_TAG.search(html)
    return _SITE_NAME.sub("", plain(title[1])) if title else ""


def _article_html(body: str) -> str:
    """Return the article of a page, without what stands around it; of a text, a paragraph for each line."""
    if not _MARKUP.search(body):
        escaped = body.replace("&", "&amp;").replace("<", "&lt;")
        return "".join(f"<p>{line}</p>" for line in escaped.splitlines() if line.strip())
    article = _ARTICLE_TAG.search(body)
    return _AROUND.sub(" ", article[0] if article else body)
