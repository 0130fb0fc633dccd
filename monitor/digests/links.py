"""Decide which addresses of an entry are links in a mail, and name the host where one leaves its feed's site."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit, urlunsplit

from monitor.model.address import is_forbidden, literal_address

_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"\\^`{|}]{1,2000}", re.IGNORECASE)
# Names that are looked up within a network only (RFC 6762, RFC 8375, ICANN's .internal), beside those without a dot.
_LOCAL = re.compile(r"(?:^|\.)(?:local|localdomain|internal|intranet|lan|home|corp|home\.arpa)$")
_HAN_LABEL = re.compile("[\u3400-\u4dbf\u4e00-\u9fff0-9]+")  # looks like no other; mixed with Latin, it may

# docs/decisions/0030: a list of the second levels that countries use, and of hosts where anybody has a site, instead of
# the Public Suffix List.
_SECOND_LEVEL = re.compile("ac|com?|edu|gob|gouv|govt?|gv|idv|ltd|mil|net?|nom|org?|plc|sch|go")
_SHARED_HOST = re.compile(
    r"(?:blogspot|wordpress|substack|medium|tumblr|livejournal|typepad|wixsite|weebly|beehiiv|hatenablog|lofter"
    r"|myshopify|herokuapp|onrender|firebaseapp|appspot|cloudfront|amazonaws|azurewebsites)\.(?:com|net)"
    r"|(?:git(?:hub|lab)|ghost)\.io|(?:netlify|vercel|web)\.app|(?:pages|workers|fly|bearblog)\.dev"
    r"|notion\.site|neocities\.org"
)


def web_link(address: str, feed_url: str) -> str:
    """Return an address as a link in a mail; "" for what is none, or leads into a private network.

    An address of the feed's own host is a link wherever that is. A user name, which may be mistaken for the host, is
    taken off; a host that may be mistaken for another is written as it is looked up (xn--).
    """
    if not _WEB.fullmatch(address):
        return ""
    parts, host = _parts(address)
    if not parts or not host or (_is_private(host) and host != _parts(feed_url)[1]):
        return ""
    name = parts.netloc.rpartition("@")[2]
    if not name.isascii():
        port = name[name.rfind(":") :] if re.search(r":\d*$", name) else ""
        shown = shown_host(host)
        if not shown:
            return ""
        name = shown + port
    return address if name == parts.netloc else urlunsplit(parts._replace(netloc=name))


def foreign_host(link: str, feed_url: str) -> str:
    """Return the host of a link that leaves the site of its feed, as it may be shown; "" for one that stays."""
    host, home = _parts(link)[1], _parts(feed_url)[1]
    if not host or _site(_ascii(host)) == _site(_ascii(home)):
        return ""
    return shown_host(host).removeprefix("www.")


def shown_host(host: str) -> str:
    """Return a host as it may be shown: in Chinese where it is, else in ASCII; "" where it cannot be looked up."""
    ascii_host = _ascii(host)
    return ".".join(_shown_label(label) for label in ascii_host.split("."))


def _parts(address: str) -> tuple[SplitResult | None, str]:
    try:
        parts = urlsplit(address)
        return parts, (parts.hostname or "").rstrip(".")
    except ValueError:
        return None, ""


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def _shown_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        written = label.encode().decode("idna")
    except UnicodeError:
        return label
    return written if _HAN_LABEL.fullmatch(written) else label


@lru_cache(maxsize=1000)
def _is_private(host: str) -> bool:
    if address := literal_address(host):
        return is_forbidden(address, ())
    return "." not in host or ":" in host or bool(_LOCAL.search(host))


@lru_cache(maxsize=1024)  # the entries of a digest are of few sites
def _site(host: str) -> str:
    """Return what names whose site a host is: example.org of www.example.org, the whole of an IP address."""
    if literal_address(host):
        return host
    labels = host.split(".")
    is_of_country = len(labels) > 2 and len(labels[-1]) == 2 and _SECOND_LEVEL.fullmatch(labels[-2])
    if is_of_country or _SHARED_HOST.fullmatch(".".join(labels[-2:])):
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
