"""An address without what only tracks its reader."""

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|yclid|msclkid|igshid|spm|scm|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|ref_src|smid|"
    r"partner|emc|cmpid|wt_mc|at_medium|at_campaign)(?:=|$)",
    re.IGNORECASE,
)
_LONGEST = 2000


def absolute(link: str, base: str) -> str:
    """The address as http or https, absolute; "" for any other (javascript:, data:, file:) and for broken ones."""
    try:
        joined = urljoin(base, link.strip()) if link.strip() else ""
        parts = urlsplit(joined)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or len(joined) > _LONGEST:
        return ""
    if parts.username is not None or parts.password is not None:
        # What stands before the @ is made to be taken for the host.
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    # Quote what would end the address in a header, a text or an attribute.
    return re.sub(r"[\x00-\x20\x7f<>\"\\^`{|}]", lambda sign: f"%{ord(sign[0]):02X}", urlunsplit(parts))


def without_tracking(link: str) -> str:
    """The same address without parameters such as utm_source; the others keep their order and spelling."""
    head, mark, rest = link.partition("?")
    query, hash_mark, fragment = rest.partition("#")
    kept = "&".join(part for part in query.split("&") if not _TRACKING.match(part))
    return (f"{head}?{kept}" if mark and kept else head) + hash_mark + fragment


def without_scheme(link: str) -> str:
    """What stays the same when a site moves from http to https."""
    return re.sub(r"^https?:", "", link, flags=re.IGNORECASE)
