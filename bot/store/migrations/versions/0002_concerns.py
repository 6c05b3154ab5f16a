"""Concerns about an RFC."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rfcsmith_concerns",
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("raised_by", sa.String(length=160), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "issue", "number"),
        sa.UniqueConstraint("raised_by"),
    )


def downgrade() -> None:
    op.drop_table("rfcsmith_concerns")
