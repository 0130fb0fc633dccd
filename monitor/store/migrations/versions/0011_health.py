"""Keep for how long each feed fails and how its server's clock differs, which mails were seen, which services ended."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("feeds", sa.Column("failing_since", INSTANT))
    op.add_column("feeds", sa.Column("failing_for", sa.Float, nullable=False, server_default="0"))
    op.add_column("feeds", sa.Column("others_at", INSTANT))
    op.add_column("feeds", sa.Column("ahead", sa.Float))
    op.add_column("outbox", sa.Column("seen", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("services", sa.Column("ended_at", INSTANT))
