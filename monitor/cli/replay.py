"""The command that plays digests of before again: replay."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.cli.preview import file_stem
from monitor.cli.terminal import answer, count, progress, say, write_files
from monitor.errors import MonitorError
from monitor.jobs.compose import mails_of
from monitor.jobs.stored import match_period
from monitor.loaded import load
from monitor.queries.answers.work import ReplayedDigest
from monitor.queries.replay import LEAD, Replayed
from monitor.queries.replay import replay as play
from monitor.service.runtime import make_runtime
from monitor.store import entries
from monitor.store.database import open_database


def replay(path: Path, start: str, end: str, *, new: Path | None, out: Path, json: bool) -> int:
    """Write the digests of the days from `start` to `end`, each subscription in its own time zone."""
    first, last = _day(start), _day(end)
    if last < first:
        raise MonitorError(f"--to {end} is before --from {start}")
    stored = load(path)
    current = load(new) if new else stored
    zones = [ZoneInfo(one.timezone) for one in current.config.subscriptions]
    spans = [
        (_begins(first, zone), _begins(last + timedelta(days=1), zone) - timedelta.resolution)
        for zone in zones
    ]

    async def work() -> list[Replayed]:
        db = open_database(stored.store_url, migrate=False)
        try:
            runtime, played = make_runtime(current), list[Replayed]()
            earliest = min((begin for begin, _ in spans), default=_begins(first, ZoneInfo("UTC"))) - LEAD
            latest = max((finish for _, finish in spans), default=earliest)
            total = await db.read(entries.count_news_since, earliest)
            with progress("judging", total) as step:
                period = await match_period(current.rules, earliest, latest, db=db, step=step)
            with progress("rendering", len(spans)) as step:
                for one, (begin, finish) in zip(current.config.subscriptions, spans, strict=True):
                    played += await play(
                        one, period, begin, finish, context=runtime.context, render=runtime.render
                    )
                    step()
            return played
        finally:
            await db.close()

    told = [_write(one, current.config.smtp.sender, out) for one in asyncio.run(work())]
    if json:
        answer(told)
        return 0
    for one in told:
        say(f"{one.subscription} {one.slot}: {one.entries} entries: {one.subject}")
    say(f"{count(len(told), 'digest')} from {start} to {end}" + (f", written to {out}." if told else "."))
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MonitorError(f"{text} is no day; one is written 2026-11-24") from None


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _write(one: Replayed, sender: str, out: Path) -> ReplayedDigest:
    digest = one.digest
    stem = f"{file_stem(digest.subscription.name)}-{file_stem(digest.slot.name)}"
    mail = mails_of(digest, one.rendered, sender=sender)[0]
    contents = {
        f"{stem}.html": one.rendered.html.encode(),
        f"{stem}.txt": one.rendered.text.encode(),
        f"{stem}.eml": mail.raw,
    }
    return ReplayedDigest(
        subscription=digest.subscription.name,
        slot=digest.slot.name,
        at=digest.at,
        entries=one.entries,
        subject=one.rendered.subject,
        files=tuple(str(file) for file in write_files(out, contents)),
    )
