"""Hostile HTML becomes safe HTML and plain text."""

import re

import nh3
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

_LONGEST_HTML = 2_000_000  # characters that are looked at; beyond them stand pictures in data: URLs
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "section",
        "article",
        "header",
        "footer",
        "figure",
        "figcaption",
        "address",
        "blockquote",
        "pre",
    }
    | {"ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br"}
    | {"table", "tr", "td", "th"}
)
_INLINE = frozenset({"a", "strong", "em", "b", "i", "small", "cite", "time", "span", "code", "sub", "sup"})
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
_ATTRIBUTES = {"a": {"href"}, "time": {"pudate"}, "p": {"style"}, "small": {"style"}}

# Control and bidi characters, line separators, lone surrogates, non-characters: of no use in a line of text, and
# a danger to headers, terminals and databases.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_BREAKS = re.compile("[\r\n\u2028\u2029]+")


class Page:
    """HTML from a feed, made harmless; what is not wanted of it can be dropped before its text is read."""

    def __init__(self, html: str) -> None:
        safe = nh3.clean(
            html[:_LONGEST_HTML],
            tags=set(_BLOCKS | _INLINE),
            attributes=_ATTRIBUTES,
            clean_content_tags=_GONE,
            url_schemes={"http", "https"},
            link_rel=None,
        )
        self._soup = BeautifulSoup(safe, "lxml")

    def drop(self, selector: str) -> None:
        """Take out every element a CSS selector finds."""
        for element in self._soup.select(selector):
            element.decompose()

    def links(self) -> list[tuple[str, str]]:
        """Address and text of every link, in order."""
        return [(str(link["href"]), clean(link.get_text())) for link in self._soup.find_all("a", href=True)]

    def attribute(self, tag: str, name: str) -> str:
        """The attribute of the first such tag; "" without one."""
        found = self._soup.find(tag)
        return str(found.get(name, "")) if isinstance(found, Tag) else ""

    def paragraphs(self) -> list[str]:
        """The text, block by block, each one line."""
        parts: list[str] = []
        for node in self._soup.descendants:
            if isinstance(node, Tag) and node.name in _BLOCKS:
                parts.append("\n")
            elif isinstance(node, NavigableString):
                # A block ends where the next text is outside of it.
                parts.append(_BREAKS.sub(" ", str(node)) + ("\n" if _ends_block(node) else ""))
        return [line for line in map(clean, "".join(parts).split("\n")) if line]


def _ends_block(node: NavigableString) -> bool:
    here: NavigableString | Tag | None = node
    while here is not None and here.next_sibling is None:
        here = here.parent
        if here is not None and here.name in _BLOCKS:
            return True
    return False


def plain(html: str) -> str:
    """The text of some HTML in one line."""
    return " ".join(Page(html).paragraphs()) if "<" in html or "&" in html else clean(html)


def clean(text: str) -> str:
    """One line without control characters, its white space folded."""
    return " ".join(_UNWANTED.sub("", _BREAKS.sub(" ", text)).split())
