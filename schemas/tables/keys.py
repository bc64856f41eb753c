"""Under how many search keys the hashes of the store lie."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

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
