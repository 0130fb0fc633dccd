"""Keep of each feed how often it publishes, what it hints at, and its last document: for every = "auto"."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")


def upgrade() -> None:
    for column in (
        sa.Column("demand", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("document_at", INSTANT),
        sa.Column("changed_at", INSTANT),
        sa.Column("fresh_until", INSTANT),
        sa.Column("gap", sa.Float),
        sa.Column("dated", sa.Integer, nullable=False, server_default="0"),
        sa.Column("hint_interval", sa.Float),
        sa.Column("skip_hours", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("skip_days", sa.Text, nullable=False, server_default=EMPTY),
    ):
        op.add_column("feeds", column)
    # When the last document came is not known. Now, so that not all feeds are asked for theirs at once.
    op.execute("UPDATE feeds SET document_at = visited")
