"""Declare the tables.

config.toml says what to do; these say what happened. `migrations/` makes the same tables, step by step,
and a test compares the two. Rows that belong together are written in one transaction; there are no foreign
keys, because SQLite changes a table by dropping it, and would follow them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.model.digests import DigestKind
from monitor.store.dialects import Hits, Instant, Names, Words

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

# SQLite counts only in a column that is called INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

# The poll state of each feed: when it is polled next, and how its last polls went.
feeds = Table(
    "feeds",
    metadata,
    Column("url", Words, primary_key=True),
    Column("title", Words, nullable=False),
    Column("etag", Words, nullable=False),
    Column("last_modified", Words, nullable=False),
    Column("next_poll_at", Instant, nullable=False),
    Column("visited", Instant),
    Column("failures", Integer, nullable=False),
    Column("last_error", Words, nullable=False),
    Index("ix_feeds_due", "next_poll_at"),
)

# What feeds said. `seq` counts arrivals and is never given twice, not even when the last entry is deleted.
entries = Table(
    "entries",
    metadata,
    Column("seq", _Number, primary_key=True),
    Column("feed_url", Words, nullable=False),
    Column("id", Words, nullable=False),
    Column("story", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("link", Words, nullable=False),
    Column("authors", Names, nullable=False),
    Column("published", Instant),
    Column("sections", Names, nullable=False),
    Column("summary", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("original", Words, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("news", Boolean, nullable=False),  # False: older than the feed's first visit may reach back
    Column("judged_by", Text, nullable=False),  # the fingerprint of the ruleset that judged it last
    UniqueConstraint("feed_url", "id"),
    sqlite_autoincrement=True,
)

# Every name of an entry in its feed: its id and its aliases.
entry_keys = Table(
    "entry_keys",
    metadata,
    Column("feed_url", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("seq", _Number, nullable=False),
    PrimaryKeyConstraint("feed_url", "key"),
)

# An entry satisfies the rule with this fingerprint; nothing about recipients.
matches = Table(
    "matches",
    metadata,
    Column("seq", _Number, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("hits", Hits, nullable=False),
    PrimaryKeyConstraint("seq", "fingerprint"),
)

# How far each subscription has come.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("name", Words, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("cursor", _Number, nullable=False),
    Column("last_slot", Text, nullable=False),
    Column("last_at", Instant),
)

# A slot that made a mail: a digest of a subscription, or a notice, whose subscription is "".
digests = Table(
    "digests",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("subscription", Words, nullable=False),
    Column("slot", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("ruleset", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=DigestKind.DIGEST.value),
    UniqueConstraint("subscription", "slot"),
    sqlite_autoincrement=True,
)

# This story was mailed to the subscription; never again.
mailed = Table(
    "mailed",
    metadata,
    Column("subscription", Words, nullable=False),
    Column("story", Words, nullable=False),
    Column("digest_id", _Number, nullable=False),
    Column("seq", _Number, nullable=False),
    PrimaryKeyConstraint("subscription", "story"),
)

# An earlier entry is offered to the subscription's next digest.
backfill = Table(
    "backfill",
    metadata,
    Column("subscription", Words, nullable=False),
    Column("seq", _Number, nullable=False),
    PrimaryKeyConstraint("subscription", "seq"),
)

# One mail to one recipient, and how its delivery goes.
outbox = Table(
    "outbox",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("digest_id", _Number, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("sender", Words, nullable=False),
    Column("date", Instant, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("uncertain", Integer, nullable=False),  # attempts that may have delivered it
    Column("next_attempt_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("claim", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("last_reply", Words, nullable=False),
    UniqueConstraint("message_id"),
    UniqueConstraint("digest_id", "recipient"),
    Index("ix_outbox_due", "status", "next_attempt_at"),
    sqlite_autoincrement=True,
)

# Every ruleset that was in force, from when on. Versions count from 1; none is ever changed.
rulesets = Table(
    "rulesets",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("fingerprint", Text, nullable=False),  # what digests name in their column `ruleset`
    Column("text", Words, nullable=False),  # the part of config.toml about rules, as written
)
