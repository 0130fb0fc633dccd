"""Keep every attempt to hand a mail over, and which digests stand in the archive."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("outbox_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("server", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("outcome", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("code", sa.Integer),
        sa.Column("reply", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("stage", sa.Text, nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("outbox_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "archive",
        sa.Column("digest_id", NUMBER, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("page", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("digest_id", name="pk_archive"),
    )
    op.add_column("digests", sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()))
