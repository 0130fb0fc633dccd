"""Create the table put_forward, for earlier entries offered to a subscription's next digest."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "put_forward",
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "seq", name="pk_put_forward"),
    )
