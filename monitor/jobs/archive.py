"""Write the archive: a page for each digest that was queued, indexes, and an Atom feed for each subscription.

It is made from what the database holds, after the mails were queued, and the database knows what is done: no mail waits
for it, and what a full disk or a killed process left undone is done at the next call, by whichever process.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from monitor.config.options import Subscription
from monitor.config.reading import parse_config
from monitor.digests.archive import (
    IN_FEED,
    ArchivedIssue,
    RenderArchive,
    atom_feed,
    file_of,
    folder_of,
    index_of,
    index_of_all,
    uid_of,
)
from monitor.digests.build import Stories, build, rules_of
from monitor.digests.due import LATE, instant_of_slot, is_at_once, outside_quiet_hours
from monitor.digests.stories import MOST, Past
from monitor.errors import ConfigError, DigestError, RuleError
from monitor.jobs.draft import DigestContext, compared_since, names_of_removed, story_reader
from monitor.jobs.stored import judge
from monitor.model.archive import Issued, Page
from monitor.model.digests import Digest, Slot, SlotKind, Watched
from monitor.model.notices import NoticeKind, Trouble
from monitor.reasons import reason_of
from monitor.rules.match import Ruleset, compile_rules
from monitor.store import archive as store
from monitor.store import notices, pages, pruned, rulesets, subscriptions
from monitor.store.database import Connection, Database
from monitor.store.digests import mailed_since
from monitor.texts import sentence

_INDEX = "index.html"
_AT_ONCE = 50  # pages between two waits for disk and database


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePlace:
    """Where the archive is, who renders it, and of what."""

    directory: Path
    url: str  # where it is served; "" where that is not known
    subscriptions: tuple[Subscription, ...]  # those that are archived
    render: RenderArchive
    context: DigestContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was written."""

    written: int  # pages
    kept: int = 0  # pages that cannot be made any more, and stay as they are
    lost: int = 0  # issues that cannot be made any more, and have no page
    failed: str = ""  # why the rest waits; "" when there is none

    def __bool__(self) -> bool:
        return bool(self.written or self.failed)


async def archive(
    place: ArchivePlace,
    *,
    db: Database,
    now: datetime,
    anew: bool = False,
    step: Callable[[], object] = lambda: None,
    begin: Callable[[int], object] = lambda _: None,
) -> Archived:
    """Write what the archive lacks; with `anew` every page that can still be made.

    `begin` is told how many issues there are, `step` is called after each. What cannot be written is told to the
    operator, and tried again at the next call. Raises StoreError.
    """
    by_key = await db.read(_by_key, place.subscriptions)
    issues = await db.read(store.issued, list(by_key), archived=anew)
    stale = set(by_key) if anew else await db.read(store.unlisted) & by_key.keys()
    if not issues and not stale:
        return Archived(written=0)
    begin(len(issues))
    work = _Archive(place, by_key, db)
    failed = ""
    try:
        try:
            for issue in issues:
                if await work.add(issue):
                    stale.add(issue.subscription)
                step()
        finally:
            await work.record()
        if stale:
            await work.list(stale)
    except (OSError, DigestError) as error:
        failed = error.text if isinstance(error, DigestError) else _why(place.directory, error)
    await db.write(_tell, place, failed, now)
    return replace(work.done, failed=failed)


class _Archive:
    """One pass over the archive; what was written is counted in `done`."""

    def __init__(self, place: ArchivePlace, by_key: Mapping[str, Subscription], db: Database) -> None:
        self._place, self._by_key, self._db = place, by_key, db
        self._rulesets: dict[str, Ruleset] = {place.context.rules.fingerprint: place.context.rules}
        self._written: list[tuple[Issued, Page]] = []  # and not recorded yet
        self.done = Archived(written=0)

    async def add(self, issue: Issued) -> bool:
        """Write the page of an issue; return whether it has one. Raises OSError, DigestError and StoreError."""
        subscription = self._by_key[issue.subscription]
        digest = await self._digest(issue, subscription)
        page = await self._db.read(store.page_of, issue.id)
        if digest is None:
            is_there = page is not None and (self._place.directory / page.file).exists()
            if is_there:
                self.done = replace(self.done, kept=self.done.kept + 1)
            else:
                self.done = replace(self.done, lost=self.done.lost + 1)
            await self._db.write(store.mark, issue)
            return is_there
        rendered = await asyncio.to_thread(self._place.render.issue, digest)
        page = _page(issue, rendered, page, file_of(issue, subscription, digest.slot.at))
        await asyncio.to_thread(pages.write_page, self._place.directory, page.file, rendered.html.encode())
        self._written.append((issue, page))
        if len(self._written) >= _AT_ONCE:
            await self.record()
        return True

    async def record(self) -> None:
        """Record the pages that were written. Raises OSError and StoreError."""
        if not self._written:
            return
        written, self._written = self._written, []
        # The files first: killed in between, the same files are written once more.
        folders = {page.file.rpartition("/")[0] for _, page in written}
        await asyncio.to_thread(pages.sync, self._place.directory, folders)
        await self._db.write(_record, written)
        self.done = replace(self.done, written=self.done.written + len(written))

    async def list(self, keys: set[str]) -> None:
        """Write the indexes, and the Atom feeds of these subscriptions. Raises OSError, DigestError and StoreError."""
        shelves: list[tuple[str, Subscription, Sequence[Page]]] = []
        for key, subscription in self._by_key.items():
            known = await self._db.read(store.pages, key)
            folders = {page.file.rpartition("/")[0] for page in known}
            there = {
                name
                for folder in folders
                for name in await asyncio.to_thread(pages.names_in, self._place.directory, folder)
            }
            listed = [page for page in known if page.file in there]
            if not listed:
                continue
            shelves.append((key, subscription, listed))
            if key in keys:
                await asyncio.to_thread(self._list_one, key, subscription, known, listed)
                await self._db.write(store.mark_listed, known, IN_FEED)
        if shelves:
            await asyncio.to_thread(self._list_all, shelves)

    def _list_one(
        self, key: str, subscription: Subscription, known: Sequence[Page], listed: Sequence[Page]
    ) -> None:
        from monitor.digests.language import language_of  # loads babel: not at every start

        place, folder = self._place, folder_of(key)
        language = language_of(subscription.locale)
        index = place.render.index(index_of(subscription.name, subscription, listed, language))
        feed = atom_feed(subscription.name, subscription.locale, known, folder=folder, url=place.url)
        pages.write_page(place.directory, f"{folder}/{_INDEX}", index.encode())
        pages.write_page(place.directory, f"{folder}/feed.xml", feed)
        pages.sync(place.directory, [folder])

    def _list_all(self, shelves: Sequence[tuple[str, Subscription, Sequence[Page]]]) -> None:
        from monitor.digests.language import language_of

        language = language_of(shelves[0][1].locale)
        index = self._place.render.index(index_of_all(shelves, language))
        pages.write_page(self._place.directory, _INDEX, index.encode())
        pages.sync(self._place.directory, ())

    async def _digest(self, issue: Issued, subscription: Subscription) -> Digest | None:
        """Build the digest for everybody: what was news to all, without what single recipients were owed.

        Return None where that cannot be told any more: its entries have lost their texts.
        """
        seqs, found = await self._db.read(store.news_of, issue)
        pruned_seqs = await self._db.read(pruned.among, sorted(seqs))
        if not found or pruned_seqs:
            return None
        ruleset = await self._ruleset(issue.ruleset)
        name = issue.slot
        slot = Slot.named(name, instant_of_slot(name, subscription.timezone) or issue.at)
        slot = replace(slot, late=slot.kind is SlotKind.AT and issue.at - slot.at > LATE)
        rules = rules_of(subscription, [compiled.rule for compiled in ruleset.rules])
        if is_at_once(slot):
            rules = outside_quiet_hours(rules, subscription.timezone, issue.at)
        fingerprints = {ruleset.fingerprints[rule.name] for rule in rules}
        judged = [
            replace(each, matches=tuple(m for m in each.matches if m.fingerprint in fingerprints))
            for each in await judge(found, ruleset)
        ]
        names = {feed.url: feed.name for feed in self._place.context.feeds}
        since = compared_since(judged, issue.at)
        before = await self._db.read(mailed_since, issue.subscription, since, MOST)
        past = await asyncio.to_thread(
            Past, story_reader(), [mailed for mailed in before if mailed.at < issue.at]
        )
        retitled = await self._db.read(store.retitled, issue, sorted({each.entry.story for each in judged}))
        digest = build(
            subscription,
            slot,
            [each for each in judged if each.matches],
            rules=[(rule, ruleset.fingerprints[rule.name]) for rule in rules],
            feeds=names | await names_of_removed(names, judged, self._db),
            watched=Watched(),
            since=None,
            now=issue.at,
            next_at=None,
            # What no rule of then matches, as far as that is known, was mailed all the same.
            owed=[each for each in judged if not each.matches and each.seq in seqs],
            stories=Stories(reader=story_reader(), past=past, retitled=retitled),
        )
        return _owed_to_nobody(digest) if digest.sections else None

    async def _ruleset(self, fingerprint: str) -> Ruleset:
        """Return the rules that were in force then; those of today where they cannot be read any more."""
        if fingerprint not in self._rulesets:
            text = await self._db.read(_rules_text, fingerprint)
            self._rulesets[fingerprint] = _compiled(text, self._place.context) or self._place.context.rules
        return self._rulesets[fingerprint]


def _owed_to_nobody(digest: Digest) -> Digest:
    sections = tuple(
        replace(
            section,
            items=tuple(replace(item, owed=False) for item in section.items),
            more=tuple(replace(item, owed=False) for item in section.more),
        )
        for section in digest.sections
    )
    return replace(digest, sections=sections)


def _record(tx: Connection, written: Sequence[tuple[Issued, Page]]) -> None:
    for issue, page in written:
        store.record(tx, issue, page)


def _by_key(tx: Connection, wanted: Sequence[Subscription]) -> dict[str, Subscription]:
    found = ((subscriptions.state(tx, subscription.name), subscription) for subscription in wanted)
    return {state.key: subscription for state, subscription in found if state}


def _rules_text(tx: Connection, fingerprint: str) -> str:
    versions = [each.text for each in rulesets.history(tx) if each.fingerprint == fingerprint]
    return versions[-1] if versions else ""


def _compiled(text: str, context: DigestContext) -> Ruleset | None:
    try:
        config = parse_config(text, "rules", whole=False)
        ruleset = compile_rules(config.rules, context.feeds, config.aliases, config.matching.ignore)
    except (ConfigError, RuleError):
        return None
    return ruleset if ruleset.rules else None


def _page(issue: Issued, rendered: ArchivedIssue, before: Page | None, file: str) -> Page:
    """Return the page of an issue; what names it stays what it was when it was made first."""
    return Page(
        digest_id=issue.id,
        subscription=issue.subscription,
        at=before.at if before else issue.at,
        uid=before.uid if before else uid_of(issue),
        file=before.file if before else file,
        title=rendered.title,
        items=rendered.items,
        content=rendered.content,
    )


def _why(directory: Path, error: OSError) -> str:
    # Of a rename the second name is the one that somebody knows; a full disk has none.
    in_the_way = str(error.filename2 or directory)
    return sentence("{directory} cannot be written: {why}", directory=in_the_way, why=reason_of(error))


def _tell(tx: Connection, place: ArchivePlace, failed: str, now: datetime) -> None:
    kind, subject = NoticeKind.ARCHIVE_FAILED, ""
    if not failed:
        notices.clear(tx, kind, subject, now)
        return
    trouble = Trouble(kind=kind, subject=subject, content="failed", details=failed, since=now)
    notices.report(tx, trouble, now)
