"""Hostile HTML becomes plain text."""

import re
from html import unescape

import nh3
from bs4 import BeautifulSoup, Tag

_LONGEST_HTML = 300_000  # characters; the longest articles have a tenth of it
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
_FLAT = {"p", "li", "dt", "dd", "tr", "td", "th", "br", "hr", "img", "input", "meta", "link", "wbr", "source"}
# Tags whose whole content goes; of every other tag that is not allowed, the text stays.
_GONE = {
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
}
_STRUCTURE = nh3.Cleaner(
    tags=_BLOCKS | _INLINE,
    # What sources tell captions and dates by; of links, what is absolute.
    attributes={"a": {"href"}, "time": {"pudate"}, "p": {"style"}},
    clean_content_tags=_GONE,
    url_schemes={"http", "https"},
    url_relative="deny",
    link_rel=None,
)
_BREAKS_ONLY = nh3.Cleaner(tags=_BLOCKS, attributes={}, clean_content_tags=_GONE, link_rel=None)

_BREAK = "\x1e"  # the record separator: white space to `clean`

# Control and bidi characters, lone surrogates, non-characters: of no use in a line of text, and a danger to
# headers, terminals and databases.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


class Page:
    """HTML from a feed, made harmless; what is not wanted of it can be dropped before its text is read."""

    def __init__(self, html: str) -> None:
        self._root = BeautifulSoup(f"<div>{_STRUCTURE.clean(_cut(html))}</div>", "lxml")
        for block in self._root.find_all(list(_BLOCKS)):
            block.insert_before(_BREAK)
            block.insert_after(_BREAK)

    def drop(self, selector: str) -> None:
        """Take out every element a CSS selector finds."""
        for element in self._root.select(selector):
            element.decompose()

    def links(self) -> list[tuple[str, str]]:
        """Address and text of every link, in order."""
        return [(str(link["href"]), clean(link.get_text())) for link in self._root.find_all("a", href=True)]

    def attribute(self, tag: str, name: str) -> str:
        """The attribute of the first such tag; "" without one."""
        found = self._root.find(tag)
        return str(found.get(name, "")) if isinstance(found, Tag) else ""

    def first(self, tag: str) -> str:
        """The text of the first such tag, in one line; "" without one."""
        found = self._root.find(tag)
        return clean(found.get_text()) if isinstance(found, Tag) else ""

    def lead(self) -> str:
        """The text before the first block, in one line; "" where a block comes first."""
        return clean(self._text().partition(_BREAK)[0])

    def paragraphs(self) -> list[str]:
        """The text, block by block, each one line."""
        return [line for line in map(clean, self._text().split(_BREAK)) if line]

    def _text(self) -> str:
        # The outermost block is ours.
        return self._root.get_text().removeprefix(_BREAK)


def paragraphs(html: str) -> list[str]:
    """The text of some HTML, block by block, each one line."""
    # What the cleaner gives is well-formed: every < begins a tag, every tag is a block's, without attributes.
    safe = re.sub("<[^>]*>", _BREAK, _BREAKS_ONLY.clean(_cut(html)))
    return [line for line in map(clean, unescape(safe).split(_BREAK)) if line]


def plain(html: str) -> str:
    """The text of some HTML in one line."""
    return " ".join(paragraphs(html)) if "<" in html or "&" in html else clean(html)


def clean(text: str) -> str:
    """One line without control characters, its white space folded."""
    return " ".join(_UNWANTED.sub("", text).split())


def _cut(html: str) -> str:
    """The part of some HTML that can be parsed in a moment: no endless tags, not too long, not absurdly deep."""
    shorter = _UNWANTED.sub("", _HUGE_TAG.sub(" ", html)[:_LONGEST_HTML])
    depth = 0
    for tag in _TAG.finditer(shorter):
        if tag[2].lower() not in _FLAT:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > _DEEPEST:
            return shorter[: tag.start()]
    return shorter
