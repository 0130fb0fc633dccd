"""Prepare the pages of the archive: names that stay, indexes, and the Atom feed of a subscription (RFC 4287)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID, uuid5
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from monitor.config.options import Subscription
from monitor.model.archive import Issued, Page
from monitor.model.digests import Digest

if TYPE_CHECKING:  # it loads babel, and most starts archive nothing
    from monitor.digests.language import Language

IN_FEED = 30  # issues in an Atom feed
# A page needs no more than its own styles: no script, no picture, no form, nothing from elsewhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_ATOM = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_IDS = UUID("6c3fd1f4-6c8e-5a5b-9f5c-3a0b6d7f3c11")  # the namespace of the ids: any one, for ever
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2
_NEWEST = 3  # issues of a subscription named in the index of all


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedIssue:
    """A digest rendered for the archive."""

    title: str
    items: int
    html: str  # the page
    content: str  # HTML for the Atom feed


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """An issue in an index."""

    href: str
    title: str
    day: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfView:
    """The issues of a month, or the newest of a subscription."""

    name: str
    count: int
    pages: tuple[PageView, ...]
    href: str = ""  # of the subscription's own index
    feed: str = ""  # of its Atom feed


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexView:
    """What the template of an index is given, as `digest`: it is the digest's template with other blocks."""

    name: str
    locale: str
    count: int
    shelves: tuple[ShelfView, ...]
    up: str = ""  # the index of all
    feed: str = ""


RenderIssue = Callable[[Digest], ArchivedIssue]
RenderIndex = Callable[[IndexView], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderArchive:
    """What renders the pages. Both raise DigestError where a template fails."""

    issue: RenderIssue
    index: RenderIndex


def folder_of(key: str) -> str:
    """Return the name of a subscription's folder: ASCII, and never that of another."""
    words = "-".join(re.findall(r"[a-z0-9]+", key.lower()))[:40].strip("-")
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{words}-{digest}" if words else digest


def file_of(issue: Issued, subscription: Subscription, slot_at: datetime) -> str:
    """Return the name of an issue's page within the archive: its local time, and its number, which no other has."""
    local = slot_at.astimezone(ZoneInfo(subscription.timezone))
    return f"{folder_of(issue.subscription)}/{local:%Y-%m-%d-%H%M}-{issue.id}.html"


def uid_of(issue: Issued) -> str:
    """Return the id of an issue for feed readers; the same issue gives the same one."""
    return uuid5(_IDS, f"{issue.subscription}\n{issue.slot}\n{issue.at.isoformat()}").urn


def index_of(name: str, subscription: Subscription, pages: Sequence[Page], language: Language) -> IndexView:
    """Return the index of a subscription: its pages, the newest first, by month."""
    zone = ZoneInfo(subscription.timezone)
    by_month = groupby(pages, key=lambda page: language.month(page.at.astimezone(zone)))
    shelves = [
        (month, [_view(page, "../", zone, language) for page in of_month]) for month, of_month in by_month
    ]
    return IndexView(
        name=name,
        locale=language.locale,
        count=len(pages),
        shelves=tuple(
            ShelfView(name=month, count=len(views), pages=tuple(views)) for month, views in shelves
        ),
        up="../index.html",
        feed="feed.xml",
    )


def index_of_all(
    subscriptions: Sequence[tuple[str, Subscription, Sequence[Page]]], language: Language
) -> IndexView:
    """Return the index of the archive; subscriptions come as (key, options, pages, the newest first)."""
    shelves = tuple(
        ShelfView(
            name=subscription.name,
            count=len(pages),
            pages=tuple(
                _view(page, "", ZoneInfo(subscription.timezone), language) for page in pages[:_NEWEST]
            ),
            href=f"{folder_of(key)}/index.html",
            feed=f"{folder_of(key)}/feed.xml",
        )
        for key, subscription, pages in subscriptions
    )
    return IndexView(
        name=language.words.gettext("Archive"),
        locale=language.locale,
        count=sum(shelf.count for shelf in shelves),
        shelves=shelves,
    )


def atom_feed(name: str, locale: str, pages: Sequence[Page], *, folder: str, url: str) -> bytes:
    """Return the Atom feed of a subscription's pages, the newest first; `url` is where the archive is served, or "".

    It stands in `folder` of the archive.

    Ids and instants are those of the pages, so that a feed made anew says the same.
    """
    base = url.rstrip("/")
    Xml.register_namespace("", _ATOM)
    feed = Xml.Element(_name("feed"), {_LANG: locale})
    # The oldest page stays: so does the id made of it.
    _add(feed, "id", uuid5(_IDS, f"feed\n{pages[-1].uid}").urn)
    _add(feed, "title", name)
    _add(feed, "updated", _instant(pages[0].at))
    _add(_add(feed, "author"), "name", name)
    if base:
        _add(feed, "link", rel="self", type="application/atom+xml", href=f"{base}/{folder}/feed.xml")
    _add(feed, "link", rel="alternate", type="text/html", href=_address(base, f"{folder}/index.html"))
    for page in [page for page in pages[:IN_FEED] if page.content]:
        entry = _add(feed, "entry")
        _add(entry, "id", page.uid)
        _add(entry, "title", page.title)
        _add(entry, "published", _instant(page.at))
        _add(entry, "updated", _instant(page.at))
        _add(entry, "link", rel="alternate", type="text/html", href=_address(base, page.file))
        _add(entry, "content", page.content, type="html")
    Xml.indent(feed)
    written: bytes = Xml.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _view(page: Page, up: str, zone: ZoneInfo, language: Language) -> PageView:
    local = page.at.astimezone(zone)
    day = f"{language.day(local)} {local:%H:%M}"
    return PageView(href=up + page.file, title=page.title, day=day, items=page.items)


def _address(base: str, file: str) -> str:
    """Return the address of a file; within the archive's own folders where it is not known where it is served."""
    return f"{base}/{file}" if base else f"../{file}"


def _name(tag: str) -> str:
    return f"{{{_ATOM}}}{tag}"


def _add(parent: Xml.Element, tag: str, text: str = "", **attributes: str) -> Xml.Element:
    element = Xml.SubElement(parent, _name(tag), attributes)
    element.text = _NOT_IN_XML.sub("", text) or None
    return element


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
