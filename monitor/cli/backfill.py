"""The command that offers entries of before to the next digest: rules apply."""

import asyncio
from pathlib import Path

from monitor.cli.terminal import answer, count, progress, say
from monitor.config.values import duration
from monitor.errors import MonitorError, suggestion
from monitor.jobs.backfill import Backfill, backfill
from monitor.loaded import load
from monitor.queries.answers.rules import BackfillAnswer
from monitor.service.runtime import clock, open_runtime
from monitor.store import entries


def apply(path: Path, since: str, *, rule: str | None, dry: bool, json: bool) -> int:
    """Put forward what matches now and was never mailed; says what that will bring."""
    current, now = load(path), clock()
    names = [one.name for one in current.config.rules]
    if rule is not None and rule not in names:
        raise MonitorError(f'there is no rule "{rule}". {suggestion(rule, names)}'.rstrip())
    try:
        start = now - duration(since)
    except (ValueError, OverflowError) as error:
        raise MonitorError(f"--since {since}: {error}") from None

    async def work() -> list[Backfill]:
        async with open_runtime(current) as (runtime, db):
            total = await db.read(entries.count_news_since, start)
            with progress("judging", total) as step:
                return await backfill(
                    current.config.subscriptions,
                    context=runtime.context,
                    since=start,
                    now=now,
                    db=db,
                    only=rule,
                    dry=dry,
                    step=step,
                )

    offers = asyncio.run(work())
    if json:
        answer([BackfillAnswer.of(one) for one in offers])
        return 0
    for one in offers:
        verb = "would bring" if dry else "will bring"
        say(f"{one.subscription.name}: the next digest {verb} {count(len(one.entries), 'earlier entry')}.")
        for entry in one.entries:
            say(f"    {entry.entry.title or entry.entry.id}")
    return 0
