"""Rename the table put_forward to backfill, and give digests a kind: notices are no longer told by an empty name."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "backfill",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "seq", name="pk_backfill"),
    )
    op.execute("INSERT INTO backfill (subscription, seq) SELECT subscription, seq FROM put_forward")
    op.drop_table("put_forward")
    op.add_column("digests", sa.Column("kind", sa.Text, nullable=False, server_default="digest"))
    op.execute("UPDATE digests SET kind = 'notice' WHERE subscription = ''")
