"""Keep under which entry of a digest a copy of its story stands."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("digest_entries", sa.Column("lead", NUMBER))
