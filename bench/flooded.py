"""The partners of the flood: all of them know everybody, in one département; what they leave, and what their books say afterwards."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.departement_files import write_webrsa
from hub.sandbox.pole_emploi_extract import write_extract
from hub.sandbox.population import FIRST_DAY, Adult, words
from hub.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.opening import Hub

DEPARTEMENT, PARTNER = "52", "departement_52"
# Of each message that was to be told, what became of it; and people of whom a sequence number was told after a later one.
FATES = """
select partner, state, count(*) as messages from message where priority > 0 and state <> 'replaced' and created_at > :since group by 1, 2 order by 1, 2
"""


# The claims that the CAF's records of a person carry, by the number the département knows it under.
CLAIMS = """
select distinct c.content ->> 'identifiers.claim_number' from source_version d
join link l on l.source_record_id = d.source_record_id and l.superseded_at is null
join link m on m.person_id = l.person_id and m.superseded_at is null
join source_record r on r.id = m.source_record_id and r.partner = 'caf'
join source_version c on c.source_record_id = r.id and c.version = r.version
where d.content ->> 'identifiers.departement_id' = :id
"""


class Flooded(Sandbox):
    """Partners who all know everybody, in one département."""

    def __init__(self, folder: Path, *, size: int) -> None:
        super().__init__(folder, seed=1, size=size)
        communes = [tuple(each) for each in words()["communes"][DEPARTEMENT]]
        self.population.adults = [
            replace(
                adult, departement=DEPARTEMENT, in_caf=True, in_ft=True, in_departement=True,
                commune=communes[adult.number % len(communes)],
            )
            for adult in self.population.adults
        ]  # fmt: skip

    @property
    def api(self) -> Any:
        return self._api

    def leave(self, account: str, name: str, content: bytes) -> None:
        self._deposit(account, name, lambda sink: sink.write(content))

    def leave_known(self, adults: list[Adult]) -> None:
        """What is true of them from now on."""
        with self._lock:
            self._know(adults)

    def learnt(self, adult: Adult) -> dict[str, Any]:
        return self._partners[PARTNER].learnt.get(adult.departement_id, {})

    @property
    def repeated(self) -> int:
        return sum(partner.repeated for partner in self._partners.values())


def caf(adults: list[Adult], *, day: int) -> bytes:
    content = io.BytesIO()
    when = FIRST_DAY + timedelta(days=day)
    people = of_departement(adults, DEPARTEMENT)
    write_cnaf(content, people, departement=DEPARTEMENT, when=when, seed=1, full=day == 0)
    return content.getvalue()


def webrsa(adults: list[Adult]) -> bytes:
    content = io.BytesIO()
    write_webrsa(content, adults, seed=1)
    return content.getvalue()


def extract(adults: list[Adult]) -> bytes:
    content = io.BytesIO()
    write_extract(content, adults, seed=1)
    return content.getvalue()


def out_of_order(sandbox: Flooded) -> int:
    """People the département was told of in another order than that of the sequence numbers."""
    told: dict[str, list[int]] = {}
    for path in sorted((sandbox.folder / PARTNER / "retour").glob("hub_*.jsonl")):
        for line in path.read_bytes().splitlines():
            said = orjson.loads(line)
            told.setdefault(said["identifiant"], []).append(said["sequence"])
    return sum(any(after <= before for before, after in pairwise(each)) for each in told.values())


def of_another_household(connection: Connection, adult: Adult) -> bool:
    """Whether the matching took a person for one of another household."""
    claims = set(connection.execute(text(CLAIMS), {"id": adult.departement_id}).scalars())
    return bool(claims - {adult.claim_number})


def books(hub: Hub, sandbox: Flooded, changed: dict[int, Adult], since: datetime) -> list[str]:
    """What the partners' own books say, once everything has left."""
    reachable = [adult for adult in changed.values() if sandbox.learnt(adult)]
    wrong = [
        adult
        for adult in reachable
        if not sandbox.learnt(adult).get("contact.address_street", "").startswith(adult.address[0] + " ")
    ]
    calls = Counter(each.idempotency_key for each in sandbox.api.decisions)
    with hub.engine.connect() as connection:
        fates = [
            f"{row.partner} {row.messages:,} {row.state}" for row in connection.execute(text(FATES), {"since": since})
        ]
        followed = connection.execute(
            text("select count(distinct person_id) from message where partner = :p and created_at > :since"),
            {"p": PARTNER, "since": since},
        ).scalar_one()
        taken = sum(of_another_household(connection, adult) for adult in wrong)
    lost = followed - len(reachable)
    twice = sum(times - 1 for times in calls.values())
    return [
        f"the département: {followed:,} people whose new address it was to know, {lost} lost, {len(wrong)} wrong"
        + (f", of whom {taken} were linked to another household: who is who, not the flood" if wrong else ""),
        f"told twice: {sandbox.repeated} lines, {twice} calls; out of order: {out_of_order(sandbox)} people",
        f"messages of the flood: {', '.join(fates)}",
    ]
