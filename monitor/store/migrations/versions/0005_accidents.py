"""Give feeds and subscriptions keys that stay, and mails a route; keep recipients, debts, relays, services and notices.

An older service that still runs cannot register a feed or subscription any more, and says so; what it still
writes gets the defaults of the server.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")


def upgrade() -> None:
    _key_feeds()
    _key_subscriptions()
    _number_parts()
    _extend_outbox()
    _create_tables()
    op.execute("INSERT INTO digest_entries (digest_id, seq) SELECT DISTINCT digest_id, seq FROM mailed")


def _key_feeds() -> None:
    op.execute("CREATE TABLE old_feeds AS SELECT * FROM feeds")
    op.drop_table("feeds")
    op.create_table(
        "feeds",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("moved_from", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("last_modified", sa.Text, nullable=False),
        sa.Column("next_poll_at", INSTANT, nullable=False),
        sa.Column("visited", INSTANT),
        sa.Column("attempted_at", INSTANT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("failed_by", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("retry_after", INSTANT),
        sa.Column("reach", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("limits", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("interval", sa.Float, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("key", name="pk_feeds"),
        sa.UniqueConstraint("url", name="uq_feeds_url"),
    )
    op.create_index("ix_feeds_due", "feeds", ["next_poll_at"])
    columns = "url, title, etag, last_modified, next_poll_at, visited, failures, last_error"
    op.execute(f"INSERT INTO feeds (key, {columns}) SELECT url, {columns} FROM old_feeds")  # noqa: S608 - names of ours
    op.drop_table("old_feeds")


def _key_subscriptions() -> None:
    op.execute("CREATE TABLE old_subscriptions AS SELECT * FROM subscriptions")
    op.drop_table("subscriptions")
    op.create_table(
        "subscriptions",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("cursor", NUMBER, nullable=False),
        sa.Column("last_slot", sa.Text, nullable=False),
        sa.Column("last_at", INSTANT),
        sa.Column("schedule", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("gone_at", INSTANT),
        sa.Column("lapsed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("key", name="pk_subscriptions"),
        sa.UniqueConstraint("name", name="uq_subscriptions_name"),
    )
    columns = "name, created_at, cursor, last_slot, last_at"
    op.execute(f"INSERT INTO subscriptions (key, {columns}) SELECT name, {columns} FROM old_subscriptions")  # noqa: S608 - names of ours
    op.drop_table("old_subscriptions")


def _number_parts() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.add_column("digests", sa.Column("part", sa.Integer, nullable=False, server_default="1"))
        op.drop_constraint("uq_digests_subscription_slot", "digests")
        op.create_unique_constraint(
            "uq_digests_subscription_slot_part", "digests", ["subscription", "slot", "part"]
        )
        return
    # SQLite changes no constraint of a table that is there.
    _recreate(
        "digests",
        "id, subscription, slot, at, entries, ruleset, kind",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("part", sa.Integer, nullable=False, server_default="1"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("ruleset", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, server_default="digest"),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
        sa.UniqueConstraint("subscription", "slot", "part", name="uq_digests_subscription_slot_part"),
    )


def _extend_outbox() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for column in _new_outbox_columns().values():
            op.add_column("outbox", column)
        op.alter_column("outbox", "next_attempt_at", nullable=True)
    else:
        new = _new_outbox_columns()
        op.drop_index("ix_outbox_due")
        _recreate(
            "outbox",
            "id, digest_id, recipient, message_id, sender, date, raw, status, phase, attempts, uncertain, "
            "next_attempt_at, lease_until, claim, created_at, expires_at, sent_at, last_reply",
            sa.Column("id", NUMBER, nullable=False),
            sa.Column("digest_id", NUMBER, nullable=False),
            sa.Column("recipient", sa.Text, nullable=False),
            sa.Column("message_id", sa.Text, nullable=False),
            sa.Column("sender", sa.Text, nullable=False),
            sa.Column("date", INSTANT, nullable=False),
            sa.Column("raw", sa.LargeBinary, nullable=False),
            new["route"],
            sa.Column("status", sa.Text, nullable=False),
            new["cause"],
            sa.Column("phase", sa.Text, nullable=False),
            new["reached_dot"],
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("uncertain", sa.Integer, nullable=False),
            new["interrupted"],
            new["attempted_at"],
            sa.Column("next_attempt_at", INSTANT),
            new["failing_since"],
            new["failing_awake"],
            sa.Column("lease_until", INSTANT),
            sa.Column("claim", sa.Text, nullable=False),
            new["server"],
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("expires_at", INSTANT, nullable=False),
            sa.Column("sent_at", INSTANT),
            new["held_since"],
            sa.Column("last_reply", sa.Text, nullable=False),
            sa.PrimaryKeyConstraint("id", name="pk_outbox"),
            sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
            sa.UniqueConstraint("digest_id", "recipient", name="uq_outbox_digest_id_recipient"),
        )
        op.create_index("ix_outbox_due", "outbox", ["status", "next_attempt_at"])
    # What was tried before may have passed DATA: its bytes are not touched.
    op.execute(sa.text("UPDATE outbox SET reached_dot = :yes WHERE attempts > 0").bindparams(yes=True))


def _new_outbox_columns() -> dict[str, "sa.Column[object]"]:
    columns: list[sa.Column[object]] = [
        sa.Column("route", sa.Text, nullable=False, server_default="smtp"),
        sa.Column("cause", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("reached_dot", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("interrupted", sa.Integer, nullable=False, server_default="0"),
        sa.Column("attempted_at", INSTANT),
        sa.Column("failing_since", INSTANT),
        sa.Column("failing_awake", sa.Float, nullable=False, server_default="0"),
        sa.Column("server", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("held_since", INSTANT),
    ]
    return {column.name: column for column in columns}


def _recreate(table: str, columns: str, *definition: sa.schema.SchemaItem) -> None:
    """Make a table of SQLite anew with its rows; no number is given twice, of a deleted row either."""
    old = f"old_{table}"
    op.execute(f"CREATE TABLE {old} AS SELECT {columns} FROM {table}")  # noqa: S608 - names of ours
    op.execute(f"CREATE TABLE old_sequence AS SELECT seq FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608 - names of ours
    op.drop_table(table)
    op.create_table(table, *definition, sqlite_autoincrement=True)
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {old}")  # noqa: S608 - names of ours
    op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608 - names of ours
    op.execute(f"INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', seq FROM old_sequence")  # noqa: S608 - names of ours
    op.drop_table(old)
    op.drop_table("old_sequence")


def _create_tables() -> None:
    op.create_table(
        "recipients",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("gone_at", INSTANT),
        sa.Column("lapsed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("refusals", sa.Integer, nullable=False, server_default="0"),
        sa.Column("suspended_at", INSTANT),
        sa.Column("suspended_under", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("reason", sa.Text, nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("subscription", "address", name="pk_recipients"),
    )
    op.create_table(
        "digest_entries",
        sa.Column("digest_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("returns", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("digest_id", "seq", name="pk_digest_entries"),
    )
    op.create_table(
        "owed",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("returns", sa.Integer, nullable=False, server_default="0"),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "recipient", "seq", name="pk_owed"),
    )
    op.create_table(
        "relays",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("login_refusals", sa.Integer, nullable=False),
        sa.Column("since", INSTANT),
        sa.Column("next_probe_at", INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("server", name="pk_relays"),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_services"),
    )
    op.create_table(
        "notices",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("address", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("told", sa.Text),
        sa.Column("told_at", INSTANT),
        sa.Column("over_at", INSTANT),
        sa.Column("over_told_at", INSTANT),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_notices"),
    )
