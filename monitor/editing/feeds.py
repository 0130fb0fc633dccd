"""Add, remove, pause and resume the feeds in the text of a config.toml."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from monitor.config.options import Feed
from monitor.config.positions import read_positions
from monitor.editing.edit import behind_tables, with_value, without_table
from monitor.editing.trendradar import free_name
from monitor.errors import MonitorError, suggestion
from monitor.feeds.links import canonical, split_address
from monitor.feeds.text import clean
from monitor.rules.words import quoted
from monitor.texts import sentence

_LONGEST_NAME = 60  # characters, of one that a feed gives itself


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A feed as it is to stand in the file."""

    name: str
    url: str
    every: str = ""  # "" is not written: the default


def feed_named(name: str, feeds: Sequence[Feed]) -> Feed:
    """Return the feed with this name, or at this address. Raises MonitorError with a suggestion when there is none."""
    for feed in feeds:
        if name in (feed.name, feed.url):
            return feed
    if found := feed_at(name, feeds):
        return found
    instead = suggestion(name, [feed.name for feed in feeds])
    raise MonitorError(
        sentence('there is no feed "{name}". {instead}', name=name, instead=instead)
        if instead
        else sentence('there is no feed "{name}"', name=name)
    )


def feed_at(url: str, feeds: Iterable[Feed]) -> Feed | None:
    """Return the feed that is asked at an address, in whichever spelling; None when none is."""
    wanted = address_key(url)
    return next((feed for feed in feeds if address_key(feed.url) == wanted), None)


def address_key(url: str) -> str:
    """Return what is equal for two spellings of a feed's address: its canonical form."""
    return canonical(url) or (split_address(url).hostname or url).removeprefix("www.")


def name_for(title: str, url: str, taken: Collection[str]) -> str:
    """Return a name for a new feed: its title, else its host; with a number behind it when it is taken."""
    host = (urlsplit(url).hostname or url).removeprefix("www.")
    name = clean(title)[:_LONGEST_NAME].strip() or host
    return name if name not in taken else free_name(name, taken)


def with_feeds(text: str, feeds: Sequence[NewFeed]) -> str:
    """Return the text with more feeds behind its own."""
    return behind_tables(text, "feeds", "\n".join(map(_table, feeds)))


def _table(feed: NewFeed) -> str:
    every = f"every = {quoted(feed.every)}\n" if feed.every else ""
    return f"[[feeds]]\nname = {quoted(feed.name)}\nurl = {quoted(feed.url)}\n{every}"


def without_feed(text: str, feed: Feed) -> str:
    """Return the text without a feed. Raises MonitorError where it cannot be taken out in place."""
    return without_table(text, "feeds", _index(text, feed))


def with_enabled(text: str, feed: Feed, *, enabled: bool) -> str:
    """Return the text with a feed paused, or polled again. Raises MonitorError where it cannot be changed in place."""
    return with_value(
        text, ("feeds", _index(text, feed), "enabled"), "true" if enabled else "false", behind="url"
    )


def _index(text: str, feed: Feed) -> int:
    """Return the place of a feed among the [[feeds]] of the text; -1 where it is written in another way."""
    positions, index = read_positions(text), 0
    while positions.table("feeds", index):
        name = positions.key("feeds", index, "name")
        if name and positions.read(name.value) == feed.name:
            return index
        index += 1
    return -1
