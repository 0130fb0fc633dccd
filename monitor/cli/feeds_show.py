"""Commands that show feeds: feeds list, feeds test."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.cli.database import use_database
from monitor.cli.moments import Times, times_of
from monitor.cli.status import show_feed_states
from monitor.cli.terminal import answer, complain, say
from monitor.config.checked import CheckedConfig, read_options
from monitor.config.options import Feed, FetchOptions, as_written
from monitor.config.values import in_words
from monitor.editing.feeds import feed_at, feed_named
from monitor.errors import FeedError, FetchError, MonitorError, StoreError
from monitor.feeds.links import is_address
from monitor.loaded import LoadedConfig, load
from monitor.masking import mask
from monitor.queries.answers.feeds import FeedTestAnswer, ListedFeed
from monitor.queries.answers.status import FeedStatus
from monitor.queries.status import read_stored_state, status_of
from monitor.queries.visit import Visit, visit
from monitor.service.clock import clock
from monitor.texts import listed, sentence


def show_feeds(path: Path, *, json: bool) -> int:
    """List the feeds of a file, with what the database knows of them; return 0."""
    checked = read_options(path)
    stored, no_database = _stored(checked)
    feeds = [
        ListedFeed.of(feed, _every(feed, checked.config.fetch), stored.get(feed.name))
        for feed in checked.config.feeds
    ]
    if json:
        answer(feeds)
        return 0
    if no_database:
        complain(
            sentence("The database was not read, so only the file is shown: {reason}", reason=no_database)
        )
    if not feeds:
        say(
            sentence(
                'There is no feed yet. "monitor feeds add URL" adds one, by the address of a home page, too.'
            )
        )
        return 0
    subscriptions = checked.config.subscriptions
    show_feed_states(feeds, clock(), ZoneInfo(subscriptions[0].timezone) if subscriptions else None)
    if subscriptions and any(each.visited or each.next for each in feeds):
        say(sentence("times: those of {zone}", zone=subscriptions[0].timezone))
    say("")
    for each in feeds:  # whole, on lines of their own: an address is copied
        say(sentence("{feed}: {url}", feed=each.feed, url=each.url))
    return 0


def _every(feed: Feed, options: FetchOptions) -> str:
    every = max(feed.every, options.min_interval) if isinstance(feed.every, timedelta) else feed.every
    return str(as_written(every))


def _stored(checked: CheckedConfig) -> tuple[dict[str, FeedStatus], str]:
    """Return how each feed does, by its name; and why the database cannot tell, "" where it can."""
    try:
        now = clock()
        stored = use_database(checked.store_url, lambda db: db.read(read_stored_state, checked.config, now))
    except StoreError as error:
        return {}, error.text
    return {feed.feed: feed for feed in status_of(checked, stored, now).feeds}, ""


def show_test(path: Path, source: str, *, json: bool) -> int:
    """Visit a feed of the file, or at an address, and show what it has; return 1 when there is no feed."""
    loaded = load(path)
    feed = feed_for(source, loaded)
    now = clock()
    try:
        found = visit_feed(feed, loaded)
    except FeedError as error:
        if json:
            answer(FeedTestAnswer(ok=False, url=mask(feed.url), error=error.text))
        else:
            complain(sentence("{url} brings no feed: {error}", url=mask(feed.url), error=error.text))
            is_guess = feed.url == f"https://{source.strip()}"
            if is_guess and isinstance(error, FetchError) and error.connection:
                complain(
                    sentence(
                        "Without a scheme https is asked. If the server speaks http: monitor feeds test {url}",
                        url=mask(f"http://{source.strip()}"),
                    )
                )
        return 1
    if json:
        answer(FeedTestAnswer.of(found, now))
        return 0
    times = times_of(loaded.config, now)
    show_visit(FeedTestAnswer.of(found, now), found, times)
    known = feed_at(found.feed.url, loaded.config.feeds)
    if known:
        say(sentence('Nothing was stored. It stands in {file} as "{name}".', file=path, name=known.name))
    else:
        say(sentence('Nothing was stored. "monitor feeds add {url}" adds it.', url=mask(found.feed.url)))
    times.say_zone()
    return 0


def feed_for(source: str, loaded: LoadedConfig) -> Feed:
    """Return the feed of the file that a name or address means, else one at that address. Raises MonitorError."""
    try:
        return feed_named(source, loaded.config.feeds)
    except MonitorError:
        url = address_of(source)
        if not url and "://" in source:
            raise MonitorError(
                sentence("{source}: a feed is asked by http or https only", source=source)
            ) from None
        if not url:
            raise
        return Feed(name=source, url=url)


def address_of(source: str) -> str:
    """Return the http or https address that a text means; https where it names none, "" when it is no address."""
    source = source.strip()
    if is_address(source):
        return source
    host = source.partition("/")[0]
    looks_like_host = "." in host.strip(".") and "://" not in source and not any(map(str.isspace, source))
    return f"https://{source}" if looks_like_host and is_address(f"https://{source}") else ""


def visit_feed(feed: Feed, loaded: LoadedConfig) -> Visit:
    """Visit a feed, or a page that links to one, once. Raises FeedError."""
    from monitor.feeds.fetch import Fetcher
    from monitor.feeds.parser_pool import ParserPool

    async def ask() -> Visit:
        fetcher = Fetcher(loaded.config.fetch, folder=loaded.folder)
        async with fetcher, ParserPool() as parsers:
            return await visit(
                feed, fetch=fetcher.fetch, parse=parsers.parse, rules=loaded.rules, now=clock()
            )

    return asyncio.run(ask())


def show_visit(tested: FeedTestAnswer, found: Visit, times: Times) -> None:
    """Show what a visit has brought."""
    for line in _lines(tested, found, times):
        say(line)


def _lines(tested: FeedTestAnswer, found: Visit, times: Times) -> Iterator[str]:
    if tested.page and len(tested.links) == 1:
        yield sentence("{page} is a web page. It links to this feed:", page=tested.page)
    elif tested.page:
        count = len(tested.links)
        yield sentence(
            "{page} is a web page. It links to {count} feeds; this is the first:",
            page=tested.page,
            count=count,
        )
    yield f"  {tested.title}  {tested.url}" if tested.title else f"  {tested.url}"
    for link in tested.links[1:]:
        yield sentence("  another one: {link}", link=link)
    if tested.moved_to:
        yield sentence("It has moved for good to {url}.", url=tested.moved_to)
    yield _count_of_entries(tested)
    if found.rhythm:
        yield _pace(found.rhythm.gap)
    if tested.too_old:
        yield sentence(
            "Older than first_visit ({span}), and so not mailed when the feed is new: {count}.",
            span=in_words(found.feed.first_visit),
            count=tested.too_old,
        )
    if tested.newest:
        yield sentence("The newest, each with the rules that it matches:")
    for entry in tested.newest:
        rules = f"  [{', '.join(entry.rules)}]" if entry.rules else ""
        yield f"  {times.at(entry.published)}  {' '.join(entry.title.split())}{rules}"
    if tested.entries and not tested.matched:
        yield sentence("No entry matches a rule.")
    elif tested.matched:
        rules = listed(
            sentence('"{name}" {count}', name=name, count=count)
            for name, count in (tested.by_rule or {}).items()
        )
        if tested.entries == 1:
            yield sentence("The one entry matches ({rules}).", rules=rules)
            return
        yield sentence(
            "Of {entries} entries {matched} match ({rules}).",
            entries=tested.entries,
            matched=tested.matched,
            rules=rules,
        )


def _count_of_entries(tested: FeedTestAnswer) -> str:
    if not tested.entries:
        return sentence("It has no entries at the moment.")
    if tested.entries == 1:
        return sentence("It has 1 entry.")
    return sentence("It has {count} entries.", count=tested.entries)


def _pace(gap: timedelta) -> str:
    """Return how often a new entry comes, in a sentence."""
    if gap < timedelta(minutes=5):
        return sentence("New ones come every few minutes.")
    if gap < timedelta(hours=2):
        return sentence(
            "A new one comes about every {count} minutes.", count=round(gap / timedelta(minutes=1))
        )
    if gap < timedelta(days=2):
        return sentence("A new one comes about every {count} hours.", count=round(gap / timedelta(hours=1)))
    return sentence("A new one comes about every {count} days.", count=round(gap / timedelta(days=1)))
