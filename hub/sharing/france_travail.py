"""Messages to France Travail: who they are about is found by the best of its keys, what they say makes one body or two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from connectors.france_travail import FranceTravail, Query
from connectors.france_travail.errors import UserTokenRefused
from connectors.outcome import Outcome
from mappings.engine import render_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.storage.vault import Vault
    from mappings.declaration import OutMapping

# With what France Travail is asked about a person: the best of the records held for it. An approximate birth date
# is not one it can be asked with.
KEYS = """
select distinct on (l.person_id) l.person_id, i.france_travail_number,
       case when i.birth_date_precision = 'day' then i.birth_date::text end as birth_date,
       case when i.nir_hash is not null then v.nir_encrypted end as nir_encrypted,
       encode(sha256(convert_to(concat_ws('|', encode(i.nir_hash, 'hex'), i.birth_date, i.birth_date_precision,
                                          i.france_travail_number), 'UTF8')), 'hex') as asked_with
from link l
join source_identity i on i.source_record_id = l.source_record_id
join source_record r on r.id = i.source_record_id and r.left_on is null
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and l.person_id = any(:persons)
order by l.person_id, (i.nir_hash is not null and i.birth_date_precision = 'day') desc, (i.france_travail_number is not null) desc, r.id
"""

# Somebody who was not found is asked about again once we would ask with something else: nobody has to think of it.
FOUND_SINCE = f"""
with known as (
{KEYS.replace("any(:persons)", "any(select person_id from message where partner = :partner and state = 'unfound')")}
)
update message m set state = 'pending', attempts = 0, next_attempt_at = :now
from known where m.partner = :partner and m.state = 'unfound' and m.person_id = known.person_id
  and m.asked_with is distinct from known.asked_with
"""  # noqa: S608 - a statement of our own


def ask_again(connection: Connection, partner: str, *, now: datetime) -> int:
    """Put in line again the messages about people we would now search with other keys; returns how many."""
    return connection.execute(text(FOUND_SINCE), {"partner": partner, "now": now}).rowcount


class FranceTravailSender:
    """One message is up to two calls; each carries its own idempotency key, the same whenever it is sent."""

    nothing_to_send = (
        "Rien que l'API de Pôle emploi puisse recevoir : ni décision d'orientation, ni premier rendez-vous complet."
    )

    def __init__(self, client: FranceTravail, mapping: OutMapping, vault: Vault) -> None:
        self._mapping = mapping
        self._vault = vault
        self._calls = {"decisionOrientation": client.decide_orientation, "rendez-vous": client.book_first_appointment}
        self._queries: dict[Any, Query] = {}
        self._asked_with: dict[Any, str] = {}

    def prepare(self, connection: Connection, batch: Sequence[Row[Any]]) -> None:
        found = connection.execute(text(KEYS), {"persons": [row.person_id for row in batch]}).all()
        self._queries = {row.person_id: self._query(row) for row in found}
        self._asked_with = {row.person_id: row.asked_with for row in found}

    def _query(self, row: Row[Any]) -> Query:
        nir = self._vault.decrypt(row.nir_encrypted).decode() if row.nir_encrypted else None
        return Query(
            key=str(row.person_id), nir=nir, birth_date=row.birth_date, france_travail_number=row.france_travail_number
        )

    def asked_with(self, row: Row[Any]) -> str | None:
        return self._asked_with.get(row.person_id)

    def send(self, row: Row[Any]) -> Outcome | None:
        query = self._queries.get(row.person_id)
        if query is None:
            return Outcome(accepted=False, retry=False, code="NO_IDENTIFIER", message_fr="Personne introuvable.")
        outcome = None
        for name, write in self._calls.items():
            body = render_body(self._mapping, name, row.payload["fields"])
            if body is not None:
                outcome = _told(write, query, body, f"{row.id}:{name}")
                if not outcome.accepted:
                    return outcome
        return outcome


def _told(write: Callable[..., Outcome], query: Query, body: dict[str, Any], key: str) -> Outcome:
    """One call's outcome; a token refused twice in a row is one person's trouble, not the connection's."""
    try:
        return write(query, body, message_id=key)
    except UserTokenRefused:
        return Outcome(
            accepted=False, retry=True, code="HTTP_401", message_fr="France Travail refuse le jeton de cette personne."
        )
