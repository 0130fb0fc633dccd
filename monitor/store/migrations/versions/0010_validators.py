"""Keep with a feed's validators the url that gave them; the known ones, which may be any url's, are sent no more."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    column = sa.Column("validators_of", sa.Text, nullable=False, server_default=sa.text("''"))
    op.add_column("feeds", column)
