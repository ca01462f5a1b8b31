"""Digests of entries, snapshots and heads, made of what is there now."""

import sqlalchemy as sa
from alembic import op

from assay.storage.log_digests import chained, digest_of, entry_digest, head_digest

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("log_entries", sa.Column("digest", sa.String(98)))
    op.add_column("log_entries", sa.Column("chain", sa.String(32)))
    op.add_column("log_snapshots", sa.Column("digest", sa.String(32)))
    op.add_column("log_heads", sa.Column("digest", sa.String(32)))
    connection = op.get_bind()
    meta = sa.MetaData()
    meta.reflect(connection, only=["log_heads", "log_entries", "log_snapshots"])
    heads, entries, snapshots = (meta.tables[name] for name in ("log_heads", "log_entries", "log_snapshots"))
    for head in connection.execute(sa.select(heads)).mappings().all():
        project, chain = head["project"], ""
        for number in range(1, head["number"] + 1):
            one = (entries.c.project == project) & (entries.c.number == number)
            record = connection.execute(sa.select(entries).where(one)).mappings().first()
            if record is None:
                continue
            digest = entry_digest(project, dict(record))
            chain = chained(chain, digest)
            connection.execute(sa.update(entries).where(one).values(digest=digest, chain=chain))
        mine = sa.update(heads).where(heads.c.project == project)
        connection.execute(mine.values(digest=head_digest(project, head["number"], chain)))
    for row in connection.execute(sa.select(snapshots)).mappings().all():
        one = (snapshots.c.project == row["project"]) & (snapshots.c.number == row["number"])
        digest = digest_of(row["project"], row["number"], row["data"])
        connection.execute(sa.update(snapshots).where(one).values(digest=digest))


def downgrade() -> None:
    for table, column in (
        ("log_heads", "digest"), ("log_snapshots", "digest"), ("log_entries", "chain"), ("log_entries", "digest")
    ):  # fmt: skip
        op.drop_column(table, column)
