"""Dealings with providers: tokens, rate budgets, what was asked when."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.base import metadata, moment

access_token = Table(
    "access_token",
    metadata,
    Column("name", Text, primary_key=True, comment="the connection, or the keyed hash of a user's key"),
    Column("token_encrypted", LargeBinary, nullable=False),
    moment("expires_at"),
)

rate_budget = Table(
    "rate_budget",
    metadata,
    Column("provider", Text, primary_key=True),
    moment("next_slot_at"),
    Column("pace", Double, nullable=False, server_default="1", comment="share of the rate left by the last 429"),
    moment("slowed_at", nullable=True),
    Column("failures", Integer, nullable=False, server_default="0", comment="calls in a row without an answer"),
    Column("openings", Integer, nullable=False, server_default="0", comment="times in a row the circuit opened"),
    moment("open_until", nullable=True),
    moment("probe_until", nullable=True),
    Column(
        "turns",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="of each use, asking or sending, the moment of its last slot: none takes many ahead of another",
    ),
    comment="one budget and one circuit breaker per provider, shared by every process",
)

asked = Table(
    "asked",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("source_record_id", ForeignKey("source_record.id"), primary_key=True),
    moment("asked_at"),
    Column("answer", Text, nullable=False, comment="return code of the provider"),
    comment="when a provider was last asked about a record, so that it is not asked again too soon",
)
