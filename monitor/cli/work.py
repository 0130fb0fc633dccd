"""Commands that do the work once: poll, digest, deliver, once, preview."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.cli.terminal import answer, complain, local, progress, say, table
from monitor.current import Current, load
from monitor.digests.due import due, next_slot, slot_now
from monitor.errors import ConfigError, DigestError, MonitorError, Problem
from monitor.jobs import compose as composing
from monitor.jobs import deliver as delivering
from monitor.jobs import poll as polling
from monitor.jobs.compose import Composed, NothingNew
from monitor.jobs.deliver import Attempted
from monitor.jobs.poll import Polled, PollFailed, PollOutcome
from monitor.model import DeliveryStatus, Subscription
from monitor.store import digests, outbox
from monitor.store.database import Database, open_database
from monitor.workshop import Tools, clock, jitter, opened, tools_for


def poll(path: Path, *, every: bool, json: bool) -> int:
    """One round of the feeds that are due, or of all."""

    async def work() -> list[PollOutcome]:
        current = load(path)
        async with opened(current) as (tools, db):
            return await _poll(current, tools, db, every=every)

    outcomes = asyncio.run(work())
    if json:
        answer([_poll_values(outcome) for outcome in outcomes])
    else:
        _show_polls(outcomes)
    return int(any(isinstance(outcome, PollFailed) for outcome in outcomes))


async def _poll(current: Current, tools: Tools, db: Database, *, every: bool) -> list[PollOutcome]:
    feeds, options = current.config.feeds, current.config.fetch
    if every:
        taken = await polling.claim_all(feeds, db=db, now=clock(), options=options)
    else:
        taken = await polling.claim(feeds, db=db, now=clock(), options=options, limit=len(feeds))
    free = asyncio.Semaphore(options.concurrency)
    with progress("polling", len(taken)) as step:

        async def visit(number: int) -> PollOutcome:
            async with free:
                feed, state = taken[number]
                outcome = await polling.poll(
                    feed,
                    state,
                    fetch=tools.fetcher.fetch,
                    rules=current.rules,
                    options=options,
                    db=db,
                    clock=clock,
                    jitter=jitter,
                )
                step()
                return outcome

        return list(await asyncio.gather(*(visit(number) for number in range(len(taken)))))


def _poll_values(outcome: PollOutcome) -> dict[str, Any]:
    values: dict[str, Any] = {"feed": outcome.feed.name, "url": outcome.feed.url}
    if isinstance(outcome, Polled):
        values |= {"outcome": "polled", "entries": outcome.entries, "new": outcome.new}
        values |= {"matched": outcome.matched, "held_back": outcome.held_back}
    elif isinstance(outcome, PollFailed):
        values |= {"outcome": "failed", "error": str(outcome.error), "failures": outcome.failures}
    else:
        values |= {"outcome": "unchanged"}
    return values | {"next_poll_at": outcome.next_poll_at}


def _show_polls(outcomes: Sequence[PollOutcome]) -> None:
    """What is worth a row; the rest is counted."""
    if not outcomes:
        say('No feed is due. "monitor poll --all" asks all of them.')
        return
    read = [outcome for outcome in outcomes if isinstance(outcome, Polled)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, PollFailed)]
    if told := [outcome for outcome in read if outcome.new or outcome.held_back or len(outcomes) == 1]:
        table(
            *("feed", "entries", "new", "matched", "held back"),
            rows=[(one.feed.name, one.entries, one.new, one.matched, one.held_back) for one in told],
            right=("entries", "new", "matched", "held back"),
        )
    for one in failed:
        complain(f"{one.feed.name}: {one.error}. Asked again {local(one.next_poll_at)}.")
    unchanged = len(outcomes) - len(read) - len(failed)
    say(f"{len(outcomes)} feeds: {len(read)} read, {unchanged} unchanged, {len(failed)} failed.")


def digest(path: Path, *, only: str | None, at_once: bool, json: bool) -> int:
    """Compose what waits for the subscriptions that are due, or for all with `at_once`."""

    async def work() -> list[dict[str, Any]]:
        current = load(path)
        async with opened(current) as (tools, db):
            return [
                await _compose(subscription, tools, db, at_once=at_once)
                for subscription in _chosen(current, only)
            ]

    return _show_digests(asyncio.run(work()), json=json)


def _chosen(current: Current, only: str | None) -> Sequence[Subscription]:
    found = [one for one in current.config.subscriptions if only in (None, one.name)]
    if only is not None and not found:
        names = ", ".join(f'"{one.name}"' for one in current.config.subscriptions) or "none"
        what = f'there is no subscription named "{only}". There are: {names}.'
        raise ConfigError(
            current.path.name, [Problem(where="[[subscriptions]]", key="", line=None, what=what)]
        )
    return found


async def _compose(
    subscription: Subscription, tools: Tools, db: Database, *, at_once: bool
) -> dict[str, Any]:
    """One subscription's turn, as values to show; a failed template is this digest's matter alone."""
    now = clock()
    state = await db.read(digests.state, subscription.name)
    slot = slot_now(now) if at_once else due(subscription, state, now) if state else None
    values: dict[str, Any] = {"subscription": subscription.name}
    if slot is None:
        return values | {"outcome": "not due", "next": next_slot(subscription, now)}
    try:
        outcome = await composing.compose(
            subscription, slot, newsroom=tools.newsroom, render=tools.render, db=db, now=now
        )
    except DigestError as error:
        return values | {"outcome": "failed", "error": str(error)}
    if isinstance(outcome, Composed):
        return values | {
            "outcome": "composed",
            "slot": slot.name,
            "entries": outcome.entries,
            "subject": outcome.subject,
            "to": [mail.to for mail in outcome.mails],
        }
    return values | {
        "outcome": "nothing new" if isinstance(outcome, NothingNew) else "taken by another worker"
    }


def _show_digests(outcomes: Sequence[dict[str, Any]], *, json: bool) -> int:
    if json:
        answer(outcomes)
    for one in () if json else outcomes:
        name = one["subscription"]
        if one["outcome"] == "composed":
            say(f"{name}: {one['entries']} entries for {', '.join(one['to'])}: {one['subject']}")
        elif one["outcome"] == "failed":
            complain(f"{name}: {one['error']}")
        elif one["outcome"] == "not due":
            say(f"{name}: not due before {local(one['next'])}. --now does not wait.")
        else:
            say(f"{name}: {one['outcome']}, no mail.")
    return int(any(one["outcome"] == "failed" for one in outcomes))


def deliver(path: Path, *, json: bool) -> int:
    """One pass over the outbox."""

    async def work() -> list[Attempted]:
        current = load(path)
        async with opened(current) as (tools, db):
            return await _deliver(current, tools, db)

    return _show_attempts(asyncio.run(work()), json=json)


async def _deliver(current: Current, tools: Tools, db: Database) -> list[Attempted]:
    options, attempts = current.config.outbox, list[Attempted]()
    await db.write(outbox.recover, clock(), uncertain_after=options.uncertain_after)
    await db.write(outbox.expire, clock())
    waiting = sum(count for status, count in (await db.read(outbox.counts)).items() if status in _UNSENT)
    with progress("delivering", waiting) as step:
        while not (attempts and attempts[-1].relay):
            outcome = await delivering.deliver(
                send=tools.send, db=db, clock=clock, options=options, jitter=jitter
            )
            if outcome is None:
                break
            attempts.append(outcome)
            step()
    return attempts


_UNSENT = (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)


def _attempt_values(outcome: Attempted) -> dict[str, Any]:
    return {
        "mail": outcome.delivery.id,
        "to": outcome.delivery.mail.to,
        "status": outcome.status.value,
        "reply": outcome.reply,
        "next_attempt_at": outcome.next_attempt_at,
    }


def _show_attempts(attempts: Sequence[Attempted], *, json: bool) -> int:
    if json:
        answer([_attempt_values(one) for one in attempts])
    elif not attempts:
        say("Nothing waits to be sent.")
    for one in () if json else attempts:
        if one.status is DeliveryStatus.SENT:
            say(f"mail {one.delivery.id} to {one.delivery.mail.to}: sent ({one.reply})")
        else:
            again = f" Tried again {local(one.next_attempt_at)}." if one.next_attempt_at else ""
            complain(
                f"mail {one.delivery.id} to {one.delivery.mail.to}: {one.status.value}: {one.reply}.{again}"
            )
    return int(any(one.status is not DeliveryStatus.SENT for one in attempts))


def once(path: Path, *, json: bool) -> int:
    """Poll, compose what is due, deliver."""

    async def work() -> tuple[list[PollOutcome], list[dict[str, Any]], list[Attempted]]:
        current = load(path)
        async with opened(current) as (tools, db):
            polled = await _poll(current, tools, db, every=False)
            subscriptions = current.config.subscriptions
            composed = [await _compose(one, tools, db, at_once=False) for one in subscriptions]
            return polled, composed, await _deliver(current, tools, db)

    polled, composed, attempts = asyncio.run(work())
    if json:
        answer(
            {
                "polled": [_poll_values(one) for one in polled],
                "composed": composed,
                "delivered": [_attempt_values(one) for one in attempts],
            }
        )
        failed = any(isinstance(one, PollFailed) for one in polled)
        failed |= any(one["outcome"] == "failed" for one in composed)
        return int(failed or any(one.status is not DeliveryStatus.SENT for one in attempts))
    _show_polls(polled)
    failed = any(isinstance(one, PollFailed) for one in polled)
    return int(failed) | _show_digests(composed, json=False) | _show_attempts(attempts, json=False)


def preview(path: Path, *, only: str | None, out: Path, json: bool) -> int:
    """Write what would go out; nothing in the database changes."""

    async def work() -> list[dict[str, Any]]:
        current = load(path)
        db = open_database(current.store_url, migrate=False)
        try:
            tools = tools_for(current)
            return [await _preview(one, tools, db, clock(), out) for one in _chosen(current, only)]
        finally:
            await db.close()

    previews = asyncio.run(work())
    if json:
        answer(previews)
        return 0
    for one in previews:
        if one["files"]:
            say(f"{one['subscription']}: {one['subject']}")
            for file in one["files"]:
                say(f"  {file}")
        else:
            say(f"{one['subscription']}: nothing new waits, so there would be no mail.")
    return 0


async def _preview(
    subscription: Subscription, tools: Tools, db: Database, now: datetime, out: Path
) -> dict[str, Any]:
    slot = slot_now(now)
    draft = await composing.draft_digest(
        subscription, slot, newsroom=tools.newsroom, render=tools.render, db=db, now=now
    )
    if isinstance(draft, NothingNew) or not draft.waiting:
        return {"subscription": subscription.name, "subject": None, "files": []}
    mail = composing.mails_of(draft, sender=tools.newsroom.sender)[0]
    number = [
        name
        for name in "".join(sign if sign.isalnum() else "-" for sign in subscription.name).split("-")
        if name
    ]
    stem = "-".join(number)[:80] or "digest"
    contents = {
        f"{stem}.html": draft.rendered.html.encode(),
        f"{stem}.txt": draft.rendered.text.encode(),
        f"{stem}.eml": mail.raw,
    }
    return {
        "subscription": subscription.name,
        "subject": draft.rendered.subject,
        "files": [str(file) for file in write_files(out, contents)],
    }


def write_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write some files into a folder, made when it is missing. Raises MonitorError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise MonitorError(f"{folder} cannot be written to: {error.strerror}") from error
    return [folder / name for name in contents]
