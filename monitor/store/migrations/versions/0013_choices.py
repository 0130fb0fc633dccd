"""Keep what recipients chose, and the keys by which their tokens are signed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "choices",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("subscription", sa.Text),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("signed_for", sa.Text, nullable=False),
        sa.Column("goes_on", NUMBER),
        sa.Column("unsubscribed_at", INSTANT),
        sa.Column("paused_until", INSTANT),
        sa.Column("without", sa.Text, nullable=False, server_default="[]"),
        sa.Column("changed_at", INSTANT),
        sa.Column("changed_by", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("number", name="pk_choices"),
        sa.UniqueConstraint("subscription", "address", name="uq_choices_subscription_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "token_keys",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_token_keys"),
    )
