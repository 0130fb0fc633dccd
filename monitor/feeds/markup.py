"""Cut what no feed has out of a document, before a parser sees it that takes quadratic time over it."""

import re
from collections import Counter

_LONG_TAG = 500  # characters
_LONGEST_TAG = 20_000
_MOST_ATTRIBUTES = 60
_LONG_ITEM = 20_000  # characters
_MOST_OF_A_NAME = 100  # elements of one name in an item, without elements in them
_MOST_ITEMS = 4000  # of a longer document, the first and the last half of them

_CDATA = r"<!\[CDATA\[(?:[^\]]++|\](?!\]>))*+(?:\]\]>|\Z)"  # what stands in it is text
_TAG = re.compile(rf"{_CDATA}|<([a-zA-Z_][\w.:-]{{0,100}})[^<>]{{{_LONG_TAG},}}?>")
_ITEM_START = re.compile(r"<(?:\w{1,40}:)?(?:item|entry)[\s>]", re.IGNORECASE)
# feedparser looks for an address in these, in quadratic time.
_LONG_NAME = re.compile(
    r"(<(?:[\w.-]{1,40}:)?(?:author|creator|contributor|managingeditor|webmaster|owner|name|email|publisher)(?:\s[^<>]*)?>"
    r"\s*(?:<!\[CDATA\[)?[^<\]]{500})[^<\]]+",
    re.IGNORECASE,
)
_LIST_END = re.compile(r"</(?:\w{1,40}:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
# The elements of which an item may have several, so that a parser compares them. Paragraphs are none of them.
_LISTED = (
    "category|subject|keywords|tag|link|enclosure|author|creator|contributor|credit|thumbnail|content|person"
)
_FLAT = re.compile(
    rf"{_CDATA}|<((?:[\w.-]{{1,40}}:)?(?:{_LISTED}))(?:\s[^<>]*)?(?:/>|>(?:[^<]++|{_CDATA})*+</\1\s*>)",
    re.IGNORECASE,
)


def cut_absurd(document: str) -> str:
    """Return a document without elements that have hundreds of attributes, or stand in one item by the hundred.

    Names have 500 characters at most.
    Of more than 4,000 items the first and the last 2,000 stay: the newest stand at one end.
    """
    document = _LONG_NAME.sub(r"\1", _TAG.sub(_without_attributes, document))
    starts = [match.start() for match in _ITEM_START.finditer(document)]
    if not starts:
        return document
    end = max((match.start() for match in _LIST_END.finditer(document, starts[-1])), default=len(document))
    items = [document[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    if len(items) > _MOST_ITEMS:
        items = items[: _MOST_ITEMS // 2] + items[-_MOST_ITEMS // 2 :]
    elif all(len(item) < _LONG_ITEM for item in items):
        return document
    return "".join([document[: starts[0]], *map(_without_repeats, items), document[end:]])


def _without_attributes(tag: re.Match[str]) -> str:
    text = tag[0]
    if not tag[1] or (len(text) < _LONGEST_TAG and text.count("=") <= _MOST_ATTRIBUTES):
        return text
    return f"<{tag[1]}{'/' if text.endswith('/>') else ''}>"


def _without_repeats(item: str) -> str:
    if len(item) < _LONG_ITEM:
        return item
    times: Counter[str] = Counter()

    def keep_first(element: re.Match[str]) -> str:
        if not element[1]:
            return element[0]
        times[element[1]] += 1
        return element[0] if times[element[1]] <= _MOST_OF_A_NAME else ""

    return _FLAT.sub(keep_first, item)
