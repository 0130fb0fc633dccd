"""Normalise the links of entries: absolute, http or https, without tracking parameters; the canonical address."""

import re
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


def absolute(link: str, base: str) -> str:
    """Return the link as an absolute http or https address; "" for any other (javascript:, data:, file:) or broken one.

    Characters that would end it in a header, a text or an attribute are quoted; a user name, which may be written to
    be mistaken for the host, is taken off.
    """
    link = link.strip()
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


def split_address(link: str) -> SplitResult:
    """Return the parts of what may be an address, such as a guid; all of them "" for a broken one."""
    try:
        return urlsplit(link)
    except ValueError:
        return SplitResult("", "", "", "", "")


def without_tracking(link: str) -> str:
    """Return the address without parameters such as utm_source; the others keep their order and spelling."""
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
    parts = split_address(without_tracking(link))
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
