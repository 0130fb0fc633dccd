"""Keep a hash of each feed's last document: the same bytes are not read again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    column = sa.Column("content_hash", sa.Text, nullable=False, server_default=sa.text("''"))
    op.add_column("feeds", column)
