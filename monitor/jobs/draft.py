"""Build and render the digest a slot would bring, from the entries pending now; stores nothing."""

import asyncio
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Feed, Rule, Subscription
from monitor.digests.build import FULL_IN_ALL, Stories, build, rules_of
from monitor.digests.due import (
    COUNTED_FOR_HOUR,
    HOUR,
    counts_for_hour,
    hour_full_until,
    is_at_once,
    next_slot,
    outside_quiet_hours,
)
from monitor.digests.parts import Part, Parts, split
from monitor.digests.room import RenderDigest
from monitor.digests.stories import MOST, Past, Reader
from monitor.errors import DigestError
from monitor.jobs.stored import excluded_entries, judge, news_batches
from monitor.jobs.watch import watched_feeds
from monitor.model.digests import Digest, Item, Mailed, Slot, SubscriptionState, Watched
from monitor.model.feeds import Entry
from monitor.model.mail import Rendered, Route
from monitor.model.recipients import Contact
from monitor.model.rules import Match, PendingEntry
from monitor.rules.exclusion import words_that_kept_out
from monitor.rules.fold import fold
from monitor.rules.match import Ruleset
from monitor.store import choices, digests, entries, feeds, owed, recipients, subscriptions
from monitor.store.database import Connection, Database

_REACH = timedelta(days=1)  # how far back a changed rule reaches where no time of day ends a digest
_Returns = Mapping[int, int]  # by seq: how often an entry that is owed has come back
_MOST_OWED = 1000  # entries looked at for one digest: three parts hold fewer
WINDOW = timedelta(days=7)  # how long a story that was mailed is known by its headline


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What all digests of one configuration have in common."""

    rules: Ruleset
    feeds: tuple[Feed, ...]
    sender: str
    expire: timedelta
    route: Route = Route.SMTP  # of the mails that are composed
    contact: Contact = field(default_factory=Contact)

    def rules_of(self, subscription: Subscription) -> tuple[Rule, ...]:
        """Return the rules of a subscription, in the order of its digest."""
        return rules_of(subscription, [compiled.rule for compiled in self.rules.rules])


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The arrivals that a digest is made of, in seqs."""

    upto: int  # the newest
    news_after: int  # those beyond are new since the last slot
    cursor: int  # where the subscription's cursor stands when the digest is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who gets a digest; his debts may be written down under another spelling of his address."""

    mailbox: str  # as in config.toml
    address: str  # of the envelope
    debtor: tuple[str, ...]  # the addresses in the table owed that are his
    without: frozenset[str] = frozenset()  # the rules of the subscription that he declined
    new: bool = False  # he is to get a first issue
    had: frozenset[str] = frozenset()  # stories that went to him at once before that


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What recipients with equal debts and rules are sent: the digest, its parts, the items left to the next one."""

    recipients: tuple[Recipient, ...]
    digest: Digest  # the whole
    parts: tuple[Part, ...]
    left: tuple[Item, ...]
    owed: tuple[PendingEntry, ...]  # to each of them; where it is very much, the first of it
    returns: _Returns  # of these
    declined: tuple[int, ...] = ()  # owed to them, by rules alone that they declined: settled without a mail

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """Its recipients, as in config.toml."""
        return tuple(recipient.mailbox for recipient in self.recipients)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The mails of a slot built and rendered, not yet queued; the other fields say from which entries."""

    issues: tuple[Issue, ...]
    state: SubscriptionState
    span: Span
    pending: tuple[PendingEntry, ...]
    mailed_before: Mapping[str, int]  # stories pending that were mailed under another title, and its seq
    waiting: tuple[int, ...]  # what is known and alone makes no mail, as seqs: for the next digest
    backfill: tuple[int, ...]  # the seqs offered to this digest, matching or not
    new: tuple[str, ...] = ()  # the addresses that are to get a first issue, whether it has anything or not
    all_are_new: bool = False  # nobody has had an issue before
    sent: tuple[datetime, ...] = ()  # when mails were sent at once lately, where this is another one
    template_error: str = ""  # why the operator's templates failed, and ours were taken


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingPending:
    """No entry of the span is pending but of stories that are known already, and none is owed.

    Or there is nobody who wants what is.
    """

    state: SubscriptionState
    span: Span
    waiting: tuple[int, ...] = ()  # the seqs of those: the next digest brings them
    unwanted: tuple[PendingEntry, ...] = ()  # pending, and missed by all recipients
    backfill: tuple[int, ...] = ()  # as in Draft
    new: tuple[str, ...] = ()  # as in Draft
    recipients: tuple[Recipient, ...] = ()  # who want what there may be


def render_by_ours(digest: Digest) -> Rendered:
    """Render a digest by the built-in templates. Raises DigestError when these fail."""
    from monitor.digests.render import digest_renderer  # it takes long to load, and seldom comes to this

    return digest_renderer()(digest)


async def draft_digest(
    subscription: Subscription,
    slot: Slot,
    *,
    context: DigestContext,
    render: RenderDigest,
    fallback: RenderDigest = render_by_ours,
    db: Database,
    now: datetime,
) -> Draft | NothingPending:
    """Build and render what `compose` would queue; an "at once" slot brings matches of rules of that pace only.

    Where `render` fails, by a template of the operator's, `fallback` makes it. Raises DigestError when that fails too,
    and StoreError.
    """
    rules = context.rules_of(subscription)
    at_once, most = is_at_once(slot), subscription.at_once_most
    if at_once:
        rules = outside_quiet_hours(rules, subscription.timezone, now)
    fingerprints = [context.rules.fingerprints[rule.name] for rule in rules]
    state, span, backfill, owed_to = await db.read(_waiting, subscription, [rule.name for rule in rules], now)
    if at_once:  # backfill and debts are for the next digest
        backfill = []
        owed_to = [(replace(recipient, new=False), {}) for recipient, _ in owed_to]
    new = tuple(sorted(recipient.address for recipient, _ in owed_to if recipient.new))
    pending = await _pending(state, span.upto, backfill, fingerprints, context=context, db=db)
    sent = await db.read(_sent_at_once, state.key, pending, now) if counts_for_hour(slot) else []
    if at_once and subscription.at:
        pending = [
            candidate for candidate in pending if not hour_full_until(most, sent, candidate.entry.first_seen)
        ]
    owed_to_all = set.intersection(*({*returns} for _, returns in owed_to)) if owed_to else set()
    mailed_before, stories = await _stories(state, pending, owed_to_all, now=now, db=db)
    names = {feed.url: feed.name for feed in context.feeds}

    async def built(
        pending: Sequence[PendingEntry],
        rules: Sequence[tuple[Rule, str]],
        owed_entries: Sequence[PendingEntry],
        watched: Watched,
        stories: Stories,
    ) -> Digest:
        # In a thread: many headlines take a while to compare, and mails in transit want their heartbeat.
        return await asyncio.to_thread(
            build,
            subscription,
            slot,
            pending,
            rules=rules,
            feeds=names | await names_of_removed(names, [*pending, *owed_entries], db),
            watched=watched,
            since=state.last_at,
            now=now,
            next_at=next_slot(subscription, now),
            owed=owed_entries,
            stories=stories,
        )

    with_fingerprints = list(zip(rules, fingerprints, strict=True))
    waiting: tuple[int, ...] = ()
    whole = await built(pending, with_fingerprints, (), Watched(), stories)
    if pending and not whole.news:
        pending, waiting = [], tuple(candidate.seq for candidate in pending)
    earlier: list[PendingEntry] = []
    if new and subscription.first_issue:
        earlier = await _best_of_before(
            now - subscription.first_issue, span.upto, pending, fingerprints, context=context, db=db
        )
    groups = _groups(owed_to, all_are_sent=bool(pending), new_are_sent=bool(earlier))
    watched = await db.read(_watched, context.feeds, span)
    template_errors: list[str] = []
    if not at_once:
        words = await _words_that_kept_out(rules, span, pending, context=context, db=db)
        watched = replace(watched, excluded_by=words)

    async def issue(
        recipients: tuple[Recipient, ...], debts: _Returns, without: frozenset[str]
    ) -> Issue | None:
        returns = dict(list(debts.items())[:_MOST_OWED])
        judged = await judge(await db.read(entries.of, list(returns)), context.rules)
        kept = [(rule, fingerprint) for rule, fingerprint in with_fingerprints if rule.name not in without]
        wanted = [fingerprint for _, fingerprint in kept]
        # What no rule matches any more was chosen before, and is owed all the same.
        declined = {
            candidate.seq
            for candidate in judged
            if _only(candidate.matches, fingerprints) and not _only(candidate.matches, wanted)
        }
        owed_entries = [
            replace(candidate, matches=_only(candidate.matches, wanted))
            for candidate in judged
            if candidate.seq not in declined
        ]
        news = _matching(pending, wanted) if without else pending
        is_first = recipients[0].new and bool(earlier)
        had = recipients[0].had
        before = (
            [each for each in _matching(earlier, wanted) if each.entry.story not in had] if is_first else []
        )
        # Who is new was mailed none of it: for him, nothing is known, or an update.
        known = (
            Stories(reader=stories.reader, past=Past(stories.reader), retitled={}) if is_first else stories
        )
        while True:
            if news is pending and not owed_entries and not is_first:
                digest = replace(whole, watched=replace(watched, silent=whole.watched.silent))
            else:
                digest = await built([*news, *before], kept, owed_entries, watched, known)
            if not digest.news:  # what is owed is not stored any more, or the rules with news were declined
                return None
            digest = replace(
                digest,
                left=len(debts) - len(returns),
                contact=context.contact,
                fills_hour=counts_for_hour(slot) and hour_full_until(most, [*sent, now], now) is not None,
                first=subscription.first_issue if before else None,
            )
            parts, failed = await in_parts(digest, render, fallback)
            template_errors.append(failed)
            if not before or len(parts.parts) == 1:
                break
            before = before[: len(before) // 2]  # what was before makes no second mail
        return Issue(
            recipients=recipients,
            digest=digest,
            parts=parts.parts,
            left=parts.left,
            owed=tuple(owed_entries),
            returns=returns,
            declined=tuple(sorted(declined)),
        )

    issues = [await issue(*group) for group in groups]
    offered = tuple(seq for seq, _ in backfill)
    if not any(issues):
        return NothingPending(
            state=state,
            span=span,
            waiting=waiting,
            unwanted=tuple(pending),
            backfill=offered,
            new=new,
            recipients=tuple(recipient for recipient, _ in owed_to),
        )
    return Draft(
        issues=tuple(issue for issue in issues if issue),
        state=state,
        span=span,
        pending=tuple(pending),
        mailed_before=mailed_before,
        waiting=waiting,
        backfill=offered,
        new=new,
        all_are_new=len(new) == len(owed_to),
        sent=tuple(sent),
        template_error=next(filter(None, template_errors), ""),
    )


async def in_parts(digest: Digest, render: RenderDigest, fallback: RenderDigest) -> tuple[Parts, str]:
    """Return a digest in parts, and why `fallback` made them; "" where `render` did. Raises DigestError."""
    # In a thread: a long digest takes a while to render, and mails in transit want their heartbeat.
    try:
        return await asyncio.to_thread(split, digest, render), ""
    except DigestError as error:
        return await asyncio.to_thread(split, digest, fallback), error.text


def _sent_at_once(tx: Connection, key: str, pending: Sequence[PendingEntry], now: datetime) -> list[datetime]:
    """Return when mails were sent at once in the last hour, and in the hours before these entries arrived."""
    since = min([now, *(candidate.entry.first_seen for candidate in pending)]) - HOUR
    return digests.sent_at_once(tx, key, COUNTED_FOR_HOUR, since, now)


async def names_of_removed(
    known: Mapping[str, str], candidates: Sequence[PendingEntry], db: Database
) -> dict[str, str]:
    """Return the last names of feeds that are not in config.toml any more, by url; their entries may still wait."""
    urls = {candidate.entry.feed_url for candidate in candidates} - known.keys()
    return await db.read(feeds.names, sorted(urls)) if urls else {}


def _waiting(
    tx: Connection, subscription: Subscription, rules: Sequence[str], now: datetime
) -> tuple[SubscriptionState, Span, list[tuple[int, Entry]], list[tuple[Recipient, _Returns]]]:
    """Return the subscription's state, the entries to look at, those of its backfill, and what is owed to whom.

    What arrives from here on belongs to the next digest.
    """
    upto, name = entries.newest_seq(tx), subscription.name
    state = subscriptions.state(tx, name) or SubscriptionState(
        key=name, name=name, created_at=now, cursor=upto
    )
    cursor = upto
    if subscription.every is not None:
        # The cursor stays a day behind: at the last slot a changed rule would reach nothing, at the last match weeks.
        cursor = max(state.cursor, entries.newest_seq(tx, before=now - _REACH))
    span = Span(upto=upto, news_after=subscriptions.news_after(tx, state), cursor=cursor)
    owed_to = _recipients(tx, state.key, subscription.to, rules, now)
    return state, span, digests.backfill_of(tx, state.key), owed_to


def _recipients(
    tx: Connection, key: str, mailboxes: Sequence[str], rules: Sequence[str], now: datetime
) -> list[tuple[Recipient, _Returns]]:
    """Return who wants the digest, with what is owed to each: who has unsubscribed or pauses is left out."""
    debts, made = owed.of(tx, key), choices.of_subscription(tx, key)
    spellings: dict[str, list[str]] = {}
    for address in debts:
        spellings.setdefault(unicodedata.normalize("NFC", address).casefold(), []).append(address)
    parsed = [parse_mailbox(mailbox) for mailbox in mailboxes]
    # To who has left, or is suspended, nothing is sent: his debts wait until he returns, or lapse.
    present = recipients.present(tx, key, {mailbox.address for mailbox in parsed})
    new = recipients.new(tx, key) & present
    owed_to: list[tuple[Recipient, _Returns]] = []
    for written, mailbox in zip(mailboxes, parsed, strict=True):
        choice = made.get(mailbox.key)
        if choice and choice.declines(now):
            continue
        without = frozenset(choice.without).intersection(rules) if choice else frozenset[str]()
        debtor = tuple(spellings.get(mailbox.key, ())) if mailbox.address in present else ()
        recipient = Recipient(
            mailbox=written,
            address=mailbox.address,
            debtor=debtor,
            without=without,
            new=mailbox.address in new,
            had=digests.stories_sent_to(tx, key, mailbox.address) if mailbox.address in new else frozenset(),
        )
        owed_to.append((recipient, {seq: count for name in debtor for seq, count in debts[name].items()}))
    return owed_to


def _groups(
    owed_to: Sequence[tuple[Recipient, _Returns]], *, all_are_sent: bool, new_are_sent: bool
) -> list[tuple[tuple[Recipient, ...], _Returns, frozenset[str]]]:
    """Return the recipients with equal debts who declined the same rules together, and these debts and rules.

    Those without debts only if `all_are_sent`, or if they are new and those are; these stand apart.
    """
    groups: dict[
        tuple[tuple[tuple[int, int], ...], frozenset[str], bool, frozenset[str]], list[Recipient]
    ] = {}
    for recipient, returns in owed_to:
        is_new = recipient.new and new_are_sent
        if returns or all_are_sent or is_new:
            same = (tuple(sorted(returns.items())), recipient.without, is_new, recipient.had)
            groups.setdefault(same, []).append(recipient)
    return [(tuple(group), dict(returns), without) for (returns, without, *_), group in groups.items()]


async def _pending(
    state: SubscriptionState,
    upto: int,
    backfill: Sequence[tuple[int, Entry]],
    fingerprints: Sequence[str],
    *,
    context: DigestContext,
    db: Database,
) -> list[PendingEntry]:
    """Return the entries after the cursor and of the backfill that these rules match, mailed stories left out.

    Entries that another ruleset has judged (an edit a moment ago, another service) are judged here, first:
    should somebody store that judgement meanwhile, `entries.pending` returns it.
    """
    pending: dict[int, PendingEntry] = {}

    async def judge_now(batch: Sequence[tuple[int, Entry]]) -> None:
        judged = await judge(batch, context.rules)
        mailed = await db.read(digests.mailed_before, state.key, [entry.story for _, entry in batch])
        editions = await db.read(entries.editions, [seq for seq, _ in batch])
        for candidate in judged:
            matches = _only(candidate.matches, fingerprints)
            before, _ = mailed.get(candidate.entry.story, (None, None))
            is_news = before is None or (candidate.seq in editions and before < candidate.seq)
            if matches and is_news:
                pending[candidate.seq] = replace(candidate, matches=matches)

    await judge_now(backfill)
    ruleset = context.rules.fingerprint
    async for batch in news_batches(db, after=state.cursor, upto=upto, not_judged_by=ruleset):
        await judge_now(batch)
    stored = await db.read(
        entries.pending, subscription=state.key, after=state.cursor, upto=upto, fingerprints=fingerprints
    )
    pending |= {entry.seq: entry for entry in stored}
    return [pending[seq] for seq in sorted(pending)]


async def _best_of_before(
    since: datetime,
    upto: int,
    pending: Sequence[PendingEntry],
    fingerprints: Sequence[str],
    *,
    context: DigestContext,
    db: Database,
) -> list[PendingEntry]:
    """Return the news since an instant that these rules match, mailed or not, but for what is pending; the best first.

    At most so many as one mail shows whole.
    """
    stories = {candidate.entry.story for candidate in pending}
    best: dict[str, PendingEntry] = {}
    after = await db.read(entries.newest_seq, since)
    async for batch in news_batches(db, after=after, upto=upto):
        for candidate in _matching(await judge(batch, context.rules), fingerprints):
            if candidate.entry.story not in stories:
                best.setdefault(candidate.entry.story, candidate)
    by_score = sorted(best.values(), key=lambda candidate: (-_score(candidate), -candidate.seq))
    return by_score[:FULL_IN_ALL]


def _score(candidate: PendingEntry) -> float:
    return max(match.score for match in candidate.matches)


def _matching(pending: Sequence[PendingEntry], fingerprints: Sequence[str]) -> list[PendingEntry]:
    """Return the entries that these rules match, with the matches of these rules alone."""
    matching = (replace(candidate, matches=_only(candidate.matches, fingerprints)) for candidate in pending)
    return [candidate for candidate in matching if candidate.matches]


@cache
def story_reader() -> Reader:
    """Return what reads headlines, so that the spellings of a word are equal as they are to the rules."""
    return Reader(lambda text: fold(text).text)


async def _stories(
    state: SubscriptionState,
    pending: Sequence[PendingEntry],
    owed_to_all: Collection[int],
    *,
    now: datetime,
    db: Database,
) -> tuple[dict[str, int], Stories]:
    """Return which stories among those pending were mailed under another title, and by what they are compared.

    Nobody has had what is owed to all.
    """
    before: dict[str, tuple[int, datetime | None]] = {}
    mailed: list[Mailed] = []
    if pending:
        since = compared_since(pending, now)
        before = await db.read(digests.mailed_before, state.key, [each.entry.story for each in pending])
        mailed = await db.read(digests.mailed_since, state.key, since, MOST)
    stories = Stories(
        reader=story_reader(),
        past=await asyncio.to_thread(
            Past, story_reader(), [each for each in mailed if each.seq not in owed_to_all]
        ),
        retitled={story: at for story, (_, at) in before.items() if at},
    )
    return {story: seq for story, (seq, _) in before.items()}, stories


def compared_since(pending: Sequence[PendingEntry], now: datetime) -> datetime:
    """Return since when what was mailed is compared with these entries, in a digest made `now`.

    One more source of a story waits for news however long there is none, and is not news itself after that.
    """
    oldest = min(candidate.entry.first_seen for candidate in pending)
    return min(now, oldest) - WINDOW


def _only(matches: Sequence[Match], fingerprints: Sequence[str]) -> tuple[Match, ...]:
    return tuple(match for match in matches if match.fingerprint in fingerprints)


def watched_since(tx: Connection, watched: Sequence[Feed], since: datetime) -> Watched:
    """Return what was watched since an instant: how these feeds do, and how many entries came."""
    upto = entries.newest_seq(tx)
    after = entries.newest_seq(tx, before=since)
    return _watched(tx, watched, Span(upto=upto, news_after=after, cursor=upto))


def _watched(tx: Connection, watched: Sequence[Feed], span: Span) -> Watched:
    health = tuple(
        (each.feed.name, each.health)
        for each in watched_feeds(tx, [feed for feed in watched if feed.enabled])
    )
    return Watched(feeds=health, entries=entries.count_news(tx, span.news_after, span.upto))


async def _words_that_kept_out(
    rules: Sequence[Rule],
    span: Span,
    pending: Sequence[PendingEntry],
    *,
    context: DigestContext,
    db: Database,
) -> tuple[tuple[str, int], ...]:
    """Return (word, entries) for the words that kept entries out of all rules, stories of the digest left out."""
    stories = {candidate.entry.story for candidate in pending}
    names = [rule.name for rule in rules]
    excluded = await excluded_entries(context.rules, names, after=span.news_after, upto=span.upto, db=db)
    return words_that_kept_out([kept.exclusions for kept in excluded if kept.entry.story not in stories])
