"""Turn HTML from a feed or page, hostile or not, into plain text; the only user of nh3 and BeautifulSoup."""

import re
from collections import Counter
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, cast

import nh3

from monitor.feeds.text import clean, without_controls

if TYPE_CHECKING:
    from bs4 import Tag
    from bs4.element import PageElement

_LONGEST_HTML = 300_000  # characters; the longest articles have a tenth of it
_LONGEST_SIMPLE = 50_000
_DEEPEST_SIMPLE = 20  # elements within each other
_DEEPEST = 200  # elements within each other; parsers take quadratic time beyond
# A tag as long as this holds a picture in a data: URL, or thousands of attributes.
_HUGE_TAG = re.compile(r"<[a-zA-Z/][^<>]{5000,}>?")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")

_BLOCKS = (
    {"p", "div", "section", "article", "header", "footer", "figure", "figcaption", "address", "blockquote"}
    | {"pre", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br"}
    | {"table", "tr", "td", "th"}
)
_INLINE = {"a", "strong", "em", "b", "i", "small", "cite", "time", "span", "code", "sub", "sup"}
# These end by themselves, so that a row of them is not deep.
_UNNESTED = {
    "p",
    "li",
    "dt",
    "dd",
    "tr",
    "td",
    "th",
    "br",
    "hr",
    "img",
    "input",
    "meta",
    "link",
    "wbr",
    "source",
}
# Removed with all that is in them; of every other tag that is not allowed, the text stays.
_REMOVED = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "noscript",
    "template",
    "svg",
    "math",
    "form",
    "select",
    "rt",  # how a character is read, beside it
    "rp",
}
# Most texts of feeds are as simple as this: tags of a few kinds, nothing that is no text and no tag.
_ATTRIBUTE = r"""\s+[a-zA-Z][\w:-]*+(?:\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>=`]++))?+"""
_NESTED = "div|ul|ol|li|blockquote|h[1-6]"
_SIMPLE = re.compile(
    r"(?>[^<\0-\x08\x0b\x0c\x0e-\x1f\x7f]++"
    rf"|</?(?:p|br|a|b|i|em|strong|span|img|u|small|code|cite|sub|sup|font)(?:{_ATTRIBUTE})*+\s*+/?>"
    rf"|<(?:{_NESTED})(?:{_ATTRIBUTE})*+\s*+>|</(?:{_NESTED})\s*+>)*+",
    re.IGNORECASE,
)
_NESTED_TAG = re.compile(rf"<(/?)({_NESTED})(?![a-zA-Z0-9])", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:p|br|{_NESTED})(?![a-zA-Z0-9])[^>]*>", re.IGNORECASE)
_ANY_TAG = re.compile("<[^>]*>")
_BREAKS_ONLY = nh3.Cleaner(tags=_BLOCKS, attributes={}, clean_content_tags=_REMOVED, link_rel=None)

# What stands below a picture, and is not the article's.
_FIGCAPTION = re.compile(r"<figcaption\b[^>]*>.*?</figcaption\s*>", re.IGNORECASE | re.DOTALL)
_CAPTION_TEXT = r"[^<]{0,1000}(?:<(?!/?(?:p|div|dd)\b)[^<]{0,1000}){0,20}"  # without another block in it
_CAPTION = re.compile(
    r"<(p|div|span|dd|small)\b[^<>]{0,500}?\bclass\s*=\s*[\"'][^\"'>]{0,200}?\bcaption\b(?!-)"
    rf"[^<>]{{0,500}}>{_CAPTION_TEXT}</\1\s*>"
    r"|<(p|dd)\b[^<>]{0,500}?\bclass\s*=\s*[\"'][^\"'>]{0,200}?caption-text"
    rf"[^<>]{{0,500}}>{_CAPTION_TEXT}</\2\s*>",
    re.IGNORECASE | re.DOTALL,
)
_END_OF_FIGCAPTION = "</figcaption"

_BREAK = "\x1e"  # the record separator: white space to `clean`


class Page:
    """HTML made harmless, of which parts can be read or dropped before its text is taken.

    Of attributes it has the links' absolute addresses, and those named in `keep` as (tag, attribute).
    """

    def __init__(self, html: str, *, keep: tuple[tuple[str, str], ...] = ()) -> None:
        from bs4 import (
            BeautifulSoup,  # most documents need none, and its import takes 50 ms
        )

        self._root = BeautifulSoup(f"<div>{_cleaner(keep).clean(_cut(html))}</div>", "lxml")

    def drop(self, selector: str) -> None:
        """Remove every element a CSS selector matches."""
        for element in self._root.select(selector):
            element.decompose()

    def links(self) -> list[tuple[str, str]]:
        """Return address and text of every link, in order."""
        return [(str(link["href"]), clean(_text(link))) for link in self._root.find_all("a", href=True)]

    def attribute(self, tag: str, name: str) -> str:
        """Return an attribute of the first element with this tag; "" without one."""
        element = self._root.find(tag)
        return "" if element is None else str(element.get(name, ""))

    def first_text(self, tag: str) -> str:
        """Return the text of the first element with this tag, in one line; "" without one."""
        element = self._root.find(tag)
        return "" if element is None else clean(_text(element))

    def lead(self) -> str:
        """Return the text before the first block, in one line; "" where a block comes first."""
        return clean(self._whole_text().partition(_BREAK)[0])

    def paragraphs(self) -> list[str]:
        """Return the text block by block, each one line."""
        return [line for line in map(clean, self._whole_text().split(_BREAK)) if line]

    def _whole_text(self) -> str:
        # The outermost block is ours.
        return _text(self._root).removeprefix(_BREAK)


def _text(element: "Tag") -> str:
    """Return the text within an element, with a break before and after each block.

    Breaks that were put into the tree would cost BeautifulSoup the square of the number of an element's children.
    """
    pieces: list[str] = []
    to_come: list[PageElement | str] = list(reversed(element.contents))
    while to_come:
        part = to_come.pop()
        if isinstance(part, str):
            pieces.append(part)
            continue
        within = cast("Tag", part).contents
        if cast("Tag", part).name in _BLOCKS:
            pieces.append(_BREAK)
            to_come.append(_BREAK)
        to_come.extend(reversed(within))
    return "".join(pieces)


def paragraphs(html: str) -> list[str]:
    """Return the text of some HTML block by block, each one line."""
    if _is_simple(html):
        safe = _ANY_TAG.sub(
            "", _BLOCK_TAG.sub(_BREAK, html)
        )  # what the cleaner comes to, in a quarter of its time
    else:
        # What the cleaner gives is well-formed: every < begins a tag, every tag is a block's, without attributes.
        safe = _ANY_TAG.sub(_BREAK, _BREAKS_ONLY.clean(_cut(html)))
    return [line for line in map(clean, unescape(safe).split(_BREAK)) if line]


def plain(html: str) -> str:
    """Return the text of some HTML in one line."""
    return " ".join(paragraphs(html)) if "<" in html or "&" in html else clean(html)


def _is_simple(html: str) -> bool:
    """Return whether a parser could find nothing else in some HTML than what is written: tags close in their order."""
    if len(html) > _LONGEST_SIMPLE or not _SIMPLE.fullmatch(html):
        return False
    opened: list[str] = []
    for is_end, name in _NESTED_TAG.findall(html):
        name = name.lower()
        if is_end and (not opened or opened.pop() != name):
            return False
        if not is_end:
            if len(opened) > _DEEPEST_SIMPLE or (opened and opened[-1].startswith("h")):
                return False
            opened.append(name)
    return not opened


def without_captions(text: str) -> str:
    """Return HTML without what stands below its pictures; a text that is nothing else is left as it is."""
    lower = text.lower()
    if "caption" not in lower:
        return text
    end = text.find(">", lower.rfind(_END_OF_FIGCAPTION)) + 1 if _END_OF_FIGCAPTION in lower else 0
    rest = _CAPTION.sub(" ", _FIGCAPTION.sub(" ", text[:end]) + text[end:])
    return rest if rest != text and plain(rest) else text


@cache
def _cleaner(keep: tuple[tuple[str, str], ...]) -> nh3.Cleaner:
    attributes = {"a": {"href"}}
    for tag, attribute in keep:
        attributes.setdefault(tag, set()).add(attribute)
    return nh3.Cleaner(
        tags=_BLOCKS | _INLINE,
        attributes=attributes,
        clean_content_tags=_REMOVED,
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel=None,
    )


def _cut(html: str) -> str:
    """Return the part of some HTML that can be parsed in a moment: no endless tags, not too long, not too deep."""
    shorter = without_controls(_HUGE_TAG.sub(" ", html)[:_LONGEST_HTML])
    opened: Counter[str] = Counter()
    depth = 0
    for tag in _TAG.finditer(shorter):
        name = tag[2].lower()
        # The end of what was never opened closes nothing.
        change = (-1 if opened[name] else 0) if tag[1] else 1
        if name not in _UNNESTED:
            opened[name] += change
            depth += change
        if depth > _DEEPEST:
            return shorter[: tag.start()]
    return shorter
