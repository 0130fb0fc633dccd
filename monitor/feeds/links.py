"""Normalise the links of entries: absolute, http or https, without tracking parameters; the canonical address."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|yclid|msclkid|igshid|spm|scm|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|ref_src|smid|"
    r"partner|emc|cmpid|wt_mc|at_medium|at_campaign|phpsessid|jsessionid|session_?id)(?:=|$)"
    # As short numbers these are articles (article.php?sid=7).
    r"|sid=\w{16,}$",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[\w.!-]*", re.IGNORECASE)
_FROM_FEED = re.compile(r"(?:from|f|source|src|ref|via)=(?:rss|feed|atom)\w*$", re.IGNORECASE)
_IS_AMP = re.compile(r"(?:amp|outputType=amp|amp=(?:1|true))$", re.IGNORECASE)
_SAME_SITE = re.compile(r"^(?:www|m|mobile|amp)\.(?=[^.]+\.)")
_WWW = re.compile(r"^//www\.(?=[^./]+\.)", re.IGNORECASE)
_HOME = re.compile(r"(?:/(?:index|default|home)(?:\.\w{3,5})?)?$", re.IGNORECASE)
_LONGEST = 2000  # characters
# Nearly every link: there is nothing to join, to take off or to quote.
_PLAIN = re.compile(
    r"https?://[a-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9/_~.,:!&=%+*()$'-]*(?:\?[A-Za-z0-9/_~.,:!&=%+*()$'-]+)?"
)
# Of these the canonical address is host and path as they are written.
_SIMPLE = re.compile(
    r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)*+)(?!.*/amp/*$)(/[A-Za-z0-9/_~,:!&=+*()$'-]*+(?:\.html?)?)"
)
_BROKEN_LINE = re.compile(r"[ \t]*[\r\n\t]\s*")
_LONGEST_TAG = 5000  # characters
_LONGEST_HEAD = 200_000  # of a web page
_LINK = re.compile(r"""<link\b((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>""", re.IGNORECASE)
_BASE = re.compile(r"""<base\b[^>]{0,300}?\bhref\s*=\s*["']?([^"'\s>]{1,2000})""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]{1,30})\s*=\s*(?:(["'])(.*?)\2|([^\s"'>]+))""", re.DOTALL)
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json")


def absolute(link: str, base: str) -> str:
    """Return the link as an absolute http or https address; "" for any other (javascript:, data:, file:) or broken one.

    Characters that would end it in a header, a text or an attribute are quoted; a user name, which may be written to
    be mistaken for the host, is taken off.
    """
    link = link.strip()
    if _PLAIN.fullmatch(link) and len(link) <= _LONGEST:
        return link
    link = _BROKEN_LINE.sub("", link)
    try:
        # A link that is a mere "#…" would take along the base's parameters, such as the token of a feed.
        joined = urljoin(base.partition("?")[0], link) if link else ""
        parts = urlsplit(joined)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or "\\" in parts.netloc or len(joined) > _LONGEST:
        return ""
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return "".join(map(_quoted, urlunsplit(parts)))


def is_address(text: str) -> bool:
    """Return whether a text, such as a guid, is an http or https address."""
    parts = split_address(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def is_plain(address: str) -> bool:
    """Return whether an address is requested as it is written: nothing in it has to be quoted, or may be."""
    return bool(_PLAIN.fullmatch(address)) and "%" not in address and "/." not in address


def request_address(address: str, host: str) -> str:
    """Return an address to be requested: what is quoted stays so, what may not stand in a request is quoted.

    `host` is its host as it goes over the wire (IDNA). Without the fragment. Raises ValueError for a broken address.
    """
    parts = urlsplit(address)
    user, at, _ = parts.netloc.rpartition("@")
    name = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    path = _requested(_without_dots(parts.path or "/"), "/:@!$&'()*+,;=~")
    query = _requested(parts.query, "/:@!$&'()*+,;=~?[]|^`{}")
    netloc = f"{_requested(user, ':')}{at}{name}{port}"
    return urlunsplit((parts.scheme.lower(), netloc, path, query, ""))


def _without_dots(path: str) -> str:
    """Return a path without the segments . and .. (RFC 3986 section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    *folders, last = path.split("/")
    for segment in folders:
        if segment == "..":
            kept = kept[: max(1, len(kept) - 1)]
        elif segment != ".":
            kept.append(segment)
    if last == "..":
        kept = kept[: max(1, len(kept) - 1)]
    return "/".join([*kept, "" if last in (".", "..") else last])


def _requested(part: str, safe: str) -> str:
    quoted = quote(part, safe=f"{safe}%", errors="surrogateescape")
    return re.sub("%(?![0-9a-fA-F]{2})", "%25", quoted)


def feeds_of_page(page: str, url: str) -> list[str]:
    """Return the absolute addresses of the feeds that a web page found at `url` links to, each once."""
    page = page[:_LONGEST_HEAD]
    base = _BASE.search(page)
    if base:
        url = absolute(unescape(base[1]), url) or url
    tags = [
        {
            name.lower(): unescape(quoted or bare)
            for name, _, quoted, bare in _ATTRIBUTE.findall(tag[:_LONGEST_TAG])
        }
        for tag in _LINK.findall(page)
    ]
    hrefs = [tag.get("href", "") for tag in tags if _is_feed(tag)]
    return list(dict.fromkeys(link for href in hrefs if (link := absolute(href, url))))


def _is_feed(attributes: Mapping[str, str]) -> bool:
    kind = attributes.get("type", "").lower()
    # Plain JSON is linked to by many pages that mean another thing than a feed (WordPress).
    is_json_feed = kind == "application/json" and "feed" in attributes.get("href", "").lower()
    return "alternate" in attributes.get("rel", "").lower().split() and (kind in _FEED_TYPES or is_json_feed)


def split_address(link: str) -> SplitResult:
    """Return the parts of what may be an address, such as a guid; all of them "" for a broken one."""
    try:
        return urlsplit(link)
    except ValueError:
        return SplitResult("", "", "", "", "")


def without_tracking(link: str) -> str:
    """Return the address without parameters such as utm_source; the others keep their order and spelling."""
    if "?" not in link and ";" not in link:
        return link
    head, hash_mark, fragment = link.partition("#")
    head, mark, query = head.partition("?")
    head = _SESSION_IN_PATH.sub("", head)
    kept = "&".join(part for part in query.split("&") if not _TRACKING.match(part))
    return (f"{head}?{kept}" if mark and kept else head) + hash_mark + fragment


def without_scheme(link: str) -> str:
    """Return the address without http: or https:, which stays the same when a site moves from one to the other."""
    return re.sub(r"^https?:", "", link, flags=re.IGNORECASE)


def bare(link: str) -> str:
    """Return the address without http: or https: and www., which stays the same when a site moves between these."""
    return _WWW.sub("//", without_scheme(link))


def spellings(link: str) -> tuple[str, ...]:
    """Return an http or https address with either scheme, with www. and without."""
    rest = bare(link)[2:]
    return tuple(f"{scheme}://{www}{rest}" for scheme in ("http", "https") for www in ("", "www."))


def canonical(link: str) -> str:
    """Return the form that all addresses of one article share, as "//host/path?query"; "" for none or a home page.

    Scheme, www., tracking parameters, their order, fragment and last slash aside; an edition for phones (m., amp) is
    the article where only that differs.
    """
    link = without_tracking(link)
    simple = _SIMPLE.fullmatch(link)
    if simple:
        host, path = _SAME_SITE.sub("", simple[1].removeprefix("www.")), simple[2].rstrip("/")
        return "" if _HOME.fullmatch(path) else f"//{host}{path}"
    parts = split_address(link)
    host = _SAME_SITE.sub("", (parts.hostname or "").removeprefix("www."))
    if not host:
        return ""
    port = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    # As browsers write it: 中文 and %E4%B8%AD%E6%96%87 are one path.
    path = re.sub("%[0-9a-f]{2}", _upper, quote(parts.path, safe="/%:@!$&'()*+,;=~"))
    path = re.sub(r"(?<=[^/])/amp$|\.amp(?=(?:\.html?)?$)", "", path.rstrip("/"))
    kept = (part for part in parts.query.split("&") if not (_FROM_FEED.match(part) or _IS_AMP.match(part)))
    query = "&".join(sorted(part for part in kept if part))
    # A script's own address, not a place in a page.
    route = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    if not query and not route and _HOME.fullmatch(path):
        return ""
    return (
        f"//{host}{f':{port}' if port not in ('', '80', '443') else ''}{path}{query and f'?{query}'}{route}"
    )


def _upper(escape: re.Match[str]) -> str:
    return escape[0].upper()


def _quoted(character: str) -> str:
    is_safe = character.isprintable() and character not in ' <>"\\^`{|}'
    return character if is_safe else quote(character, errors="replace")
