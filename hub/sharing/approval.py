"""Approval: an agreement that gives more waits for a second person; one that gives less holds at once.

The agreements found when a store is first opened are its baseline: installing them is how they were decided. From then on
each version is kept with who proposed and who approved it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.sharing.agreements import Agreement
from hub.sharing.widening import content_of, held_back, sha256_of, wider
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine

INSTALLATION = "installation"

APPROVED = """
select distinct on (name) name, sha256, content from agreement_version
where approved_at is not null order by name, id desc
"""

INSERT = """
insert into agreement_version (name, sha256, content, kind, proposed_by, proposed_at, approved_by, approved_at)
values (:name, :sha256, cast(:content as jsonb), :kind, :author, coalesce(cast(:now as timestamptz), clock_timestamp()),
        cast(:approved_by as text),
        case when cast(:approved_by as text) is not null then coalesce(cast(:now as timestamptz), clock_timestamp()) end)
"""

WAITING = """
select w.id, w.name, w.sha256, w.proposed_by, w.proposed_at from agreement_version w
where w.approved_at is null
  and not exists (select from agreement_version l where l.name = w.name and l.id > w.id)
order by w.name
"""

APPROVE = "update agreement_version set approved_by = :author, approved_at = :now where id = :id"


def in_force(engine: Engine, declared: Mapping[str, Agreement]) -> dict[str, Agreement]:
    """What may be shared now, by title: what is declared, as far as it was approved.

    An agreement nobody approved is left out. Only the dates of each agreement remain to be looked at.
    """
    with engine.begin() as connection:
        approved = _approved(connection)
        if any(not _same(approved.get(name), each) for name, each in declared.items()):
            take_lock(connection, "agreements")
            approved = _approved(connection)
            _keep(connection, declared, approved)
    return {name: _may_hold(approved[name], each) for name, each in declared.items() if name in approved}


def _approved(connection: Connection) -> dict[str, Agreement]:
    return {row.name: Agreement.model_validate(row.content) for row in connection.execute(text(APPROVED))}


def _same(one: Agreement | None, other: Agreement) -> bool:
    return one is not None and sha256_of(one) == sha256_of(other)


def _keep(connection: Connection, declared: Mapping[str, Agreement], approved: dict[str, Agreement]) -> None:
    """Write down the baseline of a new store, and what gives less than before: giving it again will want two people."""
    anything = connection.execute(text("select exists (select from agreement_version)")).scalar_one()
    for name, agreement in declared.items():
        known = approved.get(name)
        if not anything:
            _insert(connection, agreement, kind="baseline")
            approved[name] = agreement
        elif known is not None:
            kept = _may_hold(known, agreement)
            if not _same(known, kept):
                _insert(connection, kept, kind="narrower")
            approved[name] = kept


def _may_hold(known: Agreement, declared: Agreement) -> Agreement:
    """The declared agreement, as far as the one that was approved goes."""
    return held_back(known, declared) if wider(known, declared) else declared


def _insert(
    connection: Connection, agreement: Agreement, *, kind: str, author: str = INSTALLATION, now: datetime | None = None
) -> None:
    known = {
        "name": agreement.title,
        "sha256": sha256_of(agreement),
        "content": orjson.dumps(content_of(agreement)).decode(),
        "kind": kind,
        "author": author,
        "approved_by": None if kind == "wider" else author,
        "now": now,
    }
    connection.execute(text(INSERT), known)


def propose(engine: Engine, agreement: Agreement, *, author: str, now: datetime) -> str:
    """Put the declared agreement before a second person; returns the hash that is to be approved.

    Raises ``FixTheDeclaration`` when it gives nothing more than what is in force.
    """
    with engine.begin() as connection:
        take_lock(connection, "agreements")
        if not wider(_approved(connection).get(agreement.title), agreement):
            raise FixTheDeclaration(
                f"{agreement.title}: gives nothing more than the agreement in force; nothing to approve."
            )
        _insert(connection, agreement, kind="wider", author=author, now=now)
    return sha256_of(agreement)


def approve(engine: Engine, agreement: Agreement, *, author: str, now: datetime) -> str:
    """Put a proposed agreement in force; returns its hash.

    Raises ``FixTheDeclaration`` when nobody proposed exactly this one, or when its author approves it alone.
    """
    with engine.begin() as connection:
        take_lock(connection, "agreements")
        row = next((each for each in connection.execute(text(WAITING)) if each.name == agreement.title), None)
        if row is None or row.sha256 != sha256_of(agreement):
            raise FixTheDeclaration(
                f"{agreement.title}: nobody proposed the agreement as it is declared now: hub agreements propose {agreement.title}."
            )
        if _name(row.proposed_by) == _name(author):
            raise FixTheDeclaration(
                f"{agreement.title}: whoever proposed a wider agreement cannot approve it: ask another person."
            )
        connection.execute(text(APPROVE), {"id": row.id, "author": author, "now": now})
    return str(row.sha256)


def _name(author: str) -> str:
    return " ".join(author.casefold().split())


def waiting(connection: Connection) -> dict[str, dict[str, Any]]:
    """The last version of each agreement that waits for a second person: its hash, who proposed it, when."""
    return {
        row.name: {"sha256": row.sha256, "proposed_by": row.proposed_by, "proposed_at": row.proposed_at}
        for row in connection.execute(text(WAITING))
    }
