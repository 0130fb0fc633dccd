import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text

import monitor.store
from monitor.errors import SchemaError
from monitor.model.feeds import Hints
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import (
    digests,
    entries,
    feeds,
    pruned,
    recipients,
    schema,
    subscriptions,
    suppressions,
    tables,
)
from monitor.store.database import Connection, Database, open_database
from monitor.store.tables import metadata
from tests import make
from tests.command import unmeasured_environ
from tests.make import NOW

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
OURS = sorted([*metadata.tables, schema.VERSION_TABLE])


def names(tx: Connection) -> list[str]:
    return sorted(inspect(tx).get_table_names())


def opened(url: str, *, migrate: bool = True) -> list[str]:
    """The tables of a database that was opened and closed."""
    db = open_database(url, migrate=migrate)
    tables_there = asyncio.run(db.read(names))
    asyncio.run(db.close())
    return tables_there


def run(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as tx:
        tx.execute(text(statement))
    engine.dispose()


async def test_the_migrations_make_the_tables_of_tables_py(db: Database) -> None:
    def differences(tx: Connection) -> object:
        options = {
            "version_table": schema.VERSION_TABLE,
            "compare_type": True,
            "compare_server_default": True,
        }
        return compare_metadata(MigrationContext.configure(tx, opts=options), metadata)

    assert await db.read(differences) == []


@SQLITE
async def test_the_migrations_make_them_word_for_word(db: Database, tmp_path: Path) -> None:
    """Primary keys and AUTOINCREMENT too, which Alembic does not compare."""

    def words(tx: Connection) -> set[str]:
        # A column that was added later stands in the same line as the one before.
        return {
            " ".join(sql.split())
            for sql in tx.scalars(text("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))
        }

    engine = create_engine(f"sqlite:///{tmp_path}/other.db")
    with engine.begin() as tx:
        metadata.create_all(tx)
        expected = words(tx)
    engine.dispose()
    migrated = {sql for sql in await db.read(words) if schema.VERSION_TABLE not in sql}
    assert migrated == expected


def test_head_is_the_newest_migration() -> None:
    folder = Path(str(monitor.store.__file__)).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == schema.HEAD


def test_an_empty_database_gets_our_tables_and_keeps_them(empty_url: str) -> None:
    assert opened(empty_url) == OURS
    assert opened(empty_url, migrate=False) == OURS


def test_a_database_that_is_not_to_be_changed_must_be_ready(empty_url: str) -> None:
    with pytest.raises(
        SchemaError, match=r"database .* is not ready: .*\. Start the service or run \"monitor once\"$"
    ):
        open_database(empty_url, migrate=False)


@SQLITE
def test_looking_at_an_absent_file_does_not_make_it(empty_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="there is no such file yet"):
        open_database(empty_url, migrate=False)
    assert list(tmp_path.iterdir()) == []


def test_a_database_opened_for_reading_is_never_written(db_url: str) -> None:
    db = open_database(db_url, migrate=False)
    with pytest.raises(RuntimeError, match="was opened for reading"):
        asyncio.run(db.write(subscriptions.sync, ["s"], NOW))
    assert asyncio.run(db.read(subscriptions.states)) == []
    asyncio.run(db.close())


@SQLITE
def test_looking_at_a_file_changes_neither_it_nor_its_directory(db_url: str, tmp_path: Path) -> None:
    before = (tmp_path / "monitor.db").read_bytes()
    assert opened(db_url, migrate=False) == OURS
    assert [file.name for file in tmp_path.iterdir()] == ["monitor.db"]
    assert (tmp_path / "monitor.db").read_bytes() == before


@SQLITE
def test_looking_at_an_empty_file_does_not_fill_it(empty_url: str, tmp_path: Path) -> None:
    (tmp_path / "monitor.db").touch()
    with pytest.raises(SchemaError, match="it is empty"):
        open_database(empty_url, migrate=False)
    assert (tmp_path / "monitor.db").read_bytes() == b""


@pytest.mark.parametrize("migrate", [True, False])
def test_a_database_of_a_newer_version_is_left_alone(empty_url: str, migrate: bool) -> None:
    opened(empty_url)
    run(empty_url, f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(SchemaError, match="newer version of monitor: its tables are at 9999"):
        open_database(empty_url, migrate=migrate)


def test_a_database_of_somebody_else_is_left_alone(empty_url: str) -> None:
    run(empty_url, "CREATE TABLE recipes (title text)")
    with pytest.raises(SchemaError, match="belongs to something else: it has the tables recipes"):
        open_database(empty_url)
    run(empty_url, "DROP TABLE recipes")
    assert opened(empty_url) == OURS


def make_older(url: str, revision: str, *statements: str) -> None:
    """Give an empty database the tables of an earlier version, and rows."""
    folder = Path(str(monitor.store.__file__)).parent / "migrations"
    engine = create_engine(url)
    with engine.begin() as tx:
        config = Config(attributes={"connection": tx})
        config.set_main_option("script_location", str(folder))
        command.upgrade(config, revision)
        for statement in statements:
            tx.execute(text(statement))
    engine.dispose()


def test_a_database_of_the_first_version_keeps_what_it_has(empty_url: str) -> None:
    make_older(
        empty_url,
        "0001",
        "INSERT INTO subscriptions (name, created_at, cursor, last_slot) "
        "VALUES ('s', '2026-11-24 00:00:00.000000', 7, '')",
    )
    assert opened(empty_url) == OURS
    db = open_database(empty_url, migrate=False)
    state = asyncio.run(db.read(subscriptions.state, "s"))
    asyncio.run(db.close())
    assert state is not None
    assert state.cursor == 7


def test_what_was_put_forward_and_notices_are_kept_as_backfill_and_as_a_kind(empty_url: str) -> None:
    entry = (
        "INSERT INTO entries (feed_url, id, story, title, link, authors, sections, summary, text, original, "
        "first_seen, news, judged_by) VALUES ('f', '1', 's', 't', '', '[]', '[]', '', '', '', "
        "'2026-11-24 00:00:00.000000', {true}, 'r1')"
    ).format(true="1" if empty_url.startswith("sqlite") else "TRUE")
    digest = (
        "INSERT INTO digests (subscription, slot, at, entries, ruleset) "
        "VALUES ('{}', '{}', '2026-11-24 00:00:00.000000', 1, 'r1')"
    )
    make_older(
        empty_url,
        "0003",
        entry,
        "INSERT INTO put_forward (subscription, seq) SELECT 'AI 日报', seq FROM entries",
        digest.format("AI 日报", "at:2026-11-24T08:00"),
        digest.format("", "refused:2026-11-24T00:abc"),
    )
    with pytest.raises(SchemaError, match="its tables are at 0003, not "):
        open_database(empty_url, migrate=False)

    def kinds(tx: Connection) -> list[tuple[int, str, str]]:
        return [(row.id, row.slot, row.kind) for row in tx.execute(tables.digests.select())]

    async def kept() -> tuple[list[str], list[tuple[int, str, str]], int | None]:
        db = open_database(empty_url)
        try:
            backfill = [entry.title for _, entry in await db.read(digests.backfill_of, "AI 日报")]
            return backfill, await db.read(kinds), await db.write(digests.insert_notice, make.slot(), NOW)
        finally:
            await db.close()

    assert asyncio.run(kept()) == (
        ["t"],
        [(1, "at:2026-11-24T08:00", "digest"), (2, "refused:2026-11-24T00:abc", "notice")],
        3,
    )
    assert opened(empty_url, migrate=False) == OURS


def test_feeds_subscriptions_and_mails_get_their_keys_and_keep_their_numbers(empty_url: str) -> None:
    at = "'2026-11-24 00:00:00.000000'"
    mail = (
        "INSERT INTO outbox (id, digest_id, recipient, message_id, sender, date, raw, status, phase, attempts, "
        "uncertain, next_attempt_at, claim, created_at, expires_at, last_reply) "
        f"VALUES ({{0}}, 1, '{{0}}', '<{{0}}>', 's', {at}, '', 'waiting', '', {{1}}, 0, {at}, '', {at}, {at}, '')"
    )
    make_older(
        empty_url,
        "0004",
        "INSERT INTO feeds (url, title, etag, last_modified, next_poll_at, failures, last_error) "
        f"VALUES ('https://f', 't', 'e', '', {at}, 0, '')",
        f"INSERT INTO subscriptions (name, created_at, cursor, last_slot) VALUES ('s', {at}, 7, '')",
        "INSERT INTO digests (id, subscription, slot, at, entries, ruleset) "
        f"VALUES (1, 's', 'at:2026-11-24T08:00', {at}, 1, 'r1')",
        "INSERT INTO mailed (subscription, story, digest_id, seq) VALUES ('s', 'story', 1, 5)",
        mail.format(1, 0),
        mail.format(2, 1),
    )

    def rows(tx: Connection) -> list[object]:
        out, feeds, subscriptions = tables.outbox.c, tables.feeds.c, tables.subscriptions.c
        entries = tables.digest_entries.c
        return [
            tuple(tx.execute(select(feeds.key, feeds.url, feeds.etag)).one()),
            tuple(tx.execute(select(subscriptions.key, subscriptions.name, subscriptions.cursor)).one()),
            tuple(tx.execute(select(entries.digest_id, entries.seq, entries.returns)).one()),
            [tuple(row) for row in tx.execute(select(out.id, out.route, out.reached_dot).order_by(out.id))],
        ]

    db = open_database(empty_url)
    stored = asyncio.run(db.read(rows))
    asyncio.run(db.close())
    assert stored == [
        ("https://f", "https://f", "e"),
        ("s", "s", 7),
        (1, 5, 0),
        [(1, "smtp", False), (2, "smtp", True)],
    ]


def test_the_documents_of_feeds_known_before_count_as_of_their_last_visit(empty_url: str) -> None:
    at = "'2026-11-24 00:00:00.000000'"
    make_older(
        empty_url,
        "0005",
        "INSERT INTO feeds (key, url, title, etag, last_modified, next_poll_at, visited, failures, last_error) "
        f"VALUES ('https://f', 'https://f', 't', 'e', '', {at}, {at}, 0, '')",
    )
    db = open_database(empty_url)
    (state,) = asyncio.run(db.read(feeds.states))
    asyncio.run(db.close())
    assert state.document_at == state.visited == NOW
    assert (state.rhythm, state.hints, state.changed_at) == (None, Hints(), None)


def test_entries_of_before_have_their_texts_until_they_are_pruned(empty_url: str) -> None:
    true = "1" if empty_url.startswith("sqlite") else "TRUE"
    make_older(
        empty_url,
        "0007",
        "INSERT INTO entries (feed_url, id, story, title, link, authors, sections, summary, text, original, "
        "first_seen, news, judged_by) VALUES ('f', '1', 's', 't', '', '[]', '[]', '', 'text', '', "
        f"'2024-11-24 00:00:00.000000', {true}, 'r1')",
    )
    db = open_database(empty_url)
    before = asyncio.run(db.read(pruned.count, 0, 9))
    dropped = asyncio.run(db.write(pruned.drop_texts, NOW, 9))
    ((_, entry),) = asyncio.run(db.read(entries.of, [1]))
    asyncio.run(db.close())
    assert (before, dropped, entry.text) == (0, 1, "")


def test_who_was_suspended_is_suppressed(empty_url: str) -> None:
    at = "'2026-11-24 00:00:00.000000'"
    make_older(
        empty_url,
        "0011",
        "INSERT INTO recipients (subscription, address, refusals, suspended_at, suspended_under, reason) "
        f"VALUES ('s', 'Ann@example.org', 3, {at}, 'hash', '550 no'), ('s', 'bo@example.org', 1, NULL, '', '550')",
    )
    db = open_database(empty_url)
    listed = asyncio.run(db.read(suppressions.listing))
    present = asyncio.run(db.read(recipients.present, "s", ["Ann@example.org", "bo@example.org"]))
    asyncio.run(db.close())
    assert listed == [
        Suppression(
            address="ann@example.org",
            subscription="s",
            at=NOW,
            by=SuppressedBy.SERVER,
            reason="550 no",
            content_hash="hash",
        )
    ]
    assert present == {"bo@example.org"}


OPEN = """
import asyncio, sys
from monitor.store.database import open_database
asyncio.run(open_database(sys.argv[1]).close())
"""


def test_services_that_start_at_once_do_not_collide(empty_url: str) -> None:
    services = [
        subprocess.Popen([sys.executable, "-c", OPEN, empty_url], env=unmeasured_environ()) for _ in range(3)
    ]
    assert [service.wait(60) for service in services] == [0, 0, 0]
    assert opened(empty_url, migrate=False) == OURS


DIE = """
import os, signal, sys
from sqlalchemy import Engine, event
from monitor.store.database import open_database

@event.listens_for(Engine, "after_cursor_execute")
def die_half_way(connection, cursor, statement, *rest):
    if "CREATE TABLE matches" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

open_database(sys.argv[1])
"""


def test_killed_during_a_migration_nothing_is_half_done(empty_url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE, empty_url], timeout=60, env=unmeasured_environ())
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(SchemaError, match="it is empty"):
        open_database(empty_url, migrate=False)
    assert opened(empty_url) == OURS


def test_entries_and_their_ids_are_kept_and_known_without_tracking_parameters(empty_url: str) -> None:
    ids = ("https://a.test/1?utm_source=x", "https://a.test/2?id=7", "3", "https://a.test/4?utm_source=x b")
    true = "1" if empty_url.startswith("sqlite") else "TRUE"
    rows = [
        "INSERT INTO entries (feed_url, id, story, title, link, authors, sections, summary, text, original, "
        f"first_seen, news, judged_by) VALUES ('f', '{each}', 's', 't{number}', '', '[]', '[]', '', '', '', "
        f"'2026-11-24 00:00:00.000000', {true}, 'r1')"
        for number, each in enumerate(ids)
    ]
    keys = "INSERT INTO entry_keys (feed_url, key, seq) SELECT feed_url, id, seq FROM entries"
    taken = "INSERT INTO entry_keys (feed_url, key, seq) VALUES ('f', 'https://a.test/5', 99), "
    make_older(empty_url, "0006", *rows, keys, f"{taken} ('f', 'https://a.test/5?utm_id=1', 1)")

    async def known() -> dict[str, str]:
        db = open_database(empty_url)
        try:
            names = [*ids, *(f"https://a.test/{number}" for number in range(1, 6))]
            titles = {name: each.title for name, each in (await db.read(entries.known, "f", names)).items()}
            new = await db.write(entries.insert_new, [(make.entry(feed_url="f", id="new"), True)], "r1")
            return titles | {"new": str(new[0][0])}
        finally:
            await db.close()

    titles = asyncio.run(known())
    assert titles == {each: f"t{number}" for number, each in enumerate(ids)} | {
        "https://a.test/1": "t0",
        "new": "5",
    }
