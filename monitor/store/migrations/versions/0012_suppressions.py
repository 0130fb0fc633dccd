"""Keep suppressions as a list of their own, those of suspended recipients among them; note which mails bounced."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

INSTANT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")


def upgrade() -> None:
    suppressions = op.create_table(
        "suppressions",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("content_hash", sa.Text, nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("address", "subscription", name="pk_suppressions"),
    )
    columns = ("subscription", "address", "suspended_at", "suspended_under", "reason")
    recipients = sa.table(
        "recipients", *(sa.column(name, INSTANT if name == "suspended_at" else sa.Text) for name in columns)
    )
    suspended = op.get_bind().execute(sa.select(recipients).where(recipients.c.suspended_at.is_not(None)))
    rows = {
        (_any_spelling(row.address), row.subscription): {
            "address": _any_spelling(row.address),
            "subscription": row.subscription,
            "at": row.suspended_at,
            "decided_by": "server",
            "reason": row.reason,
            "content_hash": row.suspended_under,
        }
        for row in suspended
    }
    op.bulk_insert(suppressions, list(rows.values()))
    op.drop_column("recipients", "suspended_at")
    op.drop_column("recipients", "suspended_under")
    op.add_column("recipients", sa.Column("taken", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("bounced_at", INSTANT))


def _any_spelling(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{unicodedata.normalize('NFC', local).casefold()}@{domain.lower()}"
