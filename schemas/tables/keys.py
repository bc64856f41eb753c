"""Under how many search keys the hashes of the store lie, and with what each person is sealed in backups."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from schemas.tables.base import metadata

search_generation = Table(
    "search_generation",
    metadata,
    Column("generation", Integer, nullable=False, comment="search keys every hash of the store lies under"),
    Column("lifting_to", Integer, comment="where a rotation under way brings them"),
    Column("step", Integer, nullable=False, server_default="0", comment="how far it has come"),
    Column("place", BigInteger, nullable=False, server_default="0"),
    comment="one row: hub keys rotate-search goes by it",
)

backup_key = Table(
    "backup_key",
    metadata,
    Column("subject", Text, primary_key=True, comment="r: a record; p: a person's opaque id; q: in quarantine"),
    Column("key", LargeBinary, comment="absent: destroyed when the person was erased"),
    comment="what each is sealed with in backups: in no backup itself, drawn when one is taken",
)
