from dataclasses import replace
from datetime import timedelta

from monitor.errors import FetchError, SendCause, SendKind
from monitor.model.feeds import FeedHealth
from monitor.model.mail import DeliveryStatus
from monitor.model.notices import NoticeKind, Trouble
from monitor.model.services import RunningService
from monitor.queries.health import AilmentKind, Health, ServiceState, health_of
from monitor.store import notices, services
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW

SERVICE = RunningService(
    id="1", host="web1", pid=7, version="1.0", started_at=NOW, beat_at=NOW, content_hash="abc"
)
DOWN = FetchError("no connection", connection=True)


async def health(desk: Desk) -> Health:
    return await desk.db.read(health_of, desk.feeds, desk.clock())


async def kinds(desk: Desk) -> list[NoticeKind | AilmentKind]:
    return [trouble.kind for trouble in (await health(desk)).troubles]


async def test_a_killed_service_is_seen_within_a_minute(desk: Desk) -> None:
    await desk.db.write(services.beat, SERVICE)
    desk.clock.forward(seconds=59)
    found = await health(desk)
    assert (found.service, found.heartbeat, found.troubles) == (ServiceState.RUNNING, SERVICE, ())
    assert found.is_well
    desk.clock.forward(seconds=2)
    found = await health(desk)
    assert found.service is ServiceState.SILENT
    (trouble,) = found.troubles
    assert (trouble.kind, trouble.since) == (AilmentKind.SERVICE_SILENT, NOW)
    assert trouble.details == ("process 7 on web1",)
    assert found.is_stopped
    assert not found.is_well


async def test_a_service_that_was_stopped_is_not_missed(desk: Desk) -> None:
    await desk.db.write(services.beat, SERVICE)
    await desk.db.write(services.end, "1", NOW)
    desk.clock.forward(hours=1)
    found = await health(desk)
    assert (found.service, found.troubles) == (ServiceState.STOPPED, ())


async def test_without_a_service_none_is_missed(desk: Desk) -> None:
    found = await health(desk)
    assert (found.service, found.heartbeat, found.is_well) == (ServiceState.NONE, None, True)


async def test_that_no_feed_can_be_fetched_is_one_trouble(desk: Desk) -> None:
    desk.feeds = (make.feed("甲"), make.feed("乙", url="https://b.example.org/rss"))
    for feed in desk.feeds:
        desk.web.serves(feed, DOWN)
    assert await kinds(desk) == []
    await desk.poll()
    found = await health(desk)
    (trouble,) = found.troubles
    assert (trouble.kind, trouble.count, trouble.since) == (AilmentKind.ALL_FEEDS_FAILING, 2, NOW)
    assert trouble.details == ("no connection",)
    assert found.is_stopped
    assert found.count(FeedHealth.FAILING) == 2
    desk.web.serves(desk.feeds[0], make.rss("AI"))
    await desk.poll()
    found = await health(desk)
    assert (found.troubles, found.is_stopped, found.is_well) == ((), False, True)


async def test_a_single_feed_may_fail_once(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], DOWN)
    await desk.poll()
    assert await kinds(desk) == []
    await desk.poll()
    assert await kinds(desk) == [AilmentKind.ALL_FEEDS_FAILING]


async def test_what_is_recorded_is_told_as_it_stands(desk: Desk) -> None:
    down = Trouble(kind=NoticeKind.RELAY_DOWN, subject="mail.example.org:465", details="421 busy", since=NOW)
    await desk.db.write(notices.report, down, NOW)
    found = await health(desk)
    (trouble,) = found.troubles
    assert (trouble.kind, trouble.details, trouble.count) == (NoticeKind.RELAY_DOWN, ("421 busy",), 1)
    assert (trouble.happened, trouble.to_do) == (down.kind.telling.happened, down.kind.telling.to_do)
    assert found.is_stopped
    moved = Trouble(kind=NoticeKind.FEED_MOVED, subject="1", since=NOW)
    await desk.db.write(notices.clear, NoticeKind.RELAY_DOWN, "mail.example.org:465", NOW)
    await desk.db.write(notices.report, moved, NOW)
    found = await health(desk)
    assert [trouble.kind for trouble in found.troubles] == [NoticeKind.FEED_MOVED]
    assert found.is_well, "it has happened, and is not wrong any more"


async def test_a_mail_that_was_given_up_is_told_once(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("AI"))
    await desk.poll()
    await desk.compose()
    desk.mailbox.refuses(SendKind.REFUSED, cause=SendCause.ADDRESS, code=550)
    await desk.deliver()
    found = await health(desk)
    assert (found.unseen, found.mails[DeliveryStatus.FAILED], found.oldest_waiting) == (1, 1, None)
    assert [trouble.kind for trouble in found.troubles] == [
        NoticeKind.ADDRESS_REFUSED,
        NoticeKind.MAIL_GIVEN_UP,
    ]
    await desk.db.write(notices.prune, NOW + timedelta(days=8))
    assert [trouble.kind for trouble in (await health(desk)).troubles] == [
        AilmentKind.MAILS_LOST,
        NoticeKind.ADDRESS_REFUSED,
    ]


async def test_of_two_services_the_one_that_lives_counts(desk: Desk) -> None:
    await desk.db.write(services.beat, SERVICE)
    desk.clock.forward(minutes=2)
    other = replace(SERVICE, id="2", pid=8, started_at=desk.clock(), beat_at=desk.clock())
    await desk.db.write(services.beat, other)
    found = await health(desk)
    assert (found.service, found.heartbeat) == (ServiceState.RUNNING, other)
