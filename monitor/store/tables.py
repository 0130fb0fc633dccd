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
    false,
    text,
)

from monitor.model.digests import DigestKind
from monitor.model.mail import Route
from monitor.store.dialects import Hits, Instant, Names, Words

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

# SQLite counts only in a column that is called INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

_EMPTY = text("''")  # the default of a text: Alembic takes "" for none

# The poll state of each feed: when it is polled next, and how its last polls went.
# `key` is the url it was first polled by: other tables name it so, and it stays when the url changes.
feeds = Table(
    "feeds",
    metadata,
    Column("key", Words, primary_key=True),
    Column("url", Words, nullable=False),
    Column("name", Words, nullable=False, server_default=_EMPTY),  # as registered last
    Column(
        "moved_from", Words, nullable=False, server_default=_EMPTY
    ),  # its url until a visit to this one succeeds
    Column("title", Words, nullable=False),
    Column("etag", Words, nullable=False),
    Column("last_modified", Words, nullable=False),
    Column("next_poll_at", Instant, nullable=False),
    Column("visited", Instant),
    Column("attempted_at", Instant),  # the last poll: when it was begun or has ended
    Column("failures", Integer, nullable=False),
    Column("last_error", Words, nullable=False),
    Column(
        "failed_by", Text, nullable=False, server_default=_EMPTY
    ),  # FailureKind of the last poll; "" after an answer
    Column("retry_after", Instant),  # before this instant the server does not want to be asked
    Column("reach", Text, nullable=False, server_default=_EMPTY),  # as in FeedSettings, registered last
    Column("limits", Text, nullable=False, server_default=_EMPTY),  # as in FeedSettings, registered last
    Column("interval", Float, nullable=False, server_default="0"),  # seconds: as in FeedSettings
    Column("content_hash", Text, nullable=False, server_default=_EMPTY),  # as in PollState
    Column("demand", Text, nullable=False, server_default=_EMPTY),  # as in FeedSettings
    Column("document_at", Instant),  # the last good answer that was no 304
    Column("changed_at", Instant),  # the last one that brought a new entry
    Column("fresh_until", Instant),
    Column("gap", Float),  # seconds, as `dated` of the Rhythm; NULL: too few dates to tell
    Column("dated", Integer, nullable=False, server_default="0"),
    Column("hint_interval", Float),  # seconds: as the next two of the Hints
    Column("skip_hours", Text, nullable=False, server_default=_EMPTY),  # "0 1 23"
    Column("skip_days", Text, nullable=False, server_default=_EMPTY),  # "6 7"
    Column("ids_change", Boolean, nullable=False, server_default=false()),  # as in RegisteredFeed
    # As in PollState, all of these.
    Column("asks", Words, nullable=False, server_default=_EMPTY),
    Column("redirected_to", Words, nullable=False, server_default=_EMPTY),
    Column("redirects", Integer, nullable=False, server_default="0"),
    Column("gone", Integer, nullable=False, server_default="0"),
    Column("gone_since", Instant),
    Column("stopped", Boolean, nullable=False, server_default=false()),
    Column(
        "validators_of", Words, nullable=False, server_default=_EMPTY
    ),  # the url that gave etag and last_modified
    Column("failing_since", Instant),
    Column("failing_for", Float, nullable=False, server_default="0"),  # seconds
    Column("others_at", Instant),
    Column("ahead", Float),  # seconds
    UniqueConstraint("url"),
    Index("ix_feeds_due", "next_poll_at"),
)

# What feeds said. `seq` counts arrivals and is never given twice, not even when the last entry is deleted.
entries = Table(
    "entries",
    metadata,
    Column("seq", _Number, primary_key=True),
    Column("feed_url", Words, nullable=False),  # the feed's key
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
    Column("news", Boolean, nullable=False),  # False: held back
    Column("judged_by", Text, nullable=False),  # the fingerprint of the ruleset that judged it last
    Column("edition", Integer, nullable=False, server_default="1"),  # counts the titles the entry has had
    Column("replaced", Boolean, nullable=False, server_default=false()),  # by a later edition
    Column("pruned", Boolean, nullable=False, server_default=false()),  # its texts and matches are gone
    UniqueConstraint("feed_url", "id", "edition"),
    Index("ix_entries_story", "story"),
    sqlite_autoincrement=True,
)

# What prune has still to look at. Only an index whose condition is the query's own finds them.
is_whole = ~entries.c.pruned
# It is as partial on PostgreSQL (see the migration). To say so here would load that dialect, at every start.
Index("ix_entries_whole", entries.c.first_seen, sqlite_where=is_whole)

# Every name of an entry in its feed: its id and its aliases.
entry_keys = Table(
    "entry_keys",
    metadata,
    Column("feed_url", Words, nullable=False),  # the feed's key
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

# How far each subscription has come. `key` is its first name: other tables name it so, and it stays when it is renamed.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("key", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("cursor", _Number, nullable=False),
    Column("last_slot", Text, nullable=False),
    Column("last_at", Instant),
    Column("schedule", Text, nullable=False, server_default=_EMPTY),  # as registered last
    Column("gone_at", Instant),  # when config.toml was first seen without it
    Column(
        "lapsed", Boolean, nullable=False, server_default=false()
    ),  # a day ago: it begins anew when it returns
    UniqueConstraint("name"),
)

# Who receives a subscription, as registered last, and how many digests in a row each has refused.
recipients = Table(
    "recipients",
    metadata,
    Column("subscription", Words, nullable=False),
    Column("address", Words, nullable=False),  # of the envelope, without a display name
    Column("gone_at", Instant),  # when config.toml was first seen without it
    Column("lapsed", Boolean, nullable=False, server_default=false()),  # a day ago: nothing is owed any more
    Column(
        "refusals", Integer, nullable=False, server_default="0"
    ),  # digests in a row refused for good, or bounced
    Column("reason", Words, nullable=False, server_default=_EMPTY),  # the server's words at the last refusal
    Column(
        "taken", Integer, nullable=False, server_default="0"
    ),  # digests since that, none of which came back
    Column("new", Boolean, nullable=False, server_default=false()),  # still to get a first issue
    PrimaryKeyConstraint("subscription", "address"),
)

# To which addresses nothing goes, whoever is in config.toml.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address", Words, nullable=False),  # in small letters: any spelling of it is meant
    Column("subscription", Words, nullable=False, server_default=_EMPTY),  # its key; "": all
    Column("at", Instant, nullable=False),
    Column("decided_by", Text, nullable=False),  # a SuppressedBy
    Column("reason", Words, nullable=False, server_default=_EMPTY),
    Column(
        "content_hash", Text, nullable=False, server_default=_EMPTY
    ),  # until config.toml has another one; "": until it is removed
    PrimaryKeyConstraint("address", "subscription"),
)

# What a recipient chose about a subscription. Tokens name its number; no row is ever deleted.
choices = Table(
    "choices",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("subscription", Words),  # its key; NULL for a row that goes on in another one
    Column("address", Words, nullable=False),  # the key of the mailbox: one for all spellings of an address
    Column("signed_for", Words, nullable=False),  # the key that its tokens are signed for: it never changes
    Column("goes_on", _Number),  # the row of the same recipient, where two subscriptions became one
    Column("unsubscribed_at", Instant),
    Column("paused_until", Instant),
    Column("without", Names, nullable=False, server_default=text("'[]'")),  # names of rules
    Column("changed_at", Instant),  # NULL: nothing was chosen yet
    Column("changed_by", Text, nullable=False, server_default=_EMPTY),  # a ChangedBy
    UniqueConstraint("subscription", "address"),
    sqlite_autoincrement=True,
)

# What tokens are signed with. The newest key signs; tokens of older ones stay good.
token_keys = Table(
    "token_keys",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# A mail's content: a part of a digest of a subscription, or a notice, whose subscription is "".
digests = Table(
    "digests",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("subscription", Words, nullable=False),
    Column("slot", Text, nullable=False),
    Column("part", Integer, nullable=False, server_default="1"),  # counts the rows of a slot
    Column("at", Instant, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("ruleset", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=DigestKind.DIGEST.value),
    Column(
        "archived", Boolean, nullable=False, server_default=false()
    ),  # its issue has its page, or can have none any more
    UniqueConstraint("subscription", "slot", "part"),
    sqlite_autoincrement=True,
)

# The pages of the archive: one an issue, whatever its parts.
archive = Table(
    "archive",
    metadata,
    Column("digest_id", _Number, nullable=False, autoincrement=False),  # of its first part
    Column("subscription", Words, nullable=False),
    Column("at", Instant, nullable=False),  # as it was when the page was made first
    Column("uid", Text, nullable=False),  # its id in the Atom feed
    Column("page", Text, nullable=False),  # the file, within the archive
    Column("title", Words, nullable=False),
    Column("items", Integer, nullable=False),
    Column("content", Words, nullable=False, server_default=_EMPTY),  # HTML, of those the Atom feed has
    Column("listed", Boolean, nullable=False, server_default=false()),  # in the index and in the Atom feed
    PrimaryKeyConstraint("digest_id"),
)

# The entries whose title and link stand in a digest: what comes back when its mail is given up.
digest_entries = Table(
    "digest_entries",
    metadata,
    Column("digest_id", _Number, nullable=False),
    Column("seq", _Number, nullable=False),
    Column("returns", Integer, nullable=False, server_default="0"),  # how often it had come back before
    Column("lead", _Number),  # the entry under which it stands, as a copy of its story; NULL: none
    PrimaryKeyConstraint("digest_id", "seq"),
)

# An entry that a recipient is still to get, in the next digest of the subscription.
owed = Table(
    "owed",
    metadata,
    Column("subscription", Words, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("seq", _Number, nullable=False),
    Column("returns", Integer, nullable=False, server_default="0"),
    Column("since", Instant, nullable=False),
    PrimaryKeyConstraint("subscription", "recipient", "seq"),
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
    Column("route", Text, nullable=False, server_default=Route.SMTP.value),
    Column("status", Text, nullable=False),
    Column("cause", Text, nullable=False, server_default=_EMPTY),  # a SendCause: why its last attempt failed
    Column("phase", Text, nullable=False),
    Column("reached_dot", Boolean, nullable=False, server_default=false()),  # in any attempt: its bytes stay
    Column("attempts", Integer, nullable=False),
    Column("uncertain", Integer, nullable=False),  # attempts that may have delivered it
    Column(
        "interrupted", Integer, nullable=False, server_default="0"
    ),  # those of them that we broke off ourselves
    Column("attempted_at", Instant),  # the last attempt: when it was begun or has ended
    Column("next_attempt_at", Instant),  # NULL: not tried again by itself
    Column("failing_since", Instant),  # the first failure after the last success or edit
    Column(
        "failing_awake", Float, nullable=False, server_default="0"
    ),  # seconds of it that the machine was awake
    Column("lease_until", Instant),
    Column("claim", Text, nullable=False),
    Column("server", Words, nullable=False, server_default=_EMPTY),  # it is being handed to this one
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("held_since", Instant),  # its recipient or subscription is not in config.toml
    Column("last_reply", Words, nullable=False),
    Column("seen", Boolean, nullable=False, server_default=false()),  # by the operator, that it was given up
    Column("bounced_at", Instant),  # when a bounce of it was read that says it was not delivered
    Column("urgent", Boolean, nullable=False, server_default=false()),  # it goes before those that are not
    UniqueConstraint("message_id"),
    UniqueConstraint("digest_id", "recipient"),
    Index("ix_outbox_due", "status", "route", "urgent", "next_attempt_at", "id"),
    Index("ix_outbox_attempts", "server", "attempted_at"),
    sqlite_autoincrement=True,
)

# Every try to hand a mail over; of one that is tried very often the first and the last are kept.
attempts = Table(
    "attempts",
    metadata,
    Column("outbox_id", _Number, nullable=False, autoincrement=False),
    Column("number", Integer, nullable=False),  # counts those of its mail
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),  # NULL: it is under way, or was killed and not yet recovered
    Column("server", Words, nullable=False, server_default=_EMPTY),  # host:port; "" for a Maildir
    Column("outcome", Text, nullable=False, server_default=_EMPTY),  # an AttemptOutcome
    Column("code", Integer),  # of the server's reply
    Column("reply", Words, nullable=False, server_default=_EMPTY),
    Column("stage", Text, nullable=False, server_default=_EMPTY),  # as in Attempt
    PrimaryKeyConstraint("outbox_id", "number"),
)

# The state of a mail server, shared by every process that sends through it.
relays = Table(
    "relays",
    metadata,
    Column("server", Words, primary_key=True),  # host:port
    Column("settings", Text, nullable=False),  # a hash of [smtp], password and certificates included
    Column("failures", Integer, nullable=False),  # in a row
    Column("login_refusals", Integer, nullable=False),  # in a row
    Column("since", Instant),  # the first failure of the row
    Column("next_probe_at", Instant),  # NULL: mails are sent as they are due
    Column("reason", Words, nullable=False),
)

# The heartbeat of each running service.
services = Table(
    "services",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Words, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("content_hash", Text, nullable=False),  # of the configuration in force
    Column("ended_at", Instant),  # it was told to stop; NULL: it beats, or was killed
)

# What the operator is told: one row a trouble, until some time after it is over.
notices = Table(
    "notices",
    metadata,
    Column("kind", Text, nullable=False),  # a NoticeKind
    Column(
        "subject", Words, nullable=False
    ),  # what it is about: a feed's key, an address, "" where there is only one
    Column("content", Words, nullable=False),  # told again when it differs from `told`
    Column("details", Words, nullable=False, server_default=_EMPTY),  # shown with it, and not told again
    Column(
        "address", Words, nullable=False, server_default=_EMPTY
    ),  # cannot be reached: gets no mail about it
    Column("since", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),  # since when the content is what it is
    Column("told", Words),  # the content that the operator knows of; NULL: none
    Column("told_at", Instant),
    Column("over_at", Instant),
    Column("over_told_at", Instant),
    PrimaryKeyConstraint("kind", "subject"),
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
