"""A store that hears of invented people record by record, for the tests of who is who."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from hub.identity.matching import Matching
from hub.identity.reconcile import reconcile
from hub.sandbox.population import Population
from hub.storage.vault import Vault
from schemas.nir import key_of
from schemas.tables import delivery, source_record, source_version

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = date(2026, 11, 24)
FLOWS = {"caf_rsa": "caf", "pole_emploi_usagers": "pole_emploi", "departement_pivot": "departement_08"}


@dataclass(frozen=True)
class Said:
    """One record as a partner says it. ``number`` is the truth: which invented adult it speaks of."""

    flow: str
    key: str
    content: dict
    nir: str | None = field(default=None, repr=False)
    number: int = 0


def say(adult, flow, *, key=None, nir=True, **changes) -> Said:
    """A record of an invented adult, complete and right unless told otherwise."""
    content = {
        "identity.birth_name": adult.birth_name,
        "identity.usage_name": adult.usage_name,
        "identity.first_names": list(adult.first_names),
        "identity.birth_date": adult.birth_date.isoformat(),
        "identity.birth_date_precision": "day",
        "identity.birth_place_code": adult.birth_place[1],
        "identity.sex": adult.sex,
        "contact.address_street": " ".join(adult.address),
        "contact.postcode": adult.commune[2],
        "contact.phones": [adult.phone],
        "contact.email": adult.email,
        "identifiers.claim_number": adult.claim_number,
    }
    if nir:
        content |= {"identity.nir_key_status": "given_ok", "identity.nir_kind": "definitive"}
    content |= {path.replace("__", "."): value for path, value in changes.items()}
    content = {path: value for path, value in content.items() if value is not None}
    return Said(flow, key or f"{adult.number}", content, adult.nir if nir else None, adult.number)


def crowd(size, seed=3) -> list[Said]:
    """What three partners say of a population with twins, couples and homonyms: numbers missing, names mistyped, dates swapped."""
    draw = random.Random(seed)
    return [
        say(adult, flow, nir=draw.random() < 0.6, **_slips(adult, draw))
        for adult in Population(seed=seed, size=size).adults
        for flow in FLOWS
        if draw.random() < 0.8
    ]


def _slips(adult, draw) -> dict:
    born, first = adult.birth_date, adult.first_names[0]
    slips = (
        {"contact__phones": None},
        {"contact__email": None, "contact__phones": None, "contact__address_street": None},
        {"identity__first_names": [first[:-1] + draw.choice("aeiou")]},
        {"identity__birth_name": adult.birth_name[:-1] + draw.choice("TSE")},
        {"identity__birth_name": adult.usage_name},
        {"identity__birth_place_code": None, "identity__sex": None},
        {"identity__birth_date": born.replace(day=min(28, born.day % 28 + 1)).isoformat()},
        {"identity__nir_key_status": "computed"},
    )
    chosen: dict = {}
    while draw.random() < 0.5:
        chosen |= draw.choice(slips)
    return chosen


def with_key(nir):
    return nir + key_of(nir)


class People:
    """Hears records, matches them, and tells who is one person with whom."""

    def __init__(self, engine, vault=None) -> None:
        self.engine = engine
        self.vault = vault or Vault(bytes(32))
        self.now = NOW
        self.ids: dict[tuple[str, str], int] = {}

    def hear(self, *said: Said) -> list[int]:
        """Keep records, new or changed; returns their ids."""
        with self.engine.begin() as connection:
            return [self._hear(connection, each) for each in said]

    def _hear(self, connection, said: Said) -> int:
        self.now += timedelta(seconds=1)
        carried = connection.execute(
            delivery.insert()
            .values(flow=said.flow, partner=FLOWS[said.flow], name="livraison", sha256="0", size=1, arrived_at=self.now,
                    received_at=self.now, state="received")
            .returning(delivery.c.id)
        ).scalar_one()  # fmt: skip
        known = self.ids.get((said.flow, said.key))
        number = self.vault.hash("nir", said.nir.encode()) if said.nir else None
        if known is None:
            known = connection.execute(
                source_record.insert()
                .values(flow=said.flow, partner=FLOWS[said.flow], key=said.key, scope="", order_key="1", to_match=True,
                        updated_at=self.now, content_hash=b"", delivery_id=carried, version=0, as_of=DAY, nir_hash=number)
                .returning(source_record.c.id)
            ).scalar_one()  # fmt: skip
            self.ids[said.flow, said.key] = known
        version = connection.execute(
            text("update source_record set version = version + 1, to_match = true, nir_hash = :number where id = :id returning version"),
            {"id": known, "number": number},
        ).scalar_one()  # fmt: skip
        connection.execute(
            source_version.insert().values(
                source_record_id=known, version=version, content=said.content, recorded_at=self.now, content_hash=b"",
                delivery_id=carried, as_of=DAY, nir_encrypted=self.vault.encrypt(said.nir.encode()) if said.nir else None)
        )  # fmt: skip
        return known

    def match(self, *, full=False, matching=None):
        self.now += timedelta(seconds=1)
        with self.engine.begin() as connection:
            return reconcile(connection, self.vault, matching or Matching(), now=self.now, full=full)

    def rows(self, statement, **known):
        with self.engine.connect() as connection:
            return connection.execute(text(statement), known).all()

    def person(self, record):
        """The person a record belongs to now."""
        return self.rows(
            "select person_id from link where superseded_at is null and source_record_id = :record", record=record
        )[0][0]

    def together(self) -> set[frozenset[tuple[str, str]]]:
        """Who is one person with whom, by flow and key."""
        persons: dict = {}
        for row in self.rows("""
                select l.person_id, r.flow, r.key from link l join source_record r on r.id = l.source_record_id
                where l.superseded_at is null
                """):
            persons.setdefault(row.person_id, set()).add((row.flow, row.key))
        return {frozenset(members) for members in persons.values()}

    def weights(self) -> dict[tuple, bytes]:
        """What every compared pair is worth, by flow and key."""
        names = {record: name for name, record in self.ids.items()}
        return {
            tuple(sorted((names[row.record_a], names[row.record_b]))): (bytes(row.levels), bytes(row.bits), row.chance)
            for row in self.rows("select record_a, record_b, levels, bits, chance from comparison")
        }
