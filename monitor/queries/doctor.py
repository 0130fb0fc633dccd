"""Examine an installation part by part, from config.toml to the mail server, and tell what to do next; stores nothing.

Each part is examined by itself: what is broken in one does not hide the others.
"""

import asyncio
import os
import shutil
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from monitor.config.checked import CheckedConfig, missing_work, readable_part
from monitor.config.options import Config, Feed
from monitor.errors import ConfigError, FeedError, FetchError, SchemaError, StoreError
from monitor.feeds.fetch import Fetched, Fetcher
from monitor.feeds.parser_pool import ParserPool
from monitor.loaded import LoadedConfig, load
from monitor.mail.diagnosis import SET_CLOCK, diagnose
from monitor.mail.stages import INTERNET, PATIENT, Network, Stage, StageDeadlines, walk
from monitor.mail.trial import trial_mail
from monitor.masking import mask, mask_header
from monitor.model.feeds import Validators
from monitor.queries.answers.health import DoctorFinding, Health
from monitor.queries.check import problems_of, template_errors, warnings_of
from monitor.queries.mail_path import mail_path_of
from monitor.reasons import reason_of
from monitor.store import integrity, services
from monitor.store.database import open_database
from monitor.store.place import is_there
from monitor.texts import listed, sentence

_AT_ONE_TIME = 8  # feeds that are asked
_HOSTS = 3  # whose clocks are asked
_CLOCKS_AGREE = timedelta(minutes=5)
_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000  # free bytes on a disk
_OTHERS = 0o077  # permissions of other users


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined."""

    path: Path
    config: Config  # of a refused file, what can be read of it
    loaded: LoadedConfig | None  # None: the file is refused
    now: datetime  # by the clock of this machine, UTC
    network: Network
    deadlines: StageDeadlines

    @property
    def folder(self) -> Path:
        """What relative paths in the file count from."""
        return self.path.absolute().parent


async def examine(
    path: Path,
    *,
    now: datetime,
    asked: Callable[[], object],
    network: Network = INTERNET,
    deadlines: StageDeadlines = PATIENT,
) -> AsyncIterator[DoctorFinding]:
    """Yield what is found, part by part; `asked` is called for each feed that has answered or failed.

    `now` is the time by this machine's clock, UTC.
    """
    config, loaded, found = _read(path, now)
    for finding in found:
        yield finding
    if config is None:
        return
    patient = Patient(path=path, config=config, loaded=loaded, now=now, network=network, deadlines=deadlines)
    for finding in _permissions(patient):
        yield finding
    for finding in await _database(patient):
        yield finding
    for finding in _disk(patient):
        yield finding
    async with Fetcher(config.fetch, folder=patient.folder) as fetcher:
        # At one time: each of them may have to wait for a server.
        clock, feeds, mail = await asyncio.gather(
            _clock(patient, fetcher), _feeds(patient, fetcher, asked), _mail(patient)
        )
    for finding in [*clock, *_templates(patient), *feeds, *mail]:
        yield finding


def feeds_of(path: Path) -> int:
    """Return how many feeds a file has that are not paused, as far as it can be read."""
    try:
        return len(readable_part(path).polled)
    except ConfigError:
        return 0


def _good(part: str, what: str) -> DoctorFinding:
    return DoctorFinding(state=Health.GOOD, part=part, what=what)


def _warning(part: str, what: str, then: str = "") -> DoctorFinding:
    return DoctorFinding(state=Health.WARNING, part=part, what=what, next=then)


def _failed(part: str, what: str, then: str = "") -> DoctorFinding:
    return DoctorFinding(state=Health.FAILED, part=part, what=what, next=then)


# --- config.toml ------------------------------------------------------------------------------------

_CONFIGURATION = sentence("configuration")


def _read(path: Path, now: datetime) -> tuple[Config | None, LoadedConfig | None, list[DoctorFinding]]:
    """Return what can be read of a file, the whole of it unless it is refused, and what is found about it."""
    try:
        loaded = load(path)
    except ConfigError as error:
        found = [_failed(_CONFIGURATION, problem.text) for problem in error.problems] or [
            _failed(_CONFIGURATION, error.text)
        ]
        try:
            return readable_part(path), None, found
        except ConfigError:
            return None, None, found
    found = [
        _failed(_CONFIGURATION, problem.text) for problem in problems_of(loaded) if problem.key != "templates"
    ]
    missing = {problem.text for problem in missing_work(loaded.config)}
    found += [
        (_failed if problem.text in missing else _warning)(_CONFIGURATION, problem.text)
        for problem in warnings_of(loaded, now)
    ]
    config = loaded.config
    counts = {
        "feeds": len(config.feeds),
        "rules": len(config.rules),
        "subscriptions": len(config.subscriptions),
    }
    accepted = sentence(
        "{file} is accepted. Feeds: {feeds}, rules: {rules}, subscriptions: {subscriptions}.",
        file=path.name,
        **counts,
    )
    return config, loaded, found or [_good(_CONFIGURATION, accepted)]


# --- permissions ------------------------------------------------------------------------------------

_PERMISSIONS = sentence("permissions")


def _permissions(patient: Patient) -> list[DoctorFinding]:
    config, folder = patient.config, patient.folder
    files = [config.smtp.password_file, *(feed.password_file for feed in config.feeds)]
    secrets = [folder / file for file in dict.fromkeys(files) if file]
    if _has_secrets(config):
        secrets.insert(0, patient.path)
    found = []
    for file in secrets:
        try:
            open_to_others = file.stat().st_mode & _OTHERS
        except OSError as error:
            what = sentence("{file} cannot be read: {why}.", file=file, why=reason_of(error))
            found.append(_failed(_PERMISSIONS, what))
            continue
        if open_to_others:
            what = sentence("{file} holds a secret, and other users may read it.", file=file)
            found.append(_warning(_PERMISSIONS, what, sentence("chmod 600 {file}", file=file)))
    if found:
        return found
    if secrets:
        names = listed(file.name for file in secrets)
        return [_good(_PERMISSIONS, sentence("Files with secrets are yours alone: {names}.", names=names))]
    return [_good(_PERMISSIONS, sentence("No file holds a secret."))]


def _has_secrets(config: Config) -> bool:
    """Return whether a secret stands in config.toml itself."""
    urls = [
        config.store.url,
        config.fetch.proxy,
        *(url for feed in config.feeds for url in (feed.url, feed.proxy)),
    ]
    headers = [header for feed in config.feeds for header in feed.headers]
    # The address of a heartbeat is all that its service asks for.
    return (
        bool(config.operator.heartbeat)
        or any(mask(url) != url for url in urls)
        or any(mask_header(name, value) != value for name, value in headers)
    )


# --- the database, the disk -------------------------------------------------------------------------

_DATABASE = sentence("database")
_DISK = sentence("disk")


async def _database(patient: Patient) -> list[DoctorFinding]:
    checked = _checked(patient)
    file = checked.database_file
    try:
        if file and not is_there(file):
            what = sentence("There is no database {file} yet.", file=file)
            return [_warning(_DATABASE, what, sentence('"monitor once" or the service makes it.'))]
        db = open_database(checked.store_url, migrate=False)
        try:
            broken = await db.read(integrity.faults)
            beats = [service.beat_at for service in await db.read(services.running)]
            server_time = await db.server_time()
        finally:
            await db.close()
    except SchemaError as error:
        return [_failed(_DATABASE, error.text)]
    except StoreError as error:
        then = (
            sentence(
                "See that this user may read it. If it is damaged, stop the service and put the last backup there."
            )
            if file
            else sentence("Check url in [store], and that the database runs and lets this user in.")
        )
        return [_failed(_DATABASE, error.text, then)]
    found = []
    if broken:
        what = sentence("{file} is damaged: {faults}.", file=file, faults="; ".join(broken))
        found.append(
            _failed(_DATABASE, what, sentence("Stop the service, and put the last backup in its place."))
        )
    if file and file.stat().st_mode & _OTHERS:
        what = sentence("Other users may read {file}, in which the mails stand.", file=file)
        found.append(_warning(_DATABASE, what, sentence("chmod 600 {file}", file=file)))
    if file and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        what = sentence("This user may not write to {file} and its folder.", file=file)
        found.append(
            _failed(
                _DATABASE, what, sentence("Run as the user of the service, or give the folder to this one.")
            )
        )
    if server_time and abs(server_time - patient.now) > _CLOCKS_AGREE:
        what = sentence(
            "The clocks of this machine and of the database differ by {minutes} minutes.",
            minutes=_minutes(server_time - patient.now),
        )
        found.append(_warning(_DATABASE, what, sentence("Set the clocks of both by NTP.")))
    if (ahead := max(beats, default=patient.now) - patient.now) > _CLOCKS_AGREE:
        what = sentence("The service writes as if it were {minutes} minutes later.", minutes=_minutes(ahead))
        then = sentence("Compare the clock of its machine with this one, and set the wrong one by NTP.")
        found.append(_warning(_DATABASE, what, then))
    if found:
        return found
    if file:
        megabytes = f"{file.stat().st_size / 1e6:.1f}"
        return [
            _good(
                _DATABASE,
                sentence(
                    "{file} is whole ({megabytes} MB), its tables are those of this version.",
                    file=file,
                    megabytes=megabytes,
                ),
            )
        ]
    return [_good(_DATABASE, sentence("It is reached, and its tables are those of this version."))]


def _checked(patient: Patient) -> CheckedConfig:
    if patient.loaded:
        return patient.loaded
    return CheckedConfig(path=patient.path.absolute(), content_hash="", text="", config=patient.config)


def _disk(patient: Patient) -> list[DoctorFinding]:
    checked = _checked(patient)
    place = checked.database_file.parent if checked.database_file else patient.folder
    for each in (place, *place.parents):
        with suppress(OSError):  # it is not there yet, or in a directory that is closed to us
            return [space_finding(shutil.disk_usage(each).free, each)]
    return []


def space_finding(free: int, place: Path) -> DoctorFinding:
    """Return what there is to tell of the bytes that are free at a place."""
    what = sentence("{gigabytes} GB are free at {place}.", gigabytes=f"{free / 1e9:.1f}", place=place)
    if free < _TOO_LITTLE:
        return _failed(_DISK, what, sentence("Free space there: nothing can be stored without."))
    if free < _LITTLE:
        return _warning(_DISK, what, sentence("Free space there soon."))
    return _good(_DISK, what)


# --- the clock, the templates -----------------------------------------------------------------------

_CLOCK = sentence("clock")
_TEMPLATES = sentence("templates")


async def _clock(patient: Patient, fetcher: Fetcher) -> list[DoctorFinding]:
    """Compare this machine's clock with those of the servers of feeds."""
    hosts = {urlsplit(feed.url).netloc: feed for feed in patient.config.polled}
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def ahead_of(feed: Feed) -> timedelta | None:
        try:
            told = await fetcher.server_time(feed)
        except FeedError:
            return None
        return patient.now + timedelta(seconds=loop.time() - start) - told if told else None

    differences = [
        difference.total_seconds()
        for difference in await asyncio.gather(*map(ahead_of, list(hosts.values())[:_HOSTS]))
        if difference is not None
    ]
    if not differences:
        return [_warning(_CLOCK, sentence("No server told the time, so the clock could not be compared."))]
    difference = timedelta(seconds=statistics.median_low(differences))
    if abs(difference) <= _CLOCKS_AGREE:
        return [_good(_CLOCK, sentence("It agrees with the servers of the feeds."))]
    values = {"minutes": _minutes(difference), "servers": len(differences)}
    what = (
        sentence("It is {minutes} minutes ahead of the servers of the feeds ({servers} asked).", **values)
        if difference > timedelta(0)
        else sentence("It is {minutes} minutes behind the servers of the feeds ({servers} asked).", **values)
    )
    return [_failed(_CLOCK, what, SET_CLOCK)]


def _minutes(difference: timedelta) -> int:
    return round(abs(difference).total_seconds() / 60)


def _templates(patient: Patient) -> list[DoctorFinding]:
    if patient.loaded is None:
        return []
    if errors := list(template_errors(patient.loaded)):
        return [
            _failed(
                _TEMPLATES, error.text, sentence("Correct it, or remove it: the shipped one is used then.")
            )
            for error in errors
        ]
    return [_good(_TEMPLATES, sentence("A sample digest and a notice can be rendered."))]


# --- the feeds --------------------------------------------------------------------------------------


async def _feeds(patient: Patient, fetcher: Fetcher, asked: Callable[[], object]) -> list[DoctorFinding]:
    """Ask each feed once; nothing of the answers is kept."""
    slots = asyncio.Semaphore(_AT_ONE_TIME)
    async with ParserPool() as parsers:

        async def ask(feed: Feed) -> DoctorFinding:
            async with slots:
                try:
                    return await _feed(feed, fetcher, parsers, patient.now)
                finally:
                    asked()

        return await asyncio.gather(*map(ask, patient.config.polled))


async def _feed(feed: Feed, fetcher: Fetcher, parsers: ParserPool, now: datetime) -> DoctorFinding:
    part = sentence("feed {name}", name=feed.name)
    try:
        fetched = await fetcher.fetch(feed, Validators())
        if not isinstance(fetched, Fetched):
            return _good(part, sentence("It answers, without a document."))
        try:
            parsed = await parsers.parse(
                fetched.body,
                feed=feed,
                now=now,
                content_type=fetched.content_type,
                url=fetched.url,
                suspect=False,
            )
        finally:
            fetched.release()
    except FeedError as error:
        then = sentence(
            "Open {url} in a browser. If it is gone, correct url, or remove the feed.", url=mask(feed.url)
        )
        if isinstance(error, FetchError) and error.connection:
            then = sentence(
                "Check the network and DNS of this machine, and whether {host} can be reached from where it is:"
                " cn.nytimes.com is blocked in mainland China. A proxy helps: [fetch] proxy."
                " If the site has moved or is gone, correct url, or remove the feed.",
                host=urlsplit(feed.url).hostname,
            )
        return _failed(part, error.text, then)
    if not parsed.entries:
        return _warning(
            part, sentence("It has no entries."), sentence("Look whether the address is still the right one.")
        )
    newest = max(entry.when for entry in parsed.entries)
    if fetched.moved_permanently:
        then = sentence('Write url = "{url}": it has moved there for good.', url=mask(fetched.url))
        return _warning(part, _entries(len(parsed.entries), newest), then)
    return _good(part, _entries(len(parsed.entries), newest))


def _entries(number: int, newest: datetime) -> str:
    day = f"{newest:%Y-%m-%d}"
    if number == 1:
        return sentence("One entry, of {day}.", day=day)
    return sentence("{number} entries, the newest of {day}.", number=number, day=day)


# --- the mail ---------------------------------------------------------------------------------------

_MAIL = sentence("mail")


async def _mail(patient: Patient) -> Sequence[DoctorFinding]:
    """Walk the way of a test mail up to its recipient, and send nothing."""
    try:
        way = mail_path_of(patient.config, folder=patient.folder, file=patient.path.name)
    except ConfigError as error:
        return [_failed(_MAIL, problem.text) for problem in error.problems]
    if not way.smtp.host:
        maildir = _checked(patient).maildir_path
        what = sentence(
            "[smtp] host is empty: mails are put into {maildir} and stay on this machine.", maildir=maildir
        )
        return [
            _warning(
                _MAIL, what, sentence("To have them sent, write your provider's server into [smtp] host.")
            )
        ]
    mail = trial_mail(
        sender=way.smtp.sender,
        to=way.to,
        server=way.smtp.server,
        now=patient.now,
        unique="doctor",
        locale="en",
        zone="UTC",
    )
    walked = walk(
        way.smtp,
        way.password,
        mail,
        last=Stage.RCPT,
        network=patient.network,
        deadlines=patient.deadlines,
    )
    async with aclosing(walked) as reports:
        async for report in reports:
            if report.failure:
                diagnosis = diagnose(report.failure, way.account, patient.now)
                return [_failed(_MAIL, diagnosis.cause, diagnosis.cure)]
    what = sentence("{server} would take a mail for {to}.", server=way.smtp.server, to=mail.to)
    return [_good(_MAIL, what)]
