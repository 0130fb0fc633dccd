"""An address without what only tracks its reader."""

import re
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|yclid|msclkid|igshid|spm|scm|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|ref_src|smid|"
    r"partner|emc|cmpid|wt_mc|at_medium|at_campaign)(?:=|$)",
    re.IGNORECASE,
)
_LONGEST = 2000  # characters


def absolute(link: str, base: str) -> str:
    """The address as http or https, absolute; "" for any other (javascript:, data:, file:) and for broken ones.

    What would end it in a header, a text or an attribute is quoted; a user's name before the host, which is made
    to be taken for the host, is taken off.
    """
    link = link.strip()
    try:
        joined = urljoin(base, link) if link else ""
        parts = urlsplit(joined)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or "\\" in parts.netloc or len(joined) > _LONGEST:
        return ""
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return "".join(map(_quoted, urlunsplit(parts)))


def _quoted(sign: str) -> str:
    fine = sign.isprintable() and sign not in ' <>"\\^`{|}'
    return sign if fine else quote(sign, errors="replace")


def parts(link: str) -> SplitResult:
    """The parts of anything that may be an address, as a guid; all of them "" where it is a broken one."""
    try:
        return urlsplit(link)
    except ValueError:
        return SplitResult("", "", "", "", "")


def without_tracking(link: str) -> str:
    """The same address without parameters such as utm_source; the others keep their order and spelling."""
    head, hash_mark, fragment = link.partition("#")
    head, mark, query = head.partition("?")
    kept = "&".join(part for part in query.split("&") if not _TRACKING.match(part))
    return (f"{head}?{kept}" if mark and kept else head) + hash_mark + fragment


def without_scheme(link: str) -> str:
    """What stays the same when a site moves from http to https."""
    return re.sub(r"^https?:", "", link, flags=re.IGNORECASE)
