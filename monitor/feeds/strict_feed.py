"""Read well-formed RSS 2.0 and Atom 1.0 without odd constructs as feedparser does, in a fifth of its time.

feedparser is the reference (xml_feed.py): what it may read in another way is not read here. The only user of lxml.
"""

import re
from collections.abc import Callable
from datetime import datetime
from html.entities import entitydefs
from typing import Any

from lxml import etree

from monitor.feeds.items import raw_document
from monitor.feeds.raw import RawDocument

_Item = dict[str, Any]

_LARGEST = 1_000_000  # bytes
_ATOM = "{http://www.w3.org/2005/Atom}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_SY = "{http://purl.org/rss/1.0/modules/syndication/}"

_BEGINNING = re.compile(rb"\s*(?:<\?xml\s[^>]{0,200}\?>\s*)?<(?:rss|feed)[\s>]")
_OTHER_ENCODING = re.compile(rb"^<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8[\"'])", re.IGNORECASE)
_OTHER_CHARSET = re.compile(r"charset\s*=\s*[\"']?(?!utf-8\b)", re.IGNORECASE)
_ODD = (b"<!DOCTYPE", b"<!doctype", b"<!ENTITY", b"xml:base", b" base=")
# What feedparser takes for Windows-1252, or for UTF-8 that was encoded twice, written out and as a reference.
_ENCODED_TWICE = re.compile(rb"\xc2[\x80-\x9f]|\xc3[\x82-\xb4]\xc2[\x80-\xbf]")
_CONTROL_REFERENCE = re.compile(rb"&#(?:1[2-5][0-9]|[xX][89][0-9a-fA-F]);")

# feedparser takes a title of RSS for HTML where all its references are those of HTML.
_REFERENCE = re.compile(r"&#?\w+;")
_NAMED = re.compile(r"&(\w+);")
_REFERENCE_IN_LINK = re.compile("&([A-Za-z0-9_]+);")
_PLAIN_NAME = re.compile(r"[^@()<>]*")

_IGNORED_IN_ITEM = {
    "comments",
    "source",
    "enclosure",
    "{http://purl.org/rss/1.0/modules/slash/}comments",
    "{http://wellformedweb.org/CommentAPI/}commentRss",
    "{http://purl.org/syndication/thread/1.0}total",
    "{http://search.yahoo.com/mrss/}thumbnail",
    "{http://search.yahoo.com/mrss/}content",
    "{com-wordpress:feed-additions:1}post-id",
    f"{_ATOM}rights",
}
_HEAD = {
    "title": "title",
    "link": "link",
    "generator": "generator",
    "ttl": "ttl",
    "language": "language",
    f"{_SY}updatePeriod": "sy_updateperiod",
    f"{_SY}updateFrequency": "sy_updatefrequency",
}


class _OddError(Exception):
    """This is for feedparser."""


def read_strict(body: bytes, content_type: str, url: str, now: datetime) -> RawDocument | None:
    """Read the document found at `url` as `read_xml` does; None where it would perhaps read it in another way.

    `content_type` is the header's value.
    """
    if len(body) > _LARGEST or not _BEGINNING.match(body) or any(odd in body for odd in _ODD):
        return None
    if _OTHER_ENCODING.match(body) or _OTHER_CHARSET.search(content_type):
        return None
    if (b"\xc2" in body and _ENCODED_TWICE.search(body)) or (
        b"&#" in body and _CONTROL_REFERENCE.search(body)
    ):
        return None
    parser = _parser()
    try:
        root = etree.fromstring(body, parser)
        if len(parser.error_log):  # a prefix without a namespace
            return None
        version, head, items = _read(root)
    except (etree.XMLSyntaxError, _OddError):
        return None
    return raw_document(body, version=version, head=head, items=items, url=url, now=now)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, collect_ids=False
    )


def _read(root: etree._Element) -> tuple[str, _Item, list[_Item]]:
    """Return version, head and items of a document."""
    language = root.get(_LANG)
    if set(root.attrib) - {"version", _LANG}:
        raise _OddError
    head: _Item = {"language": language.replace("_", "-")} if language else {}
    if root.tag == "rss" and root.get("version") == "2.0":
        return "rss20", head, _read_rss(root, head)
    if root.tag == f"{_ATOM}feed" and not root.get("version"):
        return "atom10", head, _read_atom(root, head)
    raise _OddError


def _read_rss(root: etree._Element, head: _Item) -> list[_Item]:
    channels = list(root)
    if len(channels) != 1 or channels[0].tag != "channel" or channels[0].attrib:
        raise _OddError
    items = []
    for element in channels[0]:
        tag = str(element.tag)
        if tag == "item":
            items.append(_rss_item(element))
        elif tag in _HEAD:
            key = _HEAD[tag]
            if key in head and key != "language":
                raise _OddError
            head[key] = _text(element)
            if key == "title":
                head["title_detail"] = {"type": _kind_of_title(head[key])}
        elif not _is_harmless_in_head(tag, element):
            raise _OddError
    if "link" in head:
        head["link"] = _link(head["link"])
    return items


def _is_harmless_in_head(tag: str, element: etree._Element) -> bool:
    if tag == f"{_ATOM}link":
        return element.get("rel", "alternate") != "alternate"
    # The names that `parse` reads, in another namespace, are feedparser's to weigh.
    return tag.rpartition("}")[2].lower() not in {"title", "link", "generator", "ttl", "item", "entry"}


def _rss_item(item: etree._Element) -> _Item:
    read: _Item = {}
    tags: list[_Item] = []
    plain_terms: set[str] = set()
    for element in item:
        tag = str(element.tag)
        take = _IN_ITEM.get(tag)
        if take:
            take(read, element)
        elif tag == "category":
            term, domain = _text(element), element.get("domain")
            if len(element.attrib) > (domain is not None):
                raise _OddError
            if term and (domain or term not in plain_terms):
                tags.append({"term": term})
            if not domain:
                plain_terms.add(term)
        elif tag not in _IGNORED_IN_ITEM or len(element):
            raise _OddError
    if "link" not in read:
        raise _OddError
    return read | {"tags": tags}


def _take_title(read: _Item, element: etree._Element) -> None:
    title = _once(read, "title", element)
    read["title_detail"] = {"type": _kind_of_title(title)}


def _take_link(read: _Item, element: etree._Element) -> None:
    link = read["link"] = _link(_once(read, "link", element))
    read["links"] = [{"rel": "alternate", "href": link}]


def _take_guid(read: _Item, element: etree._Element) -> None:
    if ":///" in _once(read, "id", element):
        raise _OddError


def _take_date(read: _Item, element: etree._Element) -> None:
    _once(read, "published", element)


def _take_description(read: _Item, element: etree._Element) -> None:
    if element.attrib:
        raise _OddError
    read["summary_detail"] = {"type": "text/html", "value": _once(read, "summary", element)}


def _take_content(read: _Item, element: etree._Element) -> None:
    if element.attrib or "content" in read:
        raise _OddError
    read["content"] = [{"type": "text/html", "value": _text(element)}]


def _take_author(read: _Item, element: etree._Element) -> None:
    name = _once(read, "author", element)
    if element.attrib or not _PLAIN_NAME.fullmatch(name):
        raise _OddError
    read["authors"] = [{"name": name}]


_IN_ITEM: dict[str, Callable[[_Item, etree._Element], None]] = {
    "title": _take_title,
    "link": _take_link,
    "guid": _take_guid,
    "pubDate": _take_date,
    "description": _take_description,
    "author": _take_author,
    f"{_DC}creator": _take_author,
    f"{_CONTENT}encoded": _take_content,
}


def _read_atom(root: etree._Element, head: _Item) -> list[_Item]:
    items = []
    for element in root:
        name = str(element.tag).removeprefix(_ATOM)
        if name == "entry":
            items.append(_atom_entry(element))
        elif name == "title":
            head["title_detail"] = {"type": _kind(element)}
            _once(head, "title", element)
        elif name == "link":
            _take_atom_link(head, element)
        elif name == "generator":
            _once(head, "generator", element)
        elif not _is_harmless_in_head(str(element.tag), element):
            raise _OddError
    return items


def _atom_entry(entry: etree._Element) -> _Item:
    read: _Item = {"authors": []}
    tags: list[_Item] = []
    for element in entry:
        name = str(element.tag).removeprefix(_ATOM)
        if name in ("title", "summary", "content"):
            text = _once(read, name, element)
            detail = {"type": _kind(element), "value": text}
            read["content" if name == "content" else f"{name}_detail"] = (
                [detail] if name == "content" else detail
            )
        elif name == "link":
            _take_atom_link(read, element)
        elif name in ("id", "published", "updated"):
            _once(read, name, element)
        elif name == "author":
            read["authors"].append(_atom_author(element))
        elif name == "category":
            tag = {key: element.get(key) for key in ("term", "scheme", "label")}
            if len(element) or element.text or not (tag["term"] or tag["label"]):
                raise _OddError
            if tag not in tags:
                tags.append(tag)
        elif str(element.tag) not in _IGNORED_IN_ITEM or len(element):
            raise _OddError
    if "link" not in read or ":///" in read.get("id", ""):
        raise _OddError
    return read | {"tags": tags}


def _take_atom_link(read: _Item, element: etree._Element) -> None:
    if len(element) or (element.text and element.text.strip()):
        raise _OddError
    if element.get("rel", "alternate") != "alternate":
        return
    href = element.get("href", "")
    if (
        "link" in read
        or element.get("type", "text/html") != "text/html"
        or not href
        or ":///" in href
        or href != href.strip()
    ):
        raise _OddError
    read["link"] = href
    read["links"] = [{"rel": "alternate", "href": href}]


def _atom_author(author: etree._Element) -> _Item:
    parts = {str(element.tag).removeprefix(_ATOM): _text(element) for element in author}
    if not parts.keys() <= {"name", "uri", "email"} or len(parts) != len(author) or not parts.get("name"):
        raise _OddError
    return {"name": parts["name"]}


def _kind(element: etree._Element) -> str:
    kind = element.get("type", "text")
    if kind not in ("text", "html") or set(element.attrib) - {"type"}:
        raise _OddError
    return "text/html" if kind == "html" else "text/plain"


def _kind_of_title(title: str) -> str:
    if "<" in title:
        raise _OddError  # feedparser knows which tags it takes for HTML
    is_html = _REFERENCE.search(title) and all(name in entitydefs for name in _NAMED.findall(title))
    return "text/html" if is_html else "text/plain"


def _once(read: _Item, key: str, element: etree._Element) -> str:
    if key in read:
        raise _OddError
    read[key] = text = _text(element)
    return text


def _text(element: etree._Element) -> str:
    if len(element):  # elements where text is expected
        raise _OddError
    return (element.text or "").strip()


def _link(text: str) -> str:
    if ":///" in text:
        raise _OddError
    return _REFERENCE_IN_LINK.sub(r"&\1", text.replace("&amp;", "&")) if ";" in text else text
