"""Commands that change the feeds of config.toml: feeds add, remove, pause, resume, import; and feeds export."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor.cli.feeds_show import address_of, show_visit, visit_feed
from monitor.cli.moments import Times, times_of
from monitor.cli.terminal import answer, complain, put, say, show_diff
from monitor.config.checked import read_options
from monitor.config.options import Feed
from monitor.editing.edit import Change, plan_change, write_change
from monitor.editing.feeds import (
    NewFeed,
    address_key,
    feed_at,
    feed_named,
    name_for,
    with_enabled,
    with_feeds,
    without_feed,
)
from monitor.editing.opml import LARGEST, Outline, as_opml, read_opml
from monitor.errors import FeedError, MonitorError
from monitor.loaded import load
from monitor.masking import mask
from monitor.queries.answers.config import EditAnswer
from monitor.queries.answers.feeds import (
    FeedAddAnswer,
    FeedEditAnswer,
    FeedTestAnswer,
    OpmlAnswer,
    SkippedOutline,
)
from monitor.queries.visit import Visit
from monitor.reasons import reason_of
from monitor.service.clock import clock
from monitor.texts import listed, sentence


def add(
    path: Path, source: str, *, name: str | None, every: str | None, force: bool, dry_run: bool, json: bool
) -> int:
    """Test a feed, or the one that a page links to, and add it; return 0. Raises MonitorError where there is none."""
    loaded = load(path)
    feeds, url = loaded.config.feeds, address_of(source)
    if not url:
        raise MonitorError(
            sentence('"{source}" is no address. Write it as https://example.org/feed.xml', source=source)
        )
    names = [feed.name for feed in feeds]
    if name in names:
        raise MonitorError(sentence('there is a feed "{name}" already. Give another --name', name=name))
    _refuse_known(feed_at(url, feeds))
    found = None
    try:
        found = visit_feed(Feed(name=source, url=url), loaded)
        url = found.lasting_url
        tested = FeedTestAnswer.of(found, clock())
    except FeedError as error:
        tested = FeedTestAnswer(ok=False, url=mask(url), error=error.text)
        if not force:
            raise MonitorError(
                sentence(
                    "{url} brings no feed: {error}. Nothing was changed; --force adds it all the same",
                    url=mask(url),
                    error=error.text,
                )
            ) from error
    _refuse_known(feed_at(url, feeds))
    new = NewFeed(name=name or name_for(tested.title, url, names), url=url, every=every or "")
    change = plan_change(path, loaded.text, with_feeds(loaded.text, [new]))
    added = FeedAddAnswer(
        file=str(path),
        written=not dry_run,
        diff=change.diff,
        feed=new.name,
        url=mask(url),
        tested=tested,
    )
    times = times_of(loaded.config, clock())
    if not json:
        _show_tested(tested, found, times)
    _carry_out(
        change, added, [sentence('"{name}" is added.', name=new.name), *_what_follows(tested)], json=json
    )
    if not json:
        times.say_zone()
    return 0


def _refuse_known(known: Feed | None) -> None:
    if known and known.enabled:
        raise MonitorError(sentence('this feed is there already, as "{name}"', name=known.name))
    if known:
        raise MonitorError(
            sentence(
                'this feed is there already, as "{name}", and paused: monitor feeds resume "{name}"',
                name=known.name,
            )
        )


def _show_tested(tested: FeedTestAnswer, found: Visit | None, times: Times) -> None:
    if found:
        show_visit(tested, found, times)
    else:
        complain(sentence("{url} brings no feed now: {error}", url=tested.url, error=tested.error))


def _what_follows(tested: FeedTestAnswer) -> list[str]:
    if not tested.entries:
        return []
    fresh = tested.entries - tested.too_old
    if fresh == 1:
        return [sentence("At its first visit 1 entry will be news; what matches stands in the next digest.")]
    return [
        sentence(
            "At its first visit {count} entries will be news; what matches stands in the next digest.",
            count=fresh,
        )
    ]


def remove(path: Path, name: str, *, dry_run: bool, json: bool) -> int:
    """Remove a feed; return 0. Raises MonitorError for the only one, and for one that a rule names."""
    loaded = load(path)
    config = loaded.config
    feed = feed_named(name, config.feeds)
    if len(config.feeds) == 1:
        raise MonitorError(
            sentence(
                '"{name}" is the only feed, and without any there is nothing to mail. Add another one first, or: '
                'monitor feeds pause "{name}"',
                name=feed.name,
            )
        )
    if naming := [rule.name for rule in config.rules if feed.name in rule.feeds]:
        raise MonitorError(
            sentence(
                'rule "{rule}" is for "{name}" by its "feeds". Take the name out there first, or: '
                'monitor feeds pause "{name}"',
                rule=naming[0],
                name=feed.name,
            )
        )
    change = plan_change(path, loaded.text, without_feed(loaded.text, feed))
    removed = FeedEditAnswer(file=str(path), written=not dry_run, diff=change.diff, feed=feed.name)
    done = [
        sentence('"{name}" is out of {file}.', name=feed.name, file=path.name),
        sentence("Its entries stay in the database: added again, it mails nothing twice."),
    ]
    _carry_out(change, removed, done, json=json)
    return 0


def pause(path: Path, name: str, *, dry_run: bool, json: bool) -> int:
    """Pause a feed; return 0, also when it is paused already."""
    return _set_enabled(path, name, enabled=False, dry_run=dry_run, json=json)


def resume(path: Path, name: str, *, dry_run: bool, json: bool) -> int:
    """Poll a paused feed again; return 0, also when it is not paused."""
    return _set_enabled(path, name, enabled=True, dry_run=dry_run, json=json)


def _set_enabled(path: Path, name: str, *, enabled: bool, dry_run: bool, json: bool) -> int:
    loaded = load(path)
    feed = feed_named(name, loaded.config.feeds)
    if feed.enabled is enabled:
        if json:
            answer(FeedEditAnswer(file=str(path), written=False, diff=(), feed=feed.name))
        elif enabled:
            say(sentence('"{name}" is not paused. Nothing was changed.', name=feed.name))
        else:
            say(sentence('"{name}" is paused already. Nothing was changed.', name=feed.name))
        return 0
    change = plan_change(path, loaded.text, with_enabled(loaded.text, feed, enabled=enabled))
    changed = FeedEditAnswer(file=str(path), written=not dry_run, diff=change.diff, feed=feed.name)
    done = (
        sentence('"{name}" is polled again.', name=feed.name)
        if enabled
        else sentence(
            '"{name}" is paused: it is not polled, and what is known of it stays. Back to it: '
            'monitor feeds resume "{name}"',
            name=feed.name,
        )
    )
    _carry_out(change, changed, [done], json=json)
    return 0


def import_opml(path: Path, file: Path, *, dry_run: bool, json: bool) -> int:
    """Add the feeds of an OPML file that are not there yet; return 0. Raises MonitorError for what is no OPML."""
    loaded = load(path)
    try:
        outlines = read_opml(_read(file))
    except OSError as error:
        raise MonitorError(
            sentence("the list {file} cannot be read: {reason}", file=file, reason=reason_of(error))
        ) from error
    except MonitorError as error:
        raise MonitorError(sentence("{file} is not imported: {error}", file=file, error=error.text)) from None
    new, skipped = _sorted_out(outlines, loaded.config.feeds)
    change = plan_change(path, loaded.text, with_feeds(loaded.text, new)) if new else None
    imported = OpmlAnswer(
        file=str(path),
        written=change is not None and not dry_run,
        diff=change.diff if change and dry_run else (),
        feeds=tuple(feed.name for feed in new),
        skipped=skipped,
    )
    for each in skipped if not json else ():
        complain(
            sentence(
                "{file}, line {line}: {url} is left out: {reason}",
                file=file.name,
                line=each.line,
                url=each.url,
                reason=each.reason,
            )
        )
    if change is None:
        if json:
            answer(imported)
        else:
            say(sentence("{file} has no feed that is not there yet. Nothing was changed.", file=file))
        return 0
    _carry_out(change, imported, _imported(path, imported), json=json)
    return 0


def _imported(path: Path, imported: OpmlAnswer) -> list[str]:
    count = len(imported.feeds)
    more = (
        sentence("{file} has 1 feed more.", file=path.name)
        if count == 1
        else sentence("{file} has {count} feeds more.", file=path.name, count=count)
    )
    return [more, sentence('None was asked yet: "monitor feeds list" shows which answer.')]


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with file.open("rb") as opened:
        return opened.read(LARGEST + 1)


def _sorted_out(
    outlines: Sequence[Outline], feeds: Sequence[Feed]
) -> tuple[list[NewFeed], tuple[SkippedOutline, ...]]:
    """Return the feeds to add, each under a name of its own, and what is not added, with the reason."""
    known = {address_key(feed.url): feed.name for feed in feeds}
    names = {feed.name for feed in feeds}
    new: list[NewFeed] = []
    skipped: list[SkippedOutline] = []
    for outline in outlines:
        key = address_key(outline.url) if outline.is_good else ""
        if not outline.is_good:
            reason = sentence("this is no http or https address")
        elif key in known:
            reason = sentence('it is there already, as "{name}"', name=known[key])
        else:
            name = name_for(outline.title, outline.url, names)
            known[key] = name
            names.add(name)
            new.append(NewFeed(name=name, url=outline.url))
            continue
        skipped.append(SkippedOutline(line=outline.line, url=mask(outline.url)[:200], reason=reason))
    return new, tuple(skipped)


def export_opml(path: Path, file: Path | None) -> int:
    """Write the feeds as OPML, into a new file or to standard output (None, "-"); return 0. Raises MonitorError."""
    feeds = read_options(path).config.feeds
    document = as_opml(feeds, "feed-monitor")
    secret = [feed.name for feed in feeds if mask(feed.url) != feed.url]
    if file is None or str(file) == "-":
        put(document)
    else:
        _write_new(file, document.encode())
        if len(feeds) == 1:
            say(sentence("{file} has 1 feed.", file=file))
        else:
            say(sentence("{file} has {count} feeds.", file=file, count=len(feeds)))
    if secret:
        complain(
            sentence(
                "A login or key stands in the address of {names}: keep the list to yourself.",
                names=listed(secret),
            )
        )
    return 0


def _write_new(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, and that was not there before. Raises MonitorError."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            try:
                opened.write(content)
                opened.flush()
            except OSError:
                file.unlink()
                raise
    except FileExistsError:
        raise MonitorError(sentence("{file} is there already: take another name", file=file)) from None
    except OSError as error:
        raise MonitorError(
            sentence("the list {file} cannot be written: {reason}", file=file, reason=reason_of(error))
        ) from error


def _carry_out(change: Change, edited: EditAnswer, done: Sequence[str], *, json: bool) -> None:
    """Show a change, and make it unless this is a dry run."""
    if not json:
        show_diff(edited.diff)
    if edited.written:
        write_change(change)
    if json:
        answer(edited)
    elif edited.written:
        for line in done:
            say(line)
        say(sentence("A running service takes this up within two seconds."))
    else:
        say(sentence("This was a dry run: nothing was changed."))
