"""Commands that show digests without sending them: preview, digest --excluded, replay."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from monitor.cli.database import use_database
from monitor.cli.options import subscriptions_named
from monitor.cli.terminal import (
    answer,
    complain,
    count,
    progress,
    say,
    say_held_back,
    say_pruned,
    write_files,
)
from monitor.cli.work import NOT_FORGOTTEN
from monitor.config.options import Subscription
from monitor.config.values import in_words
from monitor.digests.due import slot_now
from monitor.digests.parts import Part, split
from monitor.digests.render import digest_renderer
from monitor.digests.room import RenderDigest
from monitor.errors import MonitorError, SchemaError
from monitor.jobs.compose import mails_of
from monitor.jobs.draft import DigestContext, Draft, draft_digest
from monitor.jobs.stored import ExcludedEntry, match_period
from monitor.loaded import LoadedConfig, load
from monitor.model.digests import Digest
from monitor.queries.answers.work import ExcludedAnswer, FoldedEntry, PreviewedDigest, ReplayedDigest
from monitor.queries.excluded import excluded_now
from monitor.queries.replay import LEAD, Replayed
from monitor.queries.replay import replay as replay_subscription
from monitor.queries.sample import sample_made_up, sample_of_stored
from monitor.service.clock import clock
from monitor.service.runtime import digest_context
from monitor.store import entries
from monitor.store.database import Database
from monitor.texts import listed, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preview:
    """What a subscription would get now, or a sample of it, as mails: each part with its recipients."""

    subscription: Subscription
    parts: tuple[tuple[Part, Sequence[str]], ...] = ()  # none: there would be no mail
    sample: Literal["", "stored", "made up"] = ""
    key: str = ""  # of the subscription


def preview(path: Path, *, only: str | None, out: Path, sample: bool, json: bool) -> int:
    """Write the digests that would go out now into `out`; return 0. Nothing in the database changes.

    With `sample`, where nothing waits, one is written of what is stored, or else of news that are made up.
    """
    loaded = load(path)
    subscriptions = subscriptions_named(loaded.config, only, path.name)
    context, render, now = digest_context(loaded), digest_renderer(loaded.templates), clock()

    async def draft_all(db: Database) -> tuple[int, list[_Preview]]:
        kept = await db.read(entries.count_held_back, published_since=now - NOT_FORGOTTEN)
        drafts = []
        for each in subscriptions:
            draft = await draft_digest(each, slot_now(now), context=context, render=render, db=db, now=now)
            if isinstance(draft, Draft):
                drafts.append(_Preview(subscription=each, parts=_parts_of(draft), key=draft.state.key))
                if draft.template_error:
                    complain(draft.template_error)
            elif sample and (digest := await sample_of_stored(each, context=context, db=db, now=now)):
                drafts.append(_sample(each, _with_contact(digest, context), render, "stored"))
            elif sample:
                made_up = _with_contact(sample_made_up(each, now), context)
                drafts.append(_sample(each, made_up, render, "made up"))
            else:
                drafts.append(_Preview(subscription=each))
        return kept, drafts

    try:
        kept, drafts = use_database(loaded.store_url, draft_all)
    except SchemaError as error:
        if not sample:
            raise
        if not loaded.database_file or loaded.database_file.exists():  # before the first visit there is none
            complain(error.text)
        kept = 0
        drafts = [
            _sample(each, _with_contact(sample_made_up(each, now), context), render, "made up")
            for each in subscriptions
        ]
    previews = [_write_preview(draft, loaded.config.smtp.sender, out, held_back=kept) for draft in drafts]
    if json:
        answer(previews)
        return 0
    for previewed in previews:
        say(_in_words(previewed))
        for file in previewed.files:
            say(f"  {file}")
        _say_folded(previewed.folded)
    if kept and not sample:
        say_held_back(kept, in_words(NOT_FORGOTTEN), loaded.config.feeds)
    return 0


def _with_contact(digest: Digest, context: DigestContext) -> Digest:
    return replace(digest, contact=context.contact)


def _sample(
    subscription: Subscription,
    digest: Digest,
    render: RenderDigest,
    sample: Literal["stored", "made up"],
) -> _Preview:
    parts = split(digest, render).parts
    return _Preview(
        subscription=subscription,
        parts=tuple((part, subscription.to) for part in parts),
        sample=sample,
    )


def _write_preview(draft: _Preview, sender: str, out: Path, *, held_back: int) -> PreviewedDigest:
    stem = file_stem(draft.subscription.name)
    return PreviewedDigest(
        subscription=draft.subscription.name,
        subject=draft.parts[0][0].rendered.subject if draft.parts else None,
        files=_write_parts(draft.parts, f"{stem}-sample" if draft.sample else stem, sender, out, draft.key)
        if draft.parts
        else (),
        folded=FoldedEntry.all_of(part.digest for part, _ in draft.parts),
        sample=draft.sample,
        held_back=held_back,
    )


def _in_words(previewed: PreviewedDigest) -> str:
    values = {"subscription": previewed.subscription, "subject": previewed.subject}
    if previewed.sample == "stored":
        return sentence(
            "{subscription}: nothing waits. A sample of the newest stored entries that match: {subject}",
            **values,
        )
    if previewed.sample:
        return sentence(
            "{subscription}: nothing is stored that matches. A sample of made-up news: {subject}", **values
        )
    if previewed.subject is not None:
        return sentence("{subscription}: {subject}", **values)
    return sentence("{subscription}: nothing new waits, so there would be no mail.", **values)


def show_excluded(path: Path, *, only: str | None, json: bool) -> int:
    """Show what `none`, `ignore`, scope and `max` keep out of what arrived since the last slot; return 0."""
    loaded = load(path)
    subscriptions = subscriptions_named(loaded.config, only, path.name)

    async def find_excluded(db: Database) -> list[list[ExcludedEntry]]:
        context, now = digest_context(loaded), clock()
        return [await excluded_now(each, context=context, db=db, now=now) for each in subscriptions]

    by_subscription = use_database(loaded.store_url, find_excluded)
    answers = [
        ExcludedAnswer.of(subscription.name, excluded)
        for subscription, excluded in zip(subscriptions, by_subscription, strict=True)
    ]
    if json:
        answer(answers)
        return 0
    for excluded_answer, excluded in zip(answers, by_subscription, strict=True):
        say(
            sentence(
                "{subscription}: {entries} excluded since the last slot.",
                subscription=excluded_answer.subscription,
                entries=count(len(excluded), "entry"),
            )
        )
        for each in excluded:
            title = each.entry.title or each.entry.id
            if each.in_digest:
                say(sentence("    {title} (in the digest by another rule)", title=title))
            else:
                say(f"    {title}")
            for exclusion in each.exclusions:
                words = listed(exclusion.words)
                what = (
                    sentence("{cause} {words}", cause=exclusion.cause, words=words)
                    if words
                    else exclusion.cause
                )
                say(sentence("        {rule}: {what}", rule=exclusion.rule, what=what))
    return 0


def replay(path: Path, start: str, end: str, *, new: Path | None, out: Path, json: bool) -> int:
    """Write the digests of the days from `start` to `end`, each subscription in its own time zone; return 0.

    They are made of the entries stored by `path`, by the configuration in `new` where it is given.
    """
    first, last = _day(start), _day(end)
    if last < first:
        raise MonitorError(sentence("--to {end} is before --from {start}", end=end, start=start))
    stored = load(path)
    loaded = load(new) if new else stored
    pruned, replayed = use_database(stored.store_url, lambda db: _replay_days(loaded, first, last, db))
    say_pruned(pruned)
    digests = [_write_replayed(each, loaded.config.smtp.sender, out) for each in replayed]
    if json:
        answer(digests)
        return 0
    for digest in digests:
        values = {"subscription": digest.subscription, "slot": digest.slot, "subject": digest.subject}
        values["entries"] = count(digest.entries, "entry")
        say(sentence("{subscription} {slot}: {entries}: {subject}", **values))
        _say_folded(digest.folded)
    say(_summed_up(len(digests), start, end, out))
    return 0


def _summed_up(digests: int, start: str, end: str, out: Path) -> str:
    values = {"number": digests, "start": start, "end": end, "path": str(out)}
    if digests == 0:
        return sentence("No digest from {start} to {end}.", **values)
    if digests == 1:
        return sentence("1 digest from {start} to {end}, written to {path}.", **values)
    return sentence("{number} digests from {start} to {end}, written to {path}.", **values)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MonitorError(sentence("{text} is not a day; write it as 2026-11-24", text=text)) from None


async def _replay_days(
    loaded: LoadedConfig, first: date, last: date, db: Database
) -> tuple[int, list[Replayed]]:
    """Return the digests, and how many of the entries in them, or before them, have lost their texts."""
    context, render = digest_context(loaded), digest_renderer(loaded.templates)
    subscriptions = loaded.config.subscriptions
    zones = [ZoneInfo(subscription.timezone) for subscription in subscriptions]
    starts = [_midnight(first, zone) for zone in zones]
    ends = [_midnight(last + timedelta(days=1), zone) - timedelta.resolution for zone in zones]
    earliest = min(starts, default=_midnight(first, ZoneInfo("UTC"))) - LEAD
    latest = max(ends, default=earliest)
    with progress(sentence("judging"), await db.read(entries.count_news_since, earliest)) as step:
        period = await match_period(loaded.rules, earliest, latest, db=db, step=step)
    replayed = list[Replayed]()
    with progress(sentence("rendering"), len(subscriptions)) as step:
        for subscription, start, end in zip(subscriptions, starts, ends, strict=True):
            replayed += await replay_subscription(
                subscription, period, start, end, context=context, render=render
            )
            step()
    return period.pruned, replayed


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins in a time zone."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _write_replayed(replayed: Replayed, sender: str, out: Path) -> ReplayedDigest:
    digest = replayed.digest
    stem = f"{file_stem(digest.subscription.name)}-{file_stem(digest.slot.name)}"
    return ReplayedDigest(
        subscription=digest.subscription.name,
        slot=digest.slot.name,
        at=digest.at,
        entries=replayed.entries,
        subject=replayed.parts[0].rendered.subject,
        files=_write_parts([(part, digest.subscription.to) for part in replayed.parts], stem, sender, out),
        folded=FoldedEntry.all_of(part.digest for part in replayed.parts),
    )


def _say_folded(folded: Sequence[FoldedEntry]) -> None:
    for entry in folded:
        title = entry.title or entry.link
        if entry.into is None:
            say(sentence("  {title}: one more source of a story that was sent before", title=title))
        else:
            say(sentence("  {title}: folded into {other}", title=title, other=entry.into_title))


def _parts_of(draft: Draft) -> tuple[tuple[Part, Sequence[str]], ...]:
    return tuple((part, issue.mailboxes) for issue in draft.issues for part in issue.parts)


def _write_parts(
    parts: Sequence[tuple[Part, Sequence[str]]], stem: str, sender: str, out: Path, key: str = ""
) -> tuple[str, ...]:
    """Write each part, given with its recipients, as .html, .txt and .eml; return the paths of the files.

    The link in them is nobody's.
    """
    contents: dict[str, bytes] = {}
    for row, (part, recipients) in enumerate(parts, 1):
        name = f"{stem}-{row}" if row > 1 else stem
        digest, first = part.digest, recipients[:1]
        link = digest.contact.page("preview") if digest.contact.public_url else ""
        rendered = part.rendered.with_link(link)
        contents[f"{name}.html"] = rendered.html.encode()
        contents[f"{name}.txt"] = rendered.text.encode()
        links = dict.fromkeys(first, link)
        key = key or digest.subscription.name
        (mail,) = mails_of(part, first, sender=sender, row=row, key=key, links=links)
        contents[f"{name}.eml"] = mail.raw
    return tuple(str(file) for file in write_files(out, contents))


def file_stem(name: str) -> str:
    """Return a file name made of the letters and digits of a name."""
    return re.sub(r"[\W_]+", "-", name).strip("-")[:80] or "digest"
