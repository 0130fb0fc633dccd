"""Create the tables of the first version. This file never changes: the next change is the next file."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("last_modified", sa.Text, nullable=False),
        sa.Column("next_poll_at", INSTANT, nullable=False),
        sa.Column("visited", INSTANT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("url", name="pk_feeds"),
    )
    op.create_index("ix_feeds_due", "feeds", ["next_poll_at"])
    op.create_table(
        "entries",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("feed_url", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("story", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("authors", sa.Text, nullable=False),
        sa.Column("published", INSTANT),
        sa.Column("sections", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("original", sa.Text, nullable=False),
        sa.Column("first_seen", INSTANT, nullable=False),
        sa.Column("news", sa.Boolean, nullable=False),
        sa.Column("judged_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_entries"),
        sa.UniqueConstraint("feed_url", "id", name="uq_entries_feed_url_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entry_keys",
        sa.Column("feed_url", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("feed_url", "key", name="pk_entry_keys"),
    )
    op.create_table(
        "matches",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("hits", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", "fingerprint", name="pk_matches"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("cursor", NUMBER, nullable=False),
        sa.Column("last_slot", sa.Text, nullable=False),
        sa.Column("last_at", INSTANT),
        sa.PrimaryKeyConstraint("name", name="pk_subscriptions"),
    )
    op.create_table(
        "digests",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("ruleset", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
        sa.UniqueConstraint("subscription", "slot", name="uq_digests_subscription_slot"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "mailed",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("story", sa.Text, nullable=False),
        sa.Column("digest_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "story", name="pk_mailed"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("digest_id", NUMBER, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("date", INSTANT, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("uncertain", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("last_reply", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
        sa.UniqueConstraint("digest_id", "recipient", name="uq_outbox_digest_id_recipient"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_due", "outbox", ["status", "next_attempt_at"])
