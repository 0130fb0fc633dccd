"""Which entry is this, when the feed does not say?"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.feeds.links import without_scheme, without_tracking
from monitor.feeds.raw import RawEntry

_LONGEST_ID = 500  # characters; a longer one (a data: URL) is known by its hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The id of an entry in its feed, and the other names it goes by there."""

    id: str
    aliases: tuple[str, ...]


def identify(entries: Sequence[RawEntry]) -> list[Identity]:
    """The identity of each entry of one document, in their order.

    The feed's own id, byte for byte; where items with different links or titles share it, with what tells them
    apart; without one the link, tracking parameters aside; without a link, title and date. A web address has its form
    without http: or https: as an alias, so that a site's move is no flood of news.
    """
    links: dict[str, set[str]] = defaultdict(set)
    titles: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        links[entry.id].add(without_tracking(entry.link))
        titles[entry.id].add(entry.title)
    bare = Counter(_bare(entry) for entry in entries if not entry.id and not entry.link)
    return [_identity(entry, links, titles, bare) for entry in entries]


def _identity(
    entry: RawEntry, links: Mapping[str, set[str]], titles: Mapping[str, set[str]], bare: Counter[str]
) -> Identity:
    own, link = entry.id, without_tracking(entry.link)
    if own and len(links[own]) > 1:
        name = f"{own} {link}"
    elif own and len(titles[own]) > 1:
        name = f"{own} {entry.title}"
    elif own or link:
        name = own or link
    else:
        # Two items of one title and date are told apart by what they say.
        name = (
            _bare(entry)
            if bare[_bare(entry)] == 1
            else f"{_bare(entry)} {_hash(entry.summary + entry.content)}"
        )
    aliases = [without_scheme(name)] if name.startswith(("http:", "https:")) else []
    return Identity(id=_short(name), aliases=tuple(_short(alias) for alias in aliases))


def _bare(entry: RawEntry) -> str:
    date = entry.published.isoformat() if entry.published else ""
    title = entry.title or _hash(entry.summary + entry.content)
    return f"{title} {date}".strip()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_ID else f"sha256:{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
