"""Keep editions of entries, whether a feed's ids change, where it is asked, and whether it is gone; clean ids.

An entry whose id has tracking parameters gets its id without them as another name: it is known by that from here on.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")

TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|yclid|msclkid|igshid|spm|scm|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|ref_src|smid|"
    r"partner|emc|cmpid|wt_mc|at_medium|at_campaign|phpsessid|jsessionid|session_?id)(?:=|$)|sid=\w{16,}$",
    re.IGNORECASE,
)
SESSION_IN_PATH = re.compile(r";jsessionid=[\w.!-]*", re.IGNORECASE)


def upgrade() -> None:
    _extend_feeds()
    _extend_entries()
    op.create_index("ix_entries_story", "entries", ["story"])
    _clean_names()


def _extend_feeds() -> None:
    for column in (
        sa.Column("ids_change", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("asks", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("redirected_to", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("redirects", sa.Integer, nullable=False, server_default="0"),
        sa.Column("gone", sa.Integer, nullable=False, server_default="0"),
        sa.Column("gone_since", INSTANT),
        sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("feeds", column)
    op.execute("UPDATE feeds SET content_hash = ''")  # what was read gets the names that entries have now


def _extend_entries() -> None:
    columns = (
        sa.Column("edition", sa.Integer, nullable=False, server_default="1"),
        sa.Column("replaced", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    if op.get_bind().dialect.name == "postgresql":
        for column in columns:
            op.add_column("entries", column)
        op.drop_constraint("uq_entries_feed_url_id", "entries")
        op.create_unique_constraint(
            "uq_entries_feed_url_id_edition", "entries", ["feed_url", "id", "edition"]
        )
        return
    # SQLite takes a constraint off a table by making another one.
    op.rename_table("entries", "old_entries")
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
        *columns,
        sa.PrimaryKeyConstraint("seq", name="pk_entries"),
        sa.UniqueConstraint("feed_url", "id", "edition", name="uq_entries_feed_url_id_edition"),
        sqlite_autoincrement=True,
    )
    kept = (
        "seq, feed_url, id, story, title, link, authors, published, sections, summary, text, original,"
        " first_seen, news, judged_by"
    )
    op.execute(f"INSERT INTO entries ({kept}) SELECT {kept} FROM old_entries ORDER BY seq")  # noqa: S608 - names of ours
    op.drop_table("old_entries")


def _clean_names() -> None:
    keys = sa.table("entry_keys", sa.column("feed_url"), sa.column("key"), sa.column("seq"))
    is_address = sa.or_(keys.c.key.like("http%"), keys.c.key.like("//%"))
    has_parameters = sa.or_(keys.c.key.like("%?%"), keys.c.key.like("%;jsessionid=%"))
    # Behind a space stands what tells apart the items of one id.
    query = sa.select(keys).where(is_address, has_parameters, keys.c.key.not_like("% %"))
    bind = op.get_bind()
    for row in bind.execute(query).all():
        name = _clean(row.key)
        taken = sa.select(keys.c.key).where(keys.c.feed_url == row.feed_url, keys.c.key == name)
        if name != row.key and bind.scalar(taken) is None:
            bind.execute(sa.insert(keys).values(feed_url=row.feed_url, key=name, seq=row.seq))


def _clean(name: str) -> str:
    head, hash_mark, fragment = name.partition("#")
    head, mark, query = head.partition("?")
    head = SESSION_IN_PATH.sub("", head)
    kept = "&".join(part for part in query.split("&") if not TRACKING.match(part))
    return (f"{head}?{kept}" if mark and kept else head) + hash_mark + fragment
