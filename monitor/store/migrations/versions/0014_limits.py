"""Let urgent mails go before others, and find those of a mail server by their last attempt, for its limits."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_MARK_URGENT = """
UPDATE outbox SET urgent = true
WHERE status IN ('waiting', 'uncertain', 'sending', 'held')
AND digest_id IN (SELECT id FROM digests WHERE kind = 'notice' OR slot LIKE 'at once:%')
"""


def upgrade() -> None:
    op.add_column("outbox", sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(sa.text(_MARK_URGENT))
    op.drop_index("ix_outbox_due", "outbox")
    op.create_index("ix_outbox_due", "outbox", ["status", "route", "urgent", "next_attempt_at", "id"])
    op.create_index("ix_outbox_attempts", "outbox", ["server", "attempted_at"])
