"""The repository's own CI: pull requests whose CI is watched, and commands that were learned from it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rfcsmith_ci_watches",
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("pull_request", sa.Integer(), nullable=False),
        sa.Column("head_sha", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "pull_request"),
    )
    op.create_table(
        "rfcsmith_learned_checks",
        sa.Column("repository_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("learned_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
    )


def downgrade() -> None:
    op.drop_table("rfcsmith_learned_checks")
    op.drop_table("rfcsmith_ci_watches")
