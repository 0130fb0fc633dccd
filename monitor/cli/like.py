"""The command that makes a rule of an article: rules like."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from monitor.cli.terminal import answer, complain, count, printable, say
from monitor.config.options import Feed
from monitor.errors import MonitorError, SchemaError
from monitor.feeds.article import read_article
from monitor.feeds.fetch import Fetched, Fetcher
from monitor.loaded import LoadedConfig, load
from monitor.model.feeds import Entry, Validators
from monitor.queries.answers.rules import LikeAnswer
from monitor.queries.explain import explain
from monitor.queries.like import CheckedProposal, like
from monitor.rules.like.propose import as_toml
from monitor.service.runtime import clock
from monitor.store.database import Database, open_database

_SHOWN = 10  # entries the rule would have found


def propose(path: Path, source: str, *, json: bool) -> int:
    """Print a rule for what stands in a file, at an address, on standard input ("-") or in the database.

    What is printed is TOML as a whole, so that it may go on to config.toml.
    """
    current = load(path)
    body = _at_hand(source, current.config.fetch.max_bytes)

    async def work() -> tuple[Entry, CheckedProposal, str]:
        db, without = _database(current)
        try:
            article = await _article(source, body, current, db)
            taken = [rule.name for rule in current.config.rules]
            return article, await like(article, rules=current.rules, taken=taken, db=db), without
        finally:
            if db:
                await db.close()

    article, liked, without = asyncio.run(work())
    if json:
        answer(LikeAnswer.of(article, liked, as_toml(liked.proposal) if liked.proposal.words else ""))
    elif liked.proposal.words:
        for line in (*as_toml(liked.proposal).splitlines(), *_remarks(liked, without)):
            say(line)
    if not liked.proposal.words:
        what = f'"{article.title}"' if article.title else "the text" if source == "-" else source
        complain(f"nothing in {what} stands out, so there is no rule to propose. A longer article may do.")
    return int(not liked.proposal.words)


def _database(current: LoadedConfig) -> tuple[Database | None, str]:
    """The stored entries; where there are none yet, why."""
    try:
        return open_database(current.store_url, migrate=False), ""
    except SchemaError as error:
        return None, str(error)


def _at_hand(source: str, limit: int) -> bytes | None:
    """What stands in a file or on standard input, up to so many bytes; None where there is no such file."""
    if source == "-":
        return sys.stdin.buffer.read(limit)
    try:
        with Path(source).open("rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise MonitorError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error


async def _article(source: str, body: bytes | None, current: LoadedConfig, db: Database | None) -> Entry:
    """Raises MonitorError, whose text says what is wrong with the source."""
    if body is not None:
        return read_article(body, now=clock())
    if db and (found := await explain(source, rules=current.rules, db=db)):
        return found[0].entry
    if source.startswith(("http://", "https://")):
        return await _fetched(source, current, clock())
    raise MonitorError(f'"{source}" is no file, no http address, and no stored entry')


async def _fetched(url: str, current: LoadedConfig, now: datetime) -> Entry:
    async with Fetcher(current.config.fetch) as fetcher:
        try:
            page = await fetcher.fetch(Feed(name=url, url=url), Validators())
        except MonitorError as error:
            raise MonitorError(f"{url} cannot be read: {error}") from error
    assert isinstance(page, Fetched)  # nothing was asked that a 304 could answer
    return read_article(page.body, page.content_type, link=url, now=now)


def _remarks(liked: CheckedProposal, without: str) -> Iterator[str]:
    """What the rule would have done, and what next; as remarks in TOML."""
    if without:
        yield f"# Held against no stored entries: {without}"
    else:
        new = sum(not one.matched_already for one in liked.found)
        told = f"# It finds {len(liked.found)} of the {count(liked.entries, 'newest entry')} that are stored"
        yield f"{told}, {new} of them found by no rule so far{':' if liked.found else '.'}"
    for entry in liked.found[:_SHOWN]:
        title = printable(" ".join(entry.entry.title.split()))
        yield f"#   {' ' if entry.matched_already else '+'} {title}  ({', '.join(entry.words)})"
    if len(liked.found) > _SHOWN:
        yield f"#   … and {len(liked.found) - _SHOWN} more; --json names them all."
    yield '# Next: take out what you do not want, put it into config.toml, and see "monitor check".'
