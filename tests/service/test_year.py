"""One digest a local day, whatever the clocks do: the due work over a year, in five zones."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config.options import Subscription
from monitor.digests.due import LATE, next_slot
from monitor.jobs.compose import Composed
from monitor.loaded import check_bytes
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.service.due_work import DueWork, Outcome
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from monitor.store import outbox
from tests import make
from tests.jobs.desk import Desk
from tests.parsing import parse_here
from tests.service.test_due_work import finished
from tests.site import CONFIG

# Times of day that a change of the clocks leaves out, or brings twice; Lord Howe moves its clocks by half an hour.
TIMES = {
    "Asia/Shanghai": "08:00",
    "Europe/Berlin": "02:30",
    "America/New_York": "01:30",
    "Australia/Lord_Howe": "02:10",
    "Africa/Casablanca": "02:30",
}
DAY, HALF = timedelta(days=1), timedelta(hours=12)


def config() -> str:
    text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url)
    return text.partition("[[subscriptions]]")[0] + "".join(
        f'[[subscriptions]]\nname = "{zone}"\nto = ["reader@example.org"]\nat = ["{at}"]\ntimezone = "{zone}"\n'
        for zone, at in TIMES.items()
    )


def instants(days: list[datetime], subscriptions: tuple[Subscription, ...]) -> Iterator[datetime]:
    """When the service looks: twice a day, and at each slot, but at every seventh, when it is off."""
    for number, day in enumerate(days):
        slots = {slot for each in subscriptions if (slot := next_slot(each, day))}
        missed = {slot for index, slot in enumerate(sorted(slots)) if (number + index) % 7 == 0}
        yield from sorted({day, day + HALF, *(slots - missed)})


def headline(now: datetime) -> str:
    """A headline with which no other one has much in common: else it would be the same story."""
    number = int(now.timestamp()) // 3600
    return "大模型" + "".join(chr(0x4E00 + (number * 7919 + place * 10473) % 20000) for place in range(12))


@pytest.mark.untraced
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "start", "count"),
    [
        ("sqlite", datetime(2026, 1, 1, 1, tzinfo=UTC), 366),
        ("postgres", datetime(2026, 3, 1, 1, tzinfo=UTC), 40),
        ("postgres", datetime(2026, 10, 1, 1, tzinfo=UTC), 40),
    ],
    indirect=["kind"],
    ids=["sqlite, a year", "postgres, spring", "postgres, autumn"],
)
async def test_over_a_year_each_local_day_has_exactly_one_digest_in_every_zone(
    desk: Desk, start: datetime, count: int, tmp_path: Path
) -> None:
    days = [start + number * DAY for number in range(count)]
    loaded = check_bytes(tmp_path / "config.toml", config().encode())
    outcomes: list[tuple[datetime, Outcome]] = []

    def render(digest: Digest) -> Rendered:
        mark = "late" if digest.slot.late else "in time"
        return Rendered(subject=digest.slot.name, text=mark, html=mark)

    due_work = DueWork(
        loaded,
        replace(make_runtime(loaded, parse_here), render=render),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=lambda outcome: outcomes.append((desk.clock(), outcome)),
        clock=desk.clock,
    )
    desk.clock.now = days[0]
    await desk.db.write(register, loaded, desk.clock())
    for now in instants(days, loaded.config.subscriptions):
        desk.clock.now = now
        if now in days or now - HALF in days:  # there is always news
            desk.web.serves(desk.feeds[0], make.rss(headline(now)))
            await desk.poll()
        await due_work.compose_due()
    made = [(now, outcome) for now, outcome in outcomes if isinstance(outcome, Composed)]
    for zone in TIMES:
        mailed = [(now, each.slot) for now, each in made if each.subscription.name == zone]
        counts = Counter(date.fromisoformat(slot.key[:10]) for _, slot in mailed)
        assert set(counts.values()) == {1}, zone
        assert len(counts) == (max(counts) - min(counts)).days + 1, zone
        assert len(counts) >= len(days) - 2, zone
        assert [slot.late for _, slot in mailed] == [now - slot.at > LATE for now, slot in mailed]
        assert any(slot.late for _, slot in mailed)
        assert not all(slot.late for _, slot in mailed)
    assert sum((await desk.db.read(outbox.counts)).values()) == len(made)
