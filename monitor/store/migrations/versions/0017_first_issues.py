"""Note who is still to get a first issue of a subscription: nobody who receives it already."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    new = sa.Column("new", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("recipients", new)
