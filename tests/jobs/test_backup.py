"""A backup is whole or absent, a restored database mails nothing by itself, and a copy has every row."""

import asyncio
import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Table, func, select, text, update

from monitor.cli.backup import ended_by_signals
from monitor.errors import MonitorError, StoreError
from monitor.jobs.backup import back_up, copy_store, release, restore
from monitor.jobs.choose import Decision, Wish, choose_for
from monitor.jobs.lapse import lapse
from monitor.model.mail import Delivery, DeliveryStatus, Phase
from monitor.model.recipients import ChangedBy
from monitor.model.services import RunningService
from monitor.store import choices, copying, engines, entries, outbox, recipients, schema, services, tables
from monitor.store.database import open_database
from tests import make
from tests.fakes import FakeClock
from tests.forked import ForkedProcess
from tests.jobs.desk import Desk
from tests.make import NOW
from tests.postgres import Postgres
from tests.store.test_schema import make_older

T = TypeVar("T")
SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("kind", ["postgres"], indirect=True)
LATER = NOW + timedelta(days=3)


def no_report(_done: int, _total: int) -> None:
    """Report to nobody."""


def change(url: str, fn: Callable[[Connection], T]) -> T:
    """Run a function in a transaction of a database."""

    async def work() -> T:
        db = open_database(url)
        try:
            return await db.write(fn)
        finally:
            await db.close()

    return asyncio.run(work())


def fill(url: str, *titles: str) -> None:
    """Store what a poll and a digest leave behind: entries, matches, a mail that waits."""

    async def work() -> None:
        desk = Desk(db=open_database(url), clock=FakeClock())
        desk.web.serves(desk.feeds[0], make.rss(*(titles or ("大模型降价", "天气转凉"))))
        await desk.poll()
        await desk.compose()
        await desk.db.close()

    asyncio.run(work())


def fill_much(url: str) -> None:
    """Store so much that it is copied in several steps."""
    arrived = [(make.entry(number=number, text="正文" * 5000), True) for number in range(10, 310)]
    change(url, lambda tx: entries.insert_new(tx, arrived, "r"))


def count(url: str) -> int:
    return change(url, lambda tx: tx.scalar(select(func.count()).select_from(tables.entries)) or 0)


def mails(url: str) -> list[Delivery]:
    return change(url, lambda tx: outbox.listing(tx, status=None, limit=100))


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def rows_of(url: str, table: Table) -> list[str]:
    return change(url, lambda tx: sorted(map(repr, tx.execute(select(table)))))


def beat(url: str, *, silent_for: timedelta = timedelta(0)) -> None:
    at = NOW - silent_for
    service = RunningService(
        id="1", host="news-host", pid=7, version="1", started_at=at, beat_at=at, content_hash=""
    )
    change(url, lambda tx: services.beat(tx, service))


def others(folder: Path) -> list[str]:
    """The files that a command has left by mistake."""
    return sorted(
        file.name
        for file in folder.iterdir()
        if file.name.endswith((".part", ".part-held", "-wal", "-shm", "-journal"))
    )


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def other_url(kind: str, tmp_path: Path, postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of the other kind."""
    if kind == "postgres":
        yield url_of(tmp_path / "other.db")
        return
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


# --- backup -----------------------------------------------------------------------------------------


def test_a_backup_is_one_file_of_the_owner_with_every_row(db_url: str, backups: Path) -> None:
    fill(db_url)
    beat(db_url)  # a service may run on it
    made = back_up(db_url, backups / "b.db", force=False, report=no_report)
    assert (made.rows["entries"], made.rows["outbox"], made.rows["services"]) == (2, 1, 1)
    assert made.size == (backups / "b.db").stat().st_size
    assert (backups / "b.db").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in backups.iterdir()] == ["b.db"]
    assert [mail.mail for mail in mails(url_of(made.file))] == [mail.mail for mail in mails(db_url)]


def test_a_file_that_is_there_is_replaced_only_by_force_and_never_the_database(
    db_url: str, kind: str, backups: Path, tmp_path: Path
) -> None:
    fill(db_url)
    file = backups / "b.db"
    file.write_text("mine")
    with pytest.raises(StoreError, match=r"b\.db exists already\. --force replaces it"):
        back_up(db_url, file, force=False, report=no_report)
    assert file.read_text() == "mine"
    back_up(db_url, file, force=True, report=no_report)
    assert count(url_of(file)) == 2
    for no_file in (backups, Path("/dev/null")):
        for force in (False, True):
            with pytest.raises(StoreError, match="is not a file that a backup may replace"):
                back_up(db_url, no_file, force=force, report=no_report)
    if kind == "sqlite":
        with pytest.raises(StoreError, match="is the database itself"):
            back_up(db_url, tmp_path / "monitor.db", force=True, report=no_report)


@SQLITE
@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal", "-gone.txt"])
@pytest.mark.parametrize("force", [False, True])
def test_a_backup_takes_no_name_of_a_file_beside_the_database(
    db_url: str, tmp_path: Path, suffix: str, force: bool
) -> None:
    fill(db_url)
    companion = tmp_path / f"monitor.db{suffix}"
    for content in (None, b"mine"):
        if content:
            companion.write_bytes(content)
        with pytest.raises(StoreError, match="is kept for the database itself"):
            back_up(db_url, companion, force=force, report=no_report)
        assert (companion.read_bytes() if companion.exists() else None) == content
    back_up(db_url, tmp_path / "monitor.db-copy", force=force, report=no_report)


@SQLITE
def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(db_url: str, backups: Path) -> None:
    fill(db_url)
    fill_much(db_url)
    written: list[int] = []

    def write(_done: int, _total: int) -> None:
        number = 1000 + len(written)
        thread = threading.Thread(target=lambda: fill(db_url, f"大模型第{number}条"))
        thread.start()
        thread.join()
        written.append(number)

    made = back_up(db_url, backups / "b.db", force=False, report=write)
    assert len(written) > 1
    assert made.rows["entries"] == count(url_of(made.file)) == 302
    assert count(db_url) == 302 + len(written)


def test_what_is_no_database_of_ours_is_not_backed_up(empty_url: str, kind: str, backups: Path) -> None:
    match = "there is no such database" if kind == "sqlite" else "the database is empty"
    with pytest.raises(StoreError, match=match):
        back_up(empty_url, backups / "b.db", force=False, report=no_report)
    assert list(backups.iterdir()) == []


@SQLITE
def test_a_backup_of_a_damaged_database_is_thrown_away(db_url: str, tmp_path: Path, backups: Path) -> None:
    fill(db_url)
    fill_much(db_url)
    file = tmp_path / "monitor.db"
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(os.urandom(20_000))
    with pytest.raises(StoreError, match="the copy is not sound, and was thrown away"):
        back_up(db_url, backups / "b.db", force=False, report=no_report)
    assert list(backups.iterdir()) == []


@SQLITE
def test_a_place_that_cannot_be_written_is_named(db_url: str, backups: Path) -> None:
    fill(db_url)
    (backups / "file").touch()
    with pytest.raises(StoreError, match=r"file/b\.db cannot be written: "):
        back_up(db_url, backups / "file" / "b.db", force=False, report=no_report)
    with pytest.raises(StoreError, match="there is no directory"):
        back_up(db_url, backups / "new" / "b.db", force=False, report=no_report)
    assert not (backups / "new").exists()


@SQLITE
def test_a_name_that_no_file_can_have_is_told(db_url: str, tmp_path: Path, backups: Path) -> None:
    fill(db_url)
    for name in ("b" * 270, "b" * 250):  # the latter is too long with what is behind it while it is written
        with pytest.raises(StoreError, match="File name too long"):
            back_up(db_url, backups / name, force=False, report=no_report)
    with pytest.raises(StoreError, match="File name too long"):
        restore(db_url, backups / ("b" * 270), folder=tmp_path, now=NOW, report=no_report)


def die(_done: int, _total: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def end(number: signal.Signals) -> Callable[[int, int], object]:
    """Return what sends this process two signals, the second while it ends."""

    def send(_done: int, _total: int) -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)

    return send


def ended_at_backup(url: str, file: Path, number: signal.Signals) -> int:
    signal.signal(number, signal.SIG_DFL)  # nohup, and some shells behind &, have it ignored
    with ended_by_signals():
        back_up(url, file, force=True, report=end(number))
    return 0


def ended_at_restore(url: str, file: Path, number: signal.Signals) -> int:
    signal.signal(number, signal.SIG_DFL)  # nohup, and some shells behind &, have it ignored
    with ended_by_signals():
        restore(url, file, folder=file.parent, now=LATER, report=end(number))
    return 0


def killed_while_it_keeps(url: str, file: Path, folder: Path, parts: int) -> int:
    def report(_done: int, _total: int) -> None:
        if len(list(folder.glob(".*.part"))) == parts:
            os.kill(os.getpid(), signal.SIGKILL)

    restore(url, file, folder=folder, now=LATER, report=report)
    return 0


def ignoring_hangups(url: str, file: Path) -> int:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ended_by_signals():
        back_up(url, file, force=True, report=end(signal.SIGHUP))
    return 0


def killed_at_backup(url: str, file: Path) -> int:
    back_up(url, file, force=True, report=die)
    return 0


def on_a_full_disk(work: Callable[[], object]) -> int:
    """Work where no file may grow beyond a megabyte; return 3 where that is told."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        work()
    except StoreError as error:
        return 3 if "cannot be written" in str(error) or "disk" in str(error) else 4
    return 0


def without_room(url: str, file: Path) -> int:
    return on_a_full_disk(lambda: back_up(url, file, force=True, report=no_report))


def restore_without_room(url: str, file: Path, folder: Path) -> int:
    return on_a_full_disk(lambda: restore(url, file, folder=folder, now=LATER, report=no_report))


def copy_without_room(source: str, target: str) -> int:
    return on_a_full_disk(lambda: copy_store(source, target, now=NOW, report=no_report))


@pytest.mark.parametrize("work", [killed_at_backup, without_room])
def test_a_backup_that_does_not_end_leaves_the_one_before(
    db_url: str, backups: Path, work: Callable[[str, Path], int]
) -> None:
    fill(db_url)
    file = backups / "b.db"
    back_up(db_url, file, force=False, report=no_report)
    fill_much(db_url)
    with ForkedProcess(work, db_url, file) as process:
        assert process.wait(60) == (3 if work is without_room else -signal.SIGKILL)
    assert count(url_of(file)) == 2
    if work is without_room:
        assert [left.name for left in backups.iterdir() if left.name.endswith(".part")] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("work", [ended_at_backup, ended_at_restore])
def test_a_command_that_is_told_to_end_leaves_nothing_behind(
    db_url: str,
    backups: Path,
    tmp_path: Path,
    work: Callable[[str, Path, signal.Signals], int],
    number: signal.Signals,
) -> None:
    fill(db_url)
    file = backups / "b.db"
    back_up(db_url, file, force=False, report=no_report)
    fill_much(db_url)
    with ForkedProcess(work, db_url, file, number) as process:
        assert process.wait(60) == 128 + number
    assert [left.name for left in backups.iterdir()] == ["b.db"]
    assert [left for left in others(tmp_path) if "part" in left] == []
    assert (count(url_of(file)), count(db_url)) == (2, 302)


@SQLITE
def test_a_hangup_that_is_ignored_ends_no_backup(db_url: str, backups: Path) -> None:
    fill(db_url)
    with ForkedProcess(ignoring_hangups, db_url, backups / "b.db") as process:
        assert process.wait(60) == 0
    assert count(url_of(backups / "b.db")) == 2


def test_what_a_killed_backup_left_is_removed_by_the_next_of_the_same_name(
    db_url: str, backups: Path
) -> None:
    fill(db_url)
    for name in ("b.db", "b.db.old"):
        with ForkedProcess(killed_at_backup, db_url, backups / name) as process:
            assert process.wait(60) == -signal.SIGKILL
    of_old = {left.name for left in backups.iterdir() if left.name.startswith(".b.db.old.")}
    assert len(of_old) < len(list(backups.iterdir()))

    def meanwhile(_done: int, _total: int) -> None:
        """Make another one of the same name while this one is held."""
        back_up(db_url, backups / "b.db", force=True, report=no_report)

    back_up(db_url, backups / "b.db", force=True, report=meanwhile)
    assert {left.name for left in backups.iterdir()} == {"b.db", *of_old}
    back_up(db_url, backups / "b.db.old", force=True, report=no_report)
    assert {left.name for left in backups.iterdir()} == {"b.db", "b.db.old"}


# --- restore ----------------------------------------------------------------------------------------


def backed_up(url: str, backups: Path) -> Path:
    """A backup of two entries and a mail that waits; then the database goes on."""
    fill(url)
    beat(url)
    made = back_up(url, backups / "b.db", force=False, report=no_report)
    fill(url, "大模型涨价")
    change(url, lambda tx: services.end_all(tx))
    return made.file


def test_a_restored_database_is_that_of_the_backup_and_the_one_before_is_kept(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    before = file.read_bytes()
    restored = restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert count(db_url) == restored.rows["entries"] == 2
    assert restored.kept == tmp_path / "monitor.db.before-restore-20261127T000000"
    assert count(url_of(restored.kept)) == 3
    assert (restored.migrated, restored.known_until) == (False, NOW)
    assert file.read_bytes() == before
    assert change(db_url, services.running) == [], "no service runs on a copy"
    assert others(tmp_path) == []


def test_what_a_killed_restore_left_is_removed_by_the_next(
    db_url: str, kind: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    parts = 1 if kind == "sqlite" else 2  # the backup brought to this version, and what is kept
    with ForkedProcess(killed_while_it_keeps, db_url, file, tmp_path, parts) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert len(list(tmp_path.glob(".*.part"))) == parts
    assert count(db_url) == 3
    restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert list(tmp_path.glob(".*part*")) == []


def test_what_was_there_is_kept_also_of_two_restores_in_one_second(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    kept = [restore(db_url, file, folder=tmp_path, now=LATER, report=no_report).kept for _ in range(3)]
    name = "monitor.db.before-restore-20261127T000000"
    assert kept == [tmp_path / name, tmp_path / f"{name}-2", tmp_path / f"{name}-3"]
    assert [count(url_of(each)) for each in kept if each] == [3, 2, 2]


def test_mails_of_the_backup_that_wait_are_held_without_an_end_until_they_are_released(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    fill(db_url)
    dot, uncertain, resting, sent = (make.mail(number=number) for number in range(1, 5))

    def add(tx: Connection) -> None:
        for number, mail in enumerate((dot, uncertain, resting, sent), 10):
            digest = tx.scalar(
                tables.digests.insert()
                .values(subscription="AI 日报", slot=f"at:{number}", at=NOW, entries=1, ruleset="")
                .returning(tables.digests.c.id)
            )
            outbox.insert(tx, digest, mail, now=NOW, expires_at=NOW + timedelta(days=2))
        states = (
            {"status": "sending", "phase": Phase.DOT.value, "claim": "t", "lease_until": NOW},
            {"status": "uncertain", "uncertain": 1},
            {"status": "uncertain", "uncertain": 3, "next_attempt_at": None},
            {"status": "sent", "sent_at": NOW, "next_attempt_at": None},
        )
        for mail, values in zip((dot, uncertain, resting, sent), states, strict=True):
            row = update(tables.outbox).where(tables.outbox.c.message_id == mail.message_id)
            tx.execute(row.values(values))
        recipients.sync(tx, "AI 日报", ["reader@example.org"], NOW)

    change(db_url, add)
    file = back_up(db_url, backups / "b.db", force=False, report=no_report).file
    held = restore(db_url, file, folder=tmp_path, now=NOW, report=no_report).held
    assert [delivery.id for delivery in held] == [1, 2, 3]
    statuses = {mail.id: mail.status for mail in mails(db_url)}
    assert [statuses[number] for number in range(1, 6)] == [DeliveryStatus.HELD] * 3 + [
        DeliveryStatus.UNCERTAIN,
        DeliveryStatus.SENT,
    ]

    async def live_on() -> None:
        db = open_database(db_url)
        await db.write(lambda tx: recipients.sync(tx, "AI 日报", [], NOW))
        await db.write(outbox.hold_unwanted, NOW)
        await lapse(db=db, now=LATER)
        await db.write(lambda tx: recipients.sync(tx, "AI 日报", ["reader@example.org"], LATER))
        assert await db.write(outbox.release_wanted, LATER) == 0
        await db.write(outbox.prune, LATER + timedelta(days=999))
        assert not await db.read(outbox.anything_due, LATER, [*{mail.route for mail in held}])
        assert await db.read(outbox.restored) == [1, 2, 3]
        expires = LATER + timedelta(days=2)
        assert await db.write(release, 1, LATER, expires) == ""
        assert await db.write(release, 2, LATER, expires) == ""
        assert await db.write(outbox.cancel, 3)
        assert "mail 1 is not held until it is released" in await db.write(release, 1, LATER, expires)
        assert await db.read(outbox.restored) == []
        rows = {mail.id: mail for mail in await db.read(outbox.listing, status=None, limit=10)}
        assert [rows[number].status for number in (1, 2, 3)] == [
            DeliveryStatus.WAITING,
            DeliveryStatus.UNCERTAIN,
            DeliveryStatus.CANCELLED,
        ]
        assert (rows[1].next_attempt_at, rows[1].expires_at) == (LATER, expires)
        await db.close()

    asyncio.run(live_on())


def test_a_mail_to_somebody_who_has_left_is_not_released(db_url: str, backups: Path, tmp_path: Path) -> None:
    file = backed_up(db_url, backups)
    restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    change(db_url, lambda tx: recipients.add_left(tx, "AI 日报", ["reader@example.org"], NOW))
    assert "not in config.toml" in change(db_url, lambda tx: release(tx, 1, LATER, LATER))


def test_nothing_is_restored_under_a_running_service(db_url: str, backups: Path, tmp_path: Path) -> None:
    file = backed_up(db_url, backups)
    beat(db_url)
    with pytest.raises(StoreError, match=r"a service runs on it, process 7 on news-host\. Stop it first"):
        restore(db_url, file, folder=tmp_path, now=NOW, report=no_report)
    assert count(db_url) == 3
    restore(db_url, file, folder=tmp_path, now=NOW + timedelta(minutes=2), report=no_report)
    assert count(db_url) == 2


def test_a_backup_is_restored_where_there_is_nothing(
    kind: str, db_url: str, other_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    restored = restore(other_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert restored.kept is None
    assert count(other_url) == 2
    fill(other_url, "大模型续篇")
    assert change(other_url, lambda tx: entries.newest_seq(tx)) == 3, "numbers go on"


@SQLITE
def test_a_backup_of_an_earlier_version_is_brought_to_this_one_on_a_copy(
    empty_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backups / "old.db"
    make_older(url_of(file), "0009")
    before = file.read_bytes()
    restored = restore(empty_url, file, folder=tmp_path, now=NOW, report=no_report)
    assert restored.migrated
    assert restored.known_until is None
    assert schema.revision_of(engines.parse_url(empty_url)) == schema.HEAD
    assert file.read_bytes() == before


def test_a_database_of_an_earlier_version_is_replaced_unless_its_service_runs(
    kind: str, empty_url: str, other_url: str, backups: Path, tmp_path: Path
) -> None:
    source = other_url if kind == "postgres" else url_of(tmp_path / "source.db")
    file = backed_up(source, backups)
    make_older(
        empty_url,
        "0010",
        "INSERT INTO services (id, host, pid, version, started_at, beat_at, content_hash) "
        f"VALUES ('1', 'news-host', 7, '1', '{NOW:%Y-%m-%d %H:%M:%S.000000}', '{NOW:%Y-%m-%d %H:%M:%S.000000}', '')",
    )
    with pytest.raises(StoreError, match=r"a service runs on it, process 7 on news-host\. Stop it first"):
        restore(empty_url, file, folder=tmp_path, now=NOW, report=no_report)
    assert schema.revision_of(engines.parse_url(empty_url)) == "0010", "its service goes on"
    restore(empty_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert count(empty_url) == 2


def test_of_a_database_of_an_earlier_version_is_told_that_it_is_one_when_it_is_copied(
    kind: str, empty_url: str, other_url: str
) -> None:
    make_older(empty_url, "0010")
    with pytest.raises(StoreError, match=f"its tables are at 0010, not {schema.HEAD}"):
        copy_store(empty_url, other_url, now=NOW, report=no_report)


@SQLITE
def test_what_is_no_backup_or_a_newer_one_is_refused(db_url: str, backups: Path, tmp_path: Path) -> None:
    file = backed_up(db_url, backups)

    def refused(file: Path, match: str) -> None:
        with pytest.raises(StoreError, match=match):
            restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
        assert count(db_url) == 3

    refused(backups / "absent.db", "there is no such file")
    (backups / "text.db").write_text(
        "no database at all, but long enough to be taken for a page of one" * 100
    )
    refused(backups / "text.db", r"text\.db is no backup of this program")
    (backups / "torn.db").write_bytes(file.read_bytes()[:100] + b"\xff" * 8092)
    refused(backups / "torn.db", r"torn\.db is no backup: ")
    (backups / "empty.db").touch()
    refused(backups / "empty.db", "there is nothing in it")
    refused(tmp_path / "monitor.db", "is the database itself")
    with sqlite3.connect(file) as connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    refused(file, "made by a newer version of monitor: its tables are at 9999")
    assert list(tmp_path.glob("*before-restore*")) == []


@SQLITE
def test_a_damaged_database_is_set_aside_with_its_log(db_url: str, backups: Path, tmp_path: Path) -> None:
    file = backed_up(db_url, backups)
    left_open = sqlite3.connect(tmp_path / "monitor.db")
    left_open.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    (tmp_path / "monitor.db").write_bytes(b"damaged " * 1000)
    assert (tmp_path / "monitor.db-wal").exists()
    restored = restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    left_open.close()
    assert count(db_url) == 2
    assert restored.kept
    assert restored.kept.read_bytes().startswith(b"damaged")
    assert restored.kept.with_name(restored.kept.name + "-wal").exists()


@SQLITE
def test_a_database_that_somebody_has_open_is_not_replaced(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    with sqlite3.connect(tmp_path / "monitor.db") as reader:
        reader.execute("SELECT count(*) FROM entries").fetchone()
        with pytest.raises(StoreError, match="another program has it open"):
            restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    reader.close()
    assert count(db_url) == 3
    writer = sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"another program has it open|locked"):
        restore(f"{db_url}?timeout=0", file, folder=tmp_path, now=LATER, report=no_report)
    writer.close()
    restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)


@SQLITE
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_restores_belongs_to_whom_the_database_belonged(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    os.chown(tmp_path / "monitor.db", 12345, 12345)
    restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert (tmp_path / "monitor.db").stat().st_uid == 12345


def killed_at_restore(url: str, file: Path, folder: Path) -> int:
    restore(url, file, folder=folder, now=LATER, report=die)
    return 0


def killed_late(url: str, file: Path, folder: Path) -> int:
    """Die in the last step that reports: on PostgreSQL within the transaction that replaces the rows."""

    def die_at_the_end(done: int, total: int) -> None:
        if done == total and total > 0 and len(seen) == 2:
            die(done, total)
        if done == total:
            seen.append(total)

    seen: list[int] = []
    restore(url, file, folder=folder, now=LATER, report=die_at_the_end)
    return 0


def test_killed_in_the_middle_a_restore_has_changed_nothing(
    db_url: str, kind: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    # A file is put in place at once: there is no later moment.
    for work in (killed_at_restore,) if kind == "sqlite" else (killed_at_restore, killed_late):
        with ForkedProcess(work, db_url, file, tmp_path) as process:
            assert process.wait(60) == -signal.SIGKILL
        assert count(db_url) == 3
    restore(db_url, file, folder=tmp_path, now=LATER + timedelta(days=1), report=no_report)
    assert count(db_url) == 2


def test_without_room_for_a_restore_nothing_has_changed(db_url: str, backups: Path, tmp_path: Path) -> None:
    fill_much(db_url)
    file = backed_up(db_url, backups)
    with ForkedProcess(restore_without_room, db_url, file, tmp_path) as process:
        assert process.wait(60) == 3
    assert count(db_url) == 303
    assert [left for left in others(tmp_path) if left.endswith(".part")] == []
    assert list(tmp_path.glob("*before-restore*")) == []


# --- copies -----------------------------------------------------------------------------------------


def test_a_copy_has_every_row_and_goes_on_numbering_where_the_other_one_was(
    db_url: str, other_url: str, tmp_path: Path
) -> None:
    fill(db_url)
    fill_much(db_url)

    def delete_last(tx: Connection) -> None:
        tx.execute(tables.entries.delete().where(tables.entries.c.seq == 302))

    change(db_url, delete_last)
    done: list[tuple[int, int]] = []
    rows = copy_store(db_url, other_url, now=NOW, report=lambda *share: done.append(share))
    assert rows["entries"] == 301
    assert done[-1][0] == done[-1][1] == sum(rows.values())
    assert mails(other_url) == mails(db_url)
    for table in tables.metadata.sorted_tables:
        assert rows_of(db_url, table) == rows_of(other_url, table), table.name
    fill(other_url, "大模型续篇")
    assert change(other_url, lambda tx: entries.newest_seq(tx)) == 303, "302 is never given twice"


def test_a_copy_of_a_copy_is_the_same_database(db_url: str, other_url: str, tmp_path: Path) -> None:
    fill(db_url)
    copy_store(db_url, other_url, now=NOW, report=no_report)
    back = url_of(tmp_path / "back.db")
    copy_store(other_url, back, now=NOW, report=no_report)
    assert mails(back) == mails(db_url)
    assert (tmp_path / "back.db").stat().st_mode & 0o777 == 0o600


def test_only_an_empty_database_is_copied_into(db_url: str, other_url: str) -> None:
    fill(db_url)
    fill(other_url, "大模型在此")
    with pytest.raises(StoreError, match=r"is not empty \(.*entries: 1.*\)\. Nothing was copied"):
        copy_store(db_url, other_url, now=NOW, report=no_report)
    assert count(other_url) == 1


def test_a_database_that_a_service_works_on_is_not_copied(db_url: str, other_url: str) -> None:
    fill(db_url)
    beat(db_url)
    with pytest.raises(StoreError, match="a service runs on it"):
        copy_store(db_url, other_url, now=NOW, report=no_report)


def test_rows_that_arrive_otherwise_than_they_left_are_not_taken_for_a_copy(
    db_url: str, other_url: str, kind: str
) -> None:
    fill(db_url)
    function = (
        "CREATE TRIGGER spoil AFTER INSERT ON entries BEGIN UPDATE entries SET title = 'x' WHERE seq = new.seq; END"
        if kind == "postgres"  # the other one is SQLite
        else "CREATE RULE spoil AS ON INSERT TO matches DO INSTEAD NOTHING"
    )
    change(other_url, lambda tx: tx.execute(text(function)) and None)
    with pytest.raises(StoreError, match=r"table (entries|matches) was not copied as it is, so nothing was"):
        copy_store(db_url, other_url, now=NOW, report=no_report)
    assert copying.is_empty(engines.parse_url(other_url))


def killed_at_copy(source: str, target: str) -> int:
    def die_late(done: int, total: int) -> None:
        if done > total / 2:
            die(done, total)

    copy_store(source, target, now=NOW, report=die_late)
    return 0


def test_killed_in_the_middle_a_copy_is_empty(db_url: str, other_url: str) -> None:
    fill(db_url)
    fill_much(db_url)
    with ForkedProcess(killed_at_copy, db_url, other_url) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert copying.is_empty(engines.parse_url(other_url))
    assert copy_store(db_url, other_url, now=NOW, report=no_report)["entries"] == 302


@POSTGRES
def test_without_room_for_a_copy_there_is_none(db_url: str, other_url: str, tmp_path: Path) -> None:
    fill_much(db_url)
    with ForkedProcess(copy_without_room, db_url, other_url) as process:
        assert process.wait(60) == 3
    assert list(tmp_path.glob("other.db*")) == []


@POSTGRES
def test_a_file_that_a_failed_copy_has_made_is_taken_away(
    db_url: str, other_url: str, tmp_path: Path
) -> None:
    fill(db_url)

    def fail(_done: int, _total: int) -> None:
        raise MonitorError("enough")

    with pytest.raises(MonitorError, match="enough"):
        copy_store(db_url, other_url, now=NOW, report=fail)
    assert not (tmp_path / "other.db").exists()


# --- what lies beside a file ------------------------------------------------------------------------


def stale_log(url: str, file: Path) -> Path:
    """Leave the log of another database beside a place, as after `rm monitor.db`."""
    other = file.with_name("stale.db")
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE stale (a)")
    connection.commit()
    log = file.with_name(f"{file.name}-wal")
    log.write_bytes(other.with_name("stale.db-wal").read_bytes())
    connection.close()
    other.unlink()
    return log


@SQLITE
def test_a_log_that_was_left_behind_is_not_written_into_a_restored_database(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    (tmp_path / "monitor.db").unlink()
    stale_log(db_url, tmp_path / "monitor.db")
    restored = restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert restored.kept is None
    assert count(db_url) == 2
    with sqlite3.connect(tmp_path / "monitor.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'stale'").fetchone() == (
            0,
        )
    connection.close()


@SQLITE
def test_a_backup_that_somebody_works_on_is_not_replaced(db_url: str, backups: Path) -> None:
    file = backed_up(db_url, backups)
    stale_log(db_url, file)
    with pytest.raises(StoreError, match="another program has it open"):
        back_up(db_url, file, force=True, report=no_report)


@SQLITE
def test_a_database_behind_a_symbolic_link_is_replaced_where_it_is(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    real = tmp_path / "disk" / "real.db"
    real.parent.mkdir()
    (tmp_path / "monitor.db").rename(real)
    (tmp_path / "monitor.db").symlink_to(real)
    restored = restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert (tmp_path / "monitor.db").is_symlink()
    assert restored.kept
    assert restored.kept.parent == real.parent
    assert (count(db_url), count(url_of(restored.kept))) == (2, 3)


@SQLITE
def test_after_an_upgrade_the_old_version_restores_its_backup(
    db_url: str, backups: Path, tmp_path: Path
) -> None:
    file = backed_up(db_url, backups)
    with sqlite3.connect(tmp_path / "monitor.db") as connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    restore(db_url, file, folder=tmp_path, now=LATER, report=no_report)
    assert count(db_url) == 2


@POSTGRES
def test_a_database_of_a_newer_version_is_left_alone(db_url: str, other_url: str, tmp_path: Path) -> None:
    fill(other_url)
    version = f"UPDATE {schema.VERSION_TABLE} SET version_num = "
    change(db_url, lambda tx: tx.execute(text(f"{version} '9999'")) and None)
    try:
        with pytest.raises(StoreError, match="written by a newer version"):
            restore(db_url, tmp_path / "other.db", folder=tmp_path, now=LATER, report=no_report)
    finally:  # the next test gets the same database
        engine = engines.writing(engines.parse_url(db_url))
        with engine.begin() as tx:
            tx.execute(text(f"{version} '{schema.HEAD}'"))
        engine.dispose()


def left(url: str) -> None:
    """Record that a recipient has left, and make a key."""

    def store(tx: Connection) -> None:
        choose_for(
            tx, "AI 日报", "reader@example.org", Decision(wish=Wish.UNSUBSCRIBE), ChangedBy.OPERATOR, NOW
        )
        choices.signing_key(tx, NOW)

    change(url, store)


def key_and_choice(url: str) -> tuple[object, bool]:
    def look(tx: Connection) -> tuple[object, bool]:
        choice = choices.of(tx, "AI 日报", "reader@example.org")
        key = choices.newest_key(tx)
        return key and key.secret, bool(choice and choice.unsubscribed_at)

    return change(url, look)


def test_choices_and_keys_stand_in_a_backup(db_url: str, tmp_path: Path) -> None:
    fill(db_url, "大模型一")
    left(db_url)
    secret, _ = key_and_choice(db_url)
    back_up(db_url, tmp_path / "a backup.db", force=False, report=no_report)
    change(db_url, lambda tx: tx.execute(tables.choices.delete()) and tx.execute(tables.token_keys.delete()))
    restore(db_url, tmp_path / "a backup.db", folder=tmp_path, now=LATER, report=no_report)
    assert key_and_choice(db_url) == (secret, True)
    # Numbers go on after those of the backup: a link never comes to mean somebody else.
    made = change(db_url, lambda tx: choices.ensure(tx, "AI 日报", ["other@example.org"]))
    assert made["other@example.org"].number == 2


def test_a_mail_of_the_backup_to_who_has_left_since_is_not_released(db_url: str, tmp_path: Path) -> None:
    fill(db_url, "大模型一")
    back_up(db_url, tmp_path / "a backup.db", force=False, report=no_report)
    (held,) = restore(db_url, tmp_path / "a backup.db", folder=tmp_path, now=LATER, report=no_report).held
    left(db_url)
    reason = change(db_url, lambda tx: release(tx, held.id, LATER, LATER + timedelta(days=1)))
    assert reason == f"mail {held.id} is not released: the recipient has unsubscribed."


def test_a_copy_has_choices_and_keys(db_url: str, tmp_path: Path) -> None:
    fill(db_url, "大模型一")
    left(db_url)
    target = f"sqlite:///{tmp_path}/copy.db"
    copy_store(db_url, target, now=LATER, report=no_report)
    assert key_and_choice(target) == key_and_choice(db_url)
