"""Tell whether all is well: the service, the feeds, the mails; what is wrong, since when, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from monitor.config.options import Feed
from monitor.digests.notice import group_troubles
from monitor.feeds.health import FAILS
from monitor.jobs.watch import WatchedFeed, watched_feeds
from monitor.model.feeds import FeedHealth
from monitor.model.mail import DeliveryStatus
from monitor.model.notices import NoticeKind, TroubleGroup
from monitor.model.services import RunningService
from monitor.store import notices, outbox, services
from monitor.store.database import Connection
from monitor.texts import sentence

# These are about mails that were given up: what counts such mails need not be told beside them.
_LOST_MAILS = (NoticeKind.MAIL_GIVEN_UP, NoticeKind.MAIL_REFUSED, NoticeKind.MAIL_EXPIRED)


class ServiceState(Enum):
    """Whether a service runs, by its heartbeat."""

    RUNNING = "running"
    SILENT = "silent"  # it has not written for a minute, and was not told to stop: it was killed, or hangs
    STOPPED = "stopped"  # it was told to
    NONE = "none"  # there was none, or not for a day: `monitor once` may do its work


class AilmentKind(Enum):
    """What is found wrong beside the troubles that are recorded (NoticeKind)."""

    SERVICE_SILENT = "service silent"
    ALL_FEEDS_FAILING = "all feeds failing"
    MAILS_LOST = "mails lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthTrouble:
    """Something that is wrong, or has happened and wants to be known."""

    kind: NoticeKind | AilmentKind
    since: datetime | None
    count: int  # how many there are
    happened: str  # a sentence
    to_do: str  # sentences
    details: tuple[str, ...] = ()  # which, a text for each of the first few
    is_event: bool = False  # it happened, and is not wrong any more
    stops_all: bool = False  # no news, or no mail, comes through until it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How everything does."""

    service: ServiceState
    heartbeat: RunningService | None  # of the service that wrote last
    feeds: tuple[WatchedFeed, ...]  # in the order of config.toml
    mails: Mapping[DeliveryStatus, int]
    oldest_waiting: datetime | None  # when the oldest mail that waits was made
    unseen: int  # mails that were given up, and not marked as seen
    troubles: tuple[HealthTrouble, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong just now that wants a person. A feed may have failed a few times."""
        return all(trouble.is_event for trouble in self.troubles)

    @property
    def is_stopped(self) -> bool:
        """Whether something keeps all news, or all mail, from coming through."""
        return any(trouble.stops_all for trouble in self.troubles)

    def count(self, health: FeedHealth) -> int:
        """Return how many feeds do so."""
        return sum(each.health is health for each in self.feeds)


def health_of(tx: Connection, feeds: Sequence[Feed], now: datetime) -> Health:
    """Return how everything does, with these feeds of the configuration in force."""
    service, heartbeat = _service(tx, now)
    watched = tuple(watched_feeds(tx, feeds))
    unseen = outbox.count_unseen(tx)
    recorded = [_recorded(group) for group in group_troubles(notices.open_troubles(tx))]
    found = [
        _silent(heartbeat) if service is ServiceState.SILENT and heartbeat else None,
        _all_failing(watched),
        _lost(unseen) if not any(trouble.kind in _LOST_MAILS for trouble in recorded) else None,
    ]
    return Health(
        service=service,
        heartbeat=heartbeat,
        feeds=watched,
        mails=outbox.counts(tx),
        oldest_waiting=outbox.oldest_waiting(tx),
        unseen=unseen,
        troubles=tuple([trouble for trouble in found if trouble] + recorded),
    )


def _service(tx: Connection, now: datetime) -> tuple[ServiceState, RunningService | None]:
    if beating := services.beating(tx, now):
        return ServiceState.RUNNING, beating[0]
    newest = services.newest(tx)
    if newest is None:
        return ServiceState.NONE, None
    return ServiceState.STOPPED if newest.ended_at else ServiceState.SILENT, newest


def _silent(service: RunningService) -> HealthTrouble:
    return HealthTrouble(
        kind=AilmentKind.SERVICE_SILENT,
        since=service.beat_at,
        count=1,
        happened=sentence("The service does not run any more, and nobody has stopped it."),
        to_do=sentence(
            'Start it: "systemctl start monitor", or "monitor run". "journalctl -u monitor" shows its last words.'
        ),
        details=(sentence("process {pid} on {host}", pid=service.pid, host=service.host),),
        stops_all=True,
    )


def _all_failing(watched: tuple[WatchedFeed, ...]) -> HealthTrouble | None:
    """Return the trouble that no feed can be fetched; of a single feed one failure does not say so."""
    watched = tuple(each for each in watched if each.health is not FeedHealth.PAUSED)
    failing = [each.state for each in watched if each.state and each.health in FAILS]
    if not failing or len(failing) < len(watched):
        return None
    if len(failing) == 1 and failing[0].failures < 2:
        return None
    return HealthTrouble(
        kind=AilmentKind.ALL_FEEDS_FAILING,
        since=max((state.failing_since for state in failing if state.failing_since), default=None),
        count=len(failing),
        happened=sentence("No feed can be fetched."),
        to_do=sentence(
            "Look at the network of this machine: does it reach the feeds, do names resolve, is [fetch] proxy right?"
        ),
        details=(failing[0].last_error,),
        stops_all=True,
    )


def _lost(unseen: int) -> HealthTrouble | None:
    if not unseen:
        return None
    return HealthTrouble(
        kind=AilmentKind.MAILS_LOST,
        since=None,
        count=unseen,
        happened=sentence("Mails were given up."),
        to_do=sentence(
            '"monitor outbox" lists them with the server\'s reply; --retry NUMBER sends one again, --seen all says that'
            " you know."
        ),
        is_event=True,
    )


def _recorded(group: TroubleGroup) -> HealthTrouble:
    telling = group.kind.telling
    return HealthTrouble(
        kind=group.kind,
        since=group.since,
        count=group.count,
        happened=telling.happened,
        to_do=telling.to_do,
        details=tuple(known.trouble.details for known in group.troubles if known.trouble.details),
        is_event=telling.is_event,
        stops_all=telling.stops_mail or group.kind is NoticeKind.CLOCK_BEHIND,
    )
