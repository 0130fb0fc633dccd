"""The command that shows how everything stands: status."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import moment, zone_of
from monitor.cli.outbox_list import limit_in_words, status_name
from monitor.cli.terminal import Styled, answer, complain, redrawn, say, table
from monitor.config.checked import (
    CheckedConfig,
    feed_names_of,
    missing_work,
    read_options,
    store_url_of,
    timezone_of,
)
from monitor.config.options import Config
from monitor.config.positions import rule_part
from monitor.config.reading import as_text, read_file
from monitor.errors import ConfigError, MonitorError, StoreError
from monitor.feeds.health import FAILS
from monitor.model.feeds import FeedHealth
from monitor.model.mail import DeliveryStatus
from monitor.queries.answers.config import MaildirTransport
from monitor.queries.answers.feeds import ListedFeed
from monitor.queries.answers.status import ConfigStatus, FeedStatus, StatusAnswer, SubscriptionStatus
from monitor.queries.health import ServiceState
from monitor.queries.status import StoredState, read_stored_state, status_of, status_refused
from monitor.service.clock import clock
from monitor.store.database import Database
from monitor.texts import listed, sentence, shown

_REDRAWN = 2.0  # seconds
_COLOURS = {
    FeedHealth.OK: "green",
    FeedHealth.FAILING: "red",
    FeedHealth.DEAD: "red",
    FeedHealth.GONE: "red",
    FeedHealth.QUIET: "yellow",
    FeedHealth.UNVISITED: "yellow",
    FeedHealth.PAUSED: "dim",
}
_AILING = (FeedHealth.DEAD, FeedHealth.GONE, FeedHealth.QUIET)
_NAMES = {
    FeedHealth.OK: sentence("ok"),
    FeedHealth.FAILING: sentence("failing"),
    FeedHealth.DEAD: sentence("dead"),
    FeedHealth.GONE: sentence("gone"),
    FeedHealth.QUIET: sentence("quiet"),
    FeedHealth.UNVISITED: sentence("not visited yet"),
    FeedHealth.PAUSED: sentence("paused"),
}


def status(path: Path, *, json: bool, watch: bool) -> int:
    """Show how everything stands; return 1 when a person is needed or a feed fails, 2 when the file is refused.

    With `watch` on a terminal it is drawn anew every two seconds, until Ctrl-C.
    """
    if not watch:
        return _show(path, json=json)
    redrawn(lambda: _draw(path), _REDRAWN)
    return 0


def _draw(path: Path) -> None:
    """Show how everything stands, or why that cannot be known just now."""
    try:
        _show(path, json=False)
    except MonitorError as error:
        complain(error.text)


def _show(path: Path, *, json: bool) -> int:
    try:
        checked = read_options(path)
        if problems := list(missing_work(checked.config)):
            raise ConfigError(path.name, problems)
        stored, now = use_database(checked.store_url, lambda db: _read(db, checked))
        if stored.rules is None or stored.rules.text != checked.rule_text:
            _compile(path)
    except ConfigError as error:
        return _show_refused(path, error, json=json)
    status = status_of(checked, stored, now)
    if json:
        answer(status)
    else:
        _show_status(status, checked, now)
    failing = any(feed.state in (*FAILS, FeedHealth.QUIET) for feed in status.feeds)
    return int(failing or bool(status.unseen or status.troubles))


async def _read(db: Database, checked: CheckedConfig | None) -> tuple[StoredState, datetime]:
    now = await time_of(db)
    return await db.read(read_stored_state, checked.config if checked else Config(), now), now


def _compile(path: Path) -> None:
    """Compile rules that no service has taken up yet. Raises ConfigError for a word that cannot be read."""
    from monitor.loaded import load  # not for every status: compiling takes longer than the rest

    load(path)


# --- an accepted file -----------------------------------------------------------------------------


def _show_status(status: StatusAnswer, checked: CheckedConfig, now: datetime) -> None:
    name = zone_of(checked.config)
    zone = ZoneInfo(name)
    _show_verdict(status)
    _show_troubles(status, now, zone)
    _show_service(status, now, zone)
    _show_mail(status, checked.config.smtp.security, now, zone)
    _show_next(status, now, zone)
    say(sentence("times: those of {zone}", zone=name))
    say("")
    _show_feeds(status, now, zone)
    say("")
    table(
        sentence("subscription"),
        sentence("to"),
        sentence("last digest"),
        sentence("next"),
        sentence("new entries"),
        rows=[
            (
                row.subscription,
                listed(row.to),
                _in_its_zone(row.last, row, name, now),
                _in_its_zone(row.next, row, name, now) if row.next else sentence("when something is pending"),
                row.entries_since,
            )
            for row in status.subscriptions
        ],
        right=("new entries",),
    )
    _show_declining(status)
    if unanswered := checked.config.web.unanswered:
        say(unanswered)


def _show_declining(status: StatusAnswer) -> None:
    """Say to whom nothing goes, though the file has them."""
    for row in status.subscriptions:
        values = {"subscription": row.subscription}
        if row.unsubscribed:
            say(
                sentence(
                    "unsubscribed from {subscription}: {addresses}",
                    addresses=listed(row.unsubscribed),
                    **values,
                )
            )
        if row.paused:
            say(sentence("{subscription} is paused by: {addresses}", addresses=listed(row.paused), **values))


def _show_verdict(status: StatusAnswer) -> None:
    """Say in a line whether a person is needed."""
    failing = sum(feed.state is FeedHealth.FAILING for feed in status.feeds)
    if len(status.troubles) == 1:
        say(sentence("One problem needs your attention."), "bold red")
    elif status.troubles:
        say(sentence("{count} problems need your attention.", count=len(status.troubles)), "bold red")
    elif any(feed.state in _AILING for feed in status.feeds):
        say(sentence("Some feeds need your attention; the reasons are listed below."), "bold red")
    elif failing == 1:
        say(
            sentence("Nothing to do. One feed failed at its last visit; it is tried again automatically."),
            "yellow",
        )
    elif failing:
        say(
            sentence(
                "Nothing to do. {count} feeds failed at their last visit; they are tried again automatically.",
                count=failing,
            ),
            "yellow",
        )
    elif any(feed.state is FeedHealth.UNVISITED for feed in status.feeds):
        say(sentence("Nothing to do, but some feeds have not been visited yet."), "yellow")
    else:
        say(sentence("All is well."), "green")


def _show_service(status: StatusAnswer, now: datetime, zone: tzinfo | None) -> None:
    """Say whether a service lives, and by which rules."""
    if service := status.service:
        at = {"since": moment(service.since, now, zone), "beat": moment(service.beat, now, zone)}
        match service.state:
            case ServiceState.RUNNING:
                line = sentence(
                    "service: runs since {since} on {host} (process {pid}, version {version})",
                    host=service.host,
                    pid=service.pid,
                    version=service.version,
                    **at,
                )
            case ServiceState.SILENT:
                line = sentence(
                    "service: ended unexpectedly (not stopped properly); last heartbeat {beat}", **at
                )
            case ServiceState.STOPPED:
                line = sentence("service: stopped {ended}", ended=moment(service.ended, now, zone))
            case ServiceState.NONE:
                line = sentence('service: not running (running "monitor once" by cron does its work, too)')
        say(line)
    if rules := status.config.rules:
        since = moment(rules.since, now, zone)
        say(sentence("rules: version {version}, in force since {since}", version=rules.version, since=since))


def _show_mail(status: StatusAnswer, security: str, now: datetime, zone: tzinfo | None) -> None:
    """Say how mail leaves, and how many mails have which status."""
    if isinstance(status.mail, MaildirTransport):
        say(sentence("mail: [smtp] host is empty, so digests are put into {folder}", folder=status.mail.path))
    elif status.mail:
        say(
            sentence(
                "mail: by {host}:{port} ({security})",
                host=status.mail.host,
                port=status.mail.port,
                security=security,
            )
        )
    counts = [
        sentence("{count} {status}", count=status.outbox[each.value], status=status_name(each))
        for each in DeliveryStatus
        if status.outbox[each.value] or each is DeliveryStatus.WAITING
    ]
    values = {"counts": listed(counts), "since": moment(status.oldest_waiting, now, zone)}
    if status.oldest_waiting:
        say(sentence("outbox: {counts}; the oldest has waited since {since}", **values))
    else:
        say(sentence("outbox: {counts}", **values))
    if status.limit:
        say(limit_in_words(status.limit, moment(status.limit.until, now, zone)))
    if status.unseen:
        say(sentence('outbox: "monitor outbox --seen all" says that you know what was given up'))


def _show_next(status: StatusAnswer, now: datetime, zone: tzinfo | None) -> None:
    """Say what comes next: which digest, which visit."""
    coming = sorted((row.next, row.subscription) for row in status.subscriptions if row.next)
    if coming:
        at, name = coming[0]
        say(sentence("next digest: {name}, {at}", name=name, at=moment(at, now, zone)))
    visits = [feed.next for feed in status.feeds if feed.next]
    if visits:
        at = min(visits)
        say(
            sentence("next visit to a feed: {at}", at=moment(at, now, zone))
            if at > now
            else sentence("next visit to a feed: due since {at}", at=moment(at, now, zone))
        )


def _show_feeds(status: StatusAnswer, now: datetime, zone: tzinfo | None) -> None:
    show_feed_states(status.feeds, now, zone)
    reasons = [
        (feed.feed, reason) for feed in status.feeds for reason in [_reason(feed, now, zone)] if reason
    ]
    if reasons:
        say("")
        table(sentence("feed"), sentence("problem"), rows=reasons)


def show_feed_states(feeds: Sequence[FeedStatus | ListedFeed], now: datetime, zone: tzinfo | None) -> None:
    """Print a table of feeds: how each does, and when it is asked."""
    table(
        sentence("feed"),
        sentence("state"),
        sentence("last answer"),
        sentence("next visit"),
        sentence("every"),
        rows=[
            (
                feed.feed,
                _state(feed.state),
                moment(feed.visited, now, zone),
                moment(feed.next, now, zone),
                feed.every,
            )
            for feed in feeds
        ],
    )


def _state(state: FeedHealth | str) -> Styled:
    """Return a state in words; "-" for "", where the database cannot be read."""
    if not state:
        return Styled("-", "")
    return Styled(_NAMES[FeedHealth(state)], _COLOURS[FeedHealth(state)])


def _reason(feed: FeedStatus, now: datetime, zone: tzinfo | None) -> str:
    """Return why a feed is not well; "" for one that is."""
    if feed.state is FeedHealth.QUIET:
        return sentence("nothing new since {since}", since=moment(feed.news, now, zone))
    if not feed.failures or feed.state is FeedHealth.PAUSED:
        return ""
    since = moment(feed.failing, now, zone)
    if feed.failures == 1:
        return sentence("{error} (once, {since})", error=feed.error, since=since)
    return sentence(
        "{error} ({count} times, since {since})", error=feed.error, count=feed.failures, since=since
    )


def _in_its_zone(instant: datetime | None, row: SubscriptionStatus, named: str, now: datetime) -> str:
    """Return an instant in the zone of a subscription, which is named where it is another than the `named` one."""
    zone = row.timezone or named
    at = moment(instant, now, ZoneInfo(zone))
    return at if zone == named or instant is None else sentence("{at} ({zone})", at=at, zone=zone)


def _show_troubles(status: StatusAnswer, now: datetime, zone: tzinfo | None) -> None:
    """Show what is wrong, since when, and what to do; the first few details of each."""
    if not status.troubles:
        return
    rows: list[tuple[object, ...]] = []
    for trouble in status.troubles:
        more = trouble.count - len(trouble.details)
        rest = sentence("{count} in all", count=trouble.count) if trouble.details and more > 0 else ""
        to_do = sentence("What to do: {to_do}", to_do=trouble.to_do)
        rows.append((moment(trouble.since, now, zone), Styled(trouble.happened, "red")))
        # A refused file is told in several lines, with a caret under the place.
        details = [line for each in trouble.details for line in shown(each).splitlines()]
        rows += [("", line) for line in (*details, rest, to_do) if line]
    table(sentence("since"), sentence("trouble"), rows=rows)
    say("")


# --- a refused file -------------------------------------------------------------------------------


def _show_refused(path: Path, error: ConfigError, *, json: bool) -> int:
    """Show the problems of a refused file, and what the database knows all the same; return 2."""
    status, now = _status_refused(path, error)
    if json:
        answer(status)
        return 2
    complain(sentence("{file} is refused:", file=str(path)))
    for problem in error.problems:
        complain(sentence("  {problem}", problem=problem.text))
    if status.database:
        complain(sentence("The database was not read: {reason}", reason=status.database))
        return 2
    name = timezone_of(path)
    zone = ZoneInfo(name)
    _show_service(status, now, zone)
    if status.config.rules:
        if status.config.rules_edited:
            say(
                sentence(
                    "A running service keeps the previous configuration. Correct the file, or put the rules back with"
                    ' "monitor rules undo".'
                )
            )
        else:
            say(
                sentence(
                    "A running service keeps the previous configuration. The file has its rules; the problem is"
                    " elsewhere in it."
                )
            )
    say("")
    _show_troubles(status, now, zone)
    _show_feeds(status, now, zone)
    say("")
    table(
        sentence("subscription"),
        sentence("last digest"),
        rows=[(row.subscription, moment(row.last, now, zone)) for row in status.subscriptions],
    )
    _show_mail(status, "", now, zone)
    say(sentence("times: those of {zone}", zone=name))
    return 2


def _status_refused(path: Path, error: ConfigError) -> tuple[StatusAnswer, datetime]:
    try:
        stored, now = use_database(store_url_of(path), lambda db: _read(db, None))
    except ConfigError:
        reason: str = sentence("[store] cannot be read either.")
    except StoreError as store_error:
        reason = store_error.text
    else:
        rule_text = rule_part(as_text(read_file(path), path))
        status = status_refused(error.problems, stored, feed_names=feed_names_of(path), rule_text=rule_text)
        return status, now
    config = ConfigStatus(ok=False, problems=error.problems, rules=None)
    return StatusAnswer(config=config, database=reason), clock()
