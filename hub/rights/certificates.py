"""Certificates of erasure: signed once nothing of the person stands anywhere and every partner has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.rights.redaction import redact_pending
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

FORMAT = "hub-erasure-certificate-1"

# Every id of each erased person: those merged into it too.
IDS = """
create temporary table erasure_id on commit drop as
with recursive ids as (
  select e.id as erasure, e.person_id as person from erasure e where e.certificate is null
  union
  select i.erasure, p.id from ids i join person p on p.forwards_to = i.person
)
select erasure, person from ids
"""

# What a message said is not needed once it can no longer leave, nor be left again.
EMPTY = """
update message m set payload = '{"reference": {}, "fields": {}, "before": {}}', asked_with = null
from erasure_id ids
where m.person_id = ids.person and m.payload <> '{"reference": {}, "fields": {}, "before": {}}'
  and (m.state in ('acknowledged', 'rejected', 'replaced')
       or (m.state in ('sent', 'parked', 'unfound') and not exists (select from recall_message c where c.message_id = m.id)))
"""

# Whose partners have all answered, and whose every stored delivery was crossed out.
READY = """
select e.* from erasure e
where e.certificate is null
  and not exists (
    select from erasure_id ids join message m on m.person_id = ids.person
    where ids.erasure = e.id and m.payload <> '{"reference": {}, "fields": {}, "before": {}}'
  )
  and not exists (select from redaction r where r.erasure_id = e.id and r.done_at is null)
order by e.id
"""

ANSWERS = """
select c.partner, m.state, count(*) as messages
from erasure_id ids join recall_message c on c.person_id = ids.person
join recall r on r.id = c.recall_id and r.cause = 'erasure'
join message m on m.id = c.message_id
where ids.erasure = :erasure group by c.partner, m.state order by c.partner, m.state
"""

CROSSED_OUT = """
select how, count(distinct delivery_id) as deliveries from redaction where erasure_id = :erasure group by how
"""

CERTIFY = "update erasure set certificate = cast(:certificate as jsonb), partners_done_at = :now where id = :erasure"


def empty_messages(connection: Connection) -> int:
    """Take away what the messages about erased people said, where it is not needed any more; returns how many.

    Leaves the temporary table ``erasure_id`` (erasure, person) to the caller's transaction.
    """
    connection.execute(text(IDS))
    return connection.execute(text(EMPTY)).rowcount


def finish_erasures(hub: Hub, *, now: datetime) -> int:
    """Go on with every erasure that waited for a partner or was interrupted; returns how many certificates were signed."""
    redact_pending(hub, now=now)
    with hub.engine.begin() as connection:
        empty_messages(connection)
        ready = connection.execute(text(READY)).all()
        for row in ready:
            sealed = orjson.dumps(_certificate(hub, connection, row, now)).decode()
            connection.execute(text(CERTIFY), {"certificate": sealed, "now": now, "erasure": row.id})
    return len(ready)


def _certificate(hub: Hub, connection: Connection, row: Row[Any], now: datetime) -> dict[str, Any]:
    answers: dict[str, dict[str, int]] = {}
    for each in connection.execute(text(ANSWERS), {"erasure": row.id}):
        answers.setdefault(each.partner, {})[each.state] = each.messages
    crossed_out = connection.execute(text(CROSSED_OUT), {"erasure": row.id})
    document: dict[str, Any] = {
        "format": FORMAT,
        "erasure": row.id,
        "person": str(row.person_id),
        "cause": row.cause,
        "erased_at": row.erased_at.isoformat(),
        "certified_at": now.isoformat(),
        "erased": row.counts,
        "stored_deliveries": {each.how: each.deliveries for each in crossed_out},
        "partners": answers,
        "not_reached": NOT_REACHED,
    }
    if hub.can_sign:
        document["public_key"] = hub.signer.public.hex()
        document["signature"] = hub.signer.sign(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hex()
    return document


NOT_REACHED = [
    "Une sauvegarde antérieure faite hors de hub backup : après une restauration, hub person erase-again efface de nouveau.",
    "Le journal des communications : il ne contient que des identifiants opaques, qui ne désignent plus personne.",
]


def certificate_of(hub: Hub, person: UUID) -> dict[str, Any]:
    """The certificate of a person's erasure, or what it waits for; raises ``FixTheDeclaration`` when nobody erased it."""
    with hub.engine.connect() as connection:
        row = connection.execute(text("select * from erasure where person_id = :person"), {"person": person}).first()
    if row is None:
        raise FixTheDeclaration(f"Person {person} was not erased.")
    if row.certificate is None:
        return {"person": person, "erased_at": row.erased_at, "certificate": None,
                "waits_for": "a partner's answer, or a stored delivery that is not settled"}  # fmt: skip
    return dict(row.certificate)
