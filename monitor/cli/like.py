"""The command that proposes a rule for an article: rules like."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from monitor.cli.terminal import answer, complain, printable, say
from monitor.config.options import Feed
from monitor.errors import MonitorError, SchemaError
from monitor.feeds.article import read_article
from monitor.loaded import LoadedConfig, load
from monitor.model.feeds import Entry, Validators
from monitor.queries.answers.rules import LikeAnswer
from monitor.queries.explain import explain
from monitor.queries.like import CheckedProposal, like
from monitor.reasons import reason_of
from monitor.rules.like.propose import as_toml
from monitor.service.clock import clock
from monitor.store.database import Database, open_database
from monitor.texts import sentence

_SHOWN = 10  # entries that the rule finds


def propose(path: Path, source: str, *, json: bool) -> int:
    """Print a rule for the article in a file, at an address, on standard input ("-") or in the database.

    What is printed is TOML as a whole, to be put into config.toml. Return 1 when nothing in the article stands out.
    """
    loaded = load(path)
    document = _read_source(source, loaded.config.fetch.max_bytes)
    article, checked, no_database = asyncio.run(_propose(source, document, loaded))
    proposal = checked.proposal
    toml = list(as_toml(proposal)) if proposal.words else []
    if json:
        answer(LikeAnswer.of(article, checked, "".join(f"{line}\n" for line in toml)))
    elif proposal.words:
        for line in (*toml, *_comments(checked, no_database)):
            say(line)
    if not proposal.words:
        what = f'"{article.title}"' if article.title else sentence("the text") if source == "-" else source
        complain(
            sentence(
                "nothing in {what} stands out, so there is no rule to propose. A longer article may help.",
                what=what,
            )
        )
    return int(not proposal.words)


def _read_source(source: str, limit: int) -> bytes | None:
    """Return what stands in a file or on standard input, up to so many bytes; None when there is no such file."""
    if source == "-":
        return sys.stdin.buffer.read(limit)
    try:
        with Path(source).open("rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise MonitorError(
            sentence("{path} cannot be read: {why}", path=source, why=reason_of(error))
        ) from error


async def _propose(
    source: str, document: bytes | None, loaded: LoadedConfig
) -> tuple[Entry, CheckedProposal, str]:
    """Return the article, the proposal, and why it was not tested against stored entries; "" when it was."""
    db, no_database = _open_database(loaded)
    try:
        article = await _article(source, document, loaded, db)
        taken = [rule.name for rule in loaded.config.rules]
        return article, await like(article, rules=loaded.rules, taken=taken, db=db), no_database
    finally:
        if db:
            await db.close()


def _open_database(loaded: LoadedConfig) -> tuple[Database | None, str]:
    """Return the database; None where there is none yet, and why."""
    try:
        return open_database(loaded.store_url, migrate=False), ""
    except SchemaError as error:
        return None, error.text


async def _article(source: str, document: bytes | None, loaded: LoadedConfig, db: Database | None) -> Entry:
    """Return the article that a source names. Raises MonitorError, whose text says what is wrong with it."""
    if document is not None:
        return read_article(document, now=clock())
    if db and (stored := await explain(source, rules=loaded.rules, db=db)):
        return stored[0].entry
    if source.startswith(("http://", "https://")):
        return await _fetch_article(source, loaded)
    raise MonitorError(sentence('"{source}" is no file, no http address, and no stored entry', source=source))


async def _fetch_article(url: str, loaded: LoadedConfig) -> Entry:
    from monitor.feeds.fetch import Fetched, Fetcher  # most articles are files

    async with Fetcher(loaded.config.fetch) as fetcher:
        try:
            page = await fetcher.fetch(Feed(name=url, url=url), Validators())
        except MonitorError as error:
            raise MonitorError(sentence("{path} cannot be read: {why}", path=url, why=error.text)) from error
    assert isinstance(page, Fetched)  # nothing was asked that a 304 could answer
    with page.body:
        return read_article(page.body.read(), page.content_type, link=url, now=clock())


def _comments(checked: CheckedProposal, no_database: str) -> Iterator[str]:
    """Yield what the rule finds among the stored entries, and what to do next, as comments in TOML."""
    found = checked.found
    if no_database:
        yield sentence("# Tested against no stored entries: {why}", why=no_database)
    else:
        new = sum(not entry.matched_already for entry in found)
        values = {"found": len(found), "all": checked.entries, "new": new}
        if checked.entries == 1:
            yield sentence(
                "# It finds {found} of the 1 entry that is stored, {new} of them found by no rule so far.",
                **values,
            )
        else:
            yield sentence(
                "# It finds {found} of the {all} newest entries that are stored, {new} of them found by no rule so "
                "far.",
                **values,
            )
    for entry in found[:_SHOWN]:
        title = printable(" ".join(entry.entry.title.split()))
        yield f"#   {' ' if entry.matched_already else '+'} {title}  ({', '.join(entry.words)})"
    if len(found) > _SHOWN:
        yield sentence("#   … and {number} more; --json names them all.", number=len(found) - _SHOWN)
    yield sentence('# Next: take out what you do not want, put it into config.toml, and run "monitor check".')
