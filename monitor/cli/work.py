"""Commands that do the work once: poll, digest, deliver, once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.cli.preview import chosen
from monitor.cli.terminal import answer, complain, count, local, progress, say, table
from monitor.config.options import Subscription
from monitor.digests.due import due, next_slot, slot_now
from monitor.errors import DigestError
from monitor.jobs import compose as composing
from monitor.jobs import deliver as delivering
from monitor.jobs import poll as polling
from monitor.jobs.compose import Composed, NothingNew
from monitor.jobs.deliver import Attempted
from monitor.jobs.poll import Polled, PollFailed, PollOutcome
from monitor.loaded import LoadedConfig, load
from monitor.model.mail import DeliveryStatus
from monitor.service.runtime import Runtime, clock, jitter, opened
from monitor.store import digests, outbox
from monitor.store.database import Database


def poll(path: Path, *, every: bool, json: bool) -> int:
    """One round of the feeds that are due, or of all."""

    async def work() -> list[PollOutcome]:
        current = load(path)
        async with opened(current) as (runtime, db):
            return await _poll(current, runtime, db, every=every)

    outcomes = asyncio.run(work())
    if json:
        answer([_poll_values(outcome) for outcome in outcomes])
    else:
        _show_polls(outcomes)
    return int(any(isinstance(outcome, PollFailed) for outcome in outcomes))


async def _poll(current: LoadedConfig, runtime: Runtime, db: Database, *, every: bool) -> list[PollOutcome]:
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
                    fetch=runtime.fetcher.fetch,
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
    say(f"{count(len(outcomes), 'feed')}: {len(read)} read, {unchanged} unchanged, {len(failed)} failed.")


def digest(path: Path, *, only: str | None, at_once: bool, json: bool) -> int:
    """Compose what waits for the subscriptions that are due, or for all with `at_once`."""

    async def work() -> list[dict[str, Any]]:
        current = load(path)
        async with opened(current) as (runtime, db):
            return [
                await _compose(subscription, runtime, db, at_once=at_once)
                for subscription in chosen(current, only)
            ]

    return _show_digests(asyncio.run(work()), json=json)


async def _compose(
    subscription: Subscription, runtime: Runtime, db: Database, *, at_once: bool
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
            subscription, slot, context=runtime.context, render=runtime.render, db=db, now=now
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
            say(f"{name}: {count(one['entries'], 'entry')} for {', '.join(one['to'])}: {one['subject']}")
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
        async with opened(current) as (runtime, db):
            return await _deliver(current, runtime, db)

    return _show_attempts(asyncio.run(work()), json=json)


async def _deliver(current: LoadedConfig, runtime: Runtime, db: Database) -> list[Attempted]:
    options, attempts = current.config.outbox, list[Attempted]()
    await delivering.recover_and_expire(db=db, now=clock(), options=options)
    waiting = sum(count for status, count in (await db.read(outbox.counts)).items() if status in _UNSENT)
    with progress("delivering", waiting) as step:
        while not (attempts and attempts[-1].relay):
            outcome = await delivering.deliver(
                send=runtime.send, db=db, clock=clock, options=options, jitter=jitter
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
        async with opened(current) as (runtime, db):
            polled = await _poll(current, runtime, db, every=False)
            subscriptions = current.config.subscriptions
            composed = [await _compose(one, runtime, db, at_once=False) for one in subscriptions]
            return polled, composed, await _deliver(current, runtime, db)

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
