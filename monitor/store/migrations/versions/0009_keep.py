"""Note which entries have lost their texts to [store] keep, and find those that still have theirs by their age."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("entries", sa.Column("pruned", sa.Boolean, nullable=False, server_default=sa.false()))
    is_whole = sa.text("pruned = 0" if op.get_bind().dialect.name == "sqlite" else "NOT pruned")
    op.create_index(
        "ix_entries_whole", "entries", ["first_seen"], sqlite_where=is_whole, postgresql_where=is_whole
    )
