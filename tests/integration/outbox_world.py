"""A store with many people whose département decided something, and an outbox full of it; a pretend France Travail beside."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid5

import orjson
from cycle import new_hub
from sqlalchemy import text

from hub.sandbox.france_travail import FranceTravailServer, FtPerson
from hub.storage.store import copy_rows

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WORKER = Path(__file__).with_name("outbox_worker.py")
SPACE = UUID(int=7)


def number_of(which):
    return f"{which:011d}"


def people_of(count, **known):
    """The people of the world, as France Travail knows them."""
    return {
        number_of(which): FtPerson(
            numero=number_of(which), nir13=None, birth_date="1980-01-31", nom="VÉRITÉ", prenom="Zoé", **known
        )
        for which in range(count)
    }


class OutboxWorld:
    """A hub on a clean database, with people Pôle emploi follows."""

    def __init__(self, home, url) -> None:
        self.hub = new_hub(home, url)
        self.engine = self.hub.engine
        self.url = url

    def people(self, count, *, departement="08", start=0, known=True):
        """That many people, each with a record of Pôle emploi that names its number there."""
        ids = [uuid5(SPACE, str(which)) for which in range(start, start + count)]
        with self.engine.begin() as connection:
            delivery = connection.execute(
                text(
                    "insert into delivery (flow, partner, name, sha256, size, arrived_at, received_at, state) values "
                    "('pole_emploi_usagers', 'pole_emploi', 'l', '0', 1, :now, :now, 'applied') returning id"
                ),
                {"now": NOW},
            ).scalar_one()
            copy_rows(connection, "copy person (id, created_at) from stdin", ((who, NOW) for who in ids))
            copy_rows(
                connection,
                "copy source_record (flow, partner, key, scope, order_key, to_match, updated_at, content_hash, delivery_id, "
                "version, as_of) from stdin",
                (
                    (
                        "pole_emploi_usagers",
                        "pole_emploi",
                        str(who),
                        "",
                        "1",
                        False,
                        NOW,
                        b"",
                        delivery,
                        1,
                        date(2026, 3, 2),
                    )
                    for who in ids
                ),
            )
            connection.execute(
                text(
                    "insert into link (source_record_id, person_id, method, evidence, author, decided_at) "
                    "select id, key::uuid, 'test', '{}', 'test', :now from source_record where delivery_id = :delivery"
                ),
                {"now": NOW, "delivery": delivery},
            )
            connection.execute(
                text(
                    "insert into source_version (source_record_id, version, content, content_hash, as_of, delivery_id, recorded_at) "
                    "select id, 1, '{}', '', '2026-03-02', delivery_id, :now from source_record where delivery_id = :delivery"
                ),
                {"now": NOW, "delivery": delivery},
            )
            connection.execute(
                text(
                    "insert into source_identity (source_record_id, flow, partner, birth_date, birth_date_precision, "
                    "france_travail_number) select id, flow, partner, '1980-01-31', 'day', "
                    "case when :known then lpad((row_number() over (order by id) + :start - 1)::text, 11, '0') end "
                    "from source_record where delivery_id = :delivery"
                ),
                {"start": start, "delivery": delivery, "known": known},
            )
        return ids

    def decide(
        self, people, *, lane="008", priority=1, sequence=1, partner="pole_emploi", fields=None, state="pending"
    ):
        """A message for each: the département decided an orientation."""
        said = fields or {"orientation.pathway": "social", "orientation.decided_on": "2026-03-01"}
        payload = orjson.dumps({"reference": {}, "fields": said, "before": {}}).decode()
        with self.engine.begin() as connection:
            copy_rows(
                connection,
                "copy message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, created_at, "
                "next_attempt_at) from stdin",
                (
                    (
                        uuid5(who, f"{partner}{sequence}"),
                        partner,
                        who,
                        partner,
                        sequence,
                        payload,
                        state,
                        priority,
                        lane,
                        NOW,
                        NOW,
                    )
                    for who in people
                ),
            )

    def states(self, partner="pole_emploi"):
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("select state, count(*) from message where partner = :partner group by state"),
                {"partner": partner},
            )
            return dict(rows.all())

    def rows(self, statement, **known):
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), known)
            return [tuple(row) for row in found] if found.returns_rows else []

    @contextmanager
    def france_travail(self, people, *, rate=1000, faults=None):
        with FranceTravailServer(people, faults=faults) as server:
            connection = server.connection()
            connection["extra"]["rate_per_second"] = str(rate)
            self.hub.settings.secrets.mkdir(parents=True, exist_ok=True)
            (self.hub.settings.secrets / "pole_emploi_api.json").write_text(json.dumps(connection))
            yield server

    def worker(self, *words):
        """Another process of the hub, on the same store; it prints one JSON document."""
        settings = self.hub.settings
        environment = {
            "HUB_HOME": str(settings.home),
            "HUB_DATABASE_URL": self.url.render_as_string(hide_password=False),
            "PATH": "/usr/bin:/bin",
        }
        command = [sys.executable, str(WORKER), *map(str, words)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process, *, timeout=120):
    """What a worker printed, once it has ended well."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err[-2000:]
    return json.loads(out.strip().splitlines()[-1])
