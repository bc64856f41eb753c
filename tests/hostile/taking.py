"""Takes a hostile delivery as the hub takes any, all the way into the store, and says what became of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import yaml
from sqlalchemy import text

from hub.intake import pipeline
from hub.opening import Hub
from hub.settings import Settings
from hub.sharing.agreements import load_agreements
from hub.storage.vault import open_vault
from schemas.beneficiary import facts

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
FORGET = text("""
truncate delivery, staged_record, delivery_record, quarantine, source_record, source_version, movement, remembered_unit,
  full_picture, alarm restart identity cascade
""")
EVERYTHING = load_agreements()["caf"].model_copy(update={"fields": tuple(facts())})
REFUSED = text("select record, field, rule, hint from quarantine order by record")
BECAME = text("""
select o.record, o.outcome, v.content, v.nir_encrypted from delivery_record o
left join source_record r on r.id = o.source_record_id
left join source_version v on v.source_record_id = r.id and v.version = r.version
order by o.record
""")


@dataclass(kw_only=True)
class Verdict:
    """What became of a delivery, and of each of its records."""

    state: str
    reason: str
    applied: int
    balanced: bool
    repairs: dict[str, int]
    quarantined: list[tuple[int, str, str, str]]
    records: dict[int, tuple[str, dict, bytes | None]] = field(default_factory=dict)


class Taker:
    """A hub, and the same with its flows packed; each delivery meets an empty store."""

    def __init__(self, home, url):
        ticks = itertools.count()
        self.clock = lambda: START + timedelta(seconds=next(ticks))
        self._home, self._url = home, url
        self._hubs = {}
        self._numbers = itertools.count(1)

    def hub(self, unpack=None):
        """The hub whose flows are packed so; None: as they are declared."""
        if unpack not in self._hubs:
            settings = Settings(home=self._home, database_url=self._url, partners_dir=self._declared(unpack))
            open_vault(settings.keys, create=True)
            self._hubs[unpack] = Hub(settings)
            vars(self._hubs[unpack])["agreements"] = {
                "caf": EVERYTHING
            }  # every field is kept, so that every value is seen
        return self._hubs[unpack]

    def _declared(self, unpack):
        if unpack is None:
            return None
        folder = self._home / f"partners-{len(self._hubs)}"
        folder.mkdir(parents=True)
        for file in files("connectors").joinpath("partners").iterdir():
            declared = yaml.safe_load(file.read_text(encoding="utf-8"))
            if declared.get("format") and declared["protocol"] != "api":
                declared["unpack"] = yaml.safe_load(unpack)
            (folder / file.name).write_text(yaml.safe_dump(declared), encoding="utf-8")
        return folder

    def take(self, flow, content, unpack=None):
        """Receive the bytes as a file given by hand, and settle it."""
        hub = self.hub(unpack)
        path = self._home / f"livraison_{next(self._numbers)}"
        path.write_bytes(content)
        try:
            line = pipeline.receive_path(hub, hub.flow(flow), path, clock=self.clock)[0]
            return self._verdict(hub, line)
        finally:
            path.unlink()
            with hub.engine.begin() as connection:
                connection.execute(FORGET)

    def _verdict(self, hub, line):
        with hub.engine.connect() as connection:
            repairs = connection.execute(text("select profile -> 'repairs' from delivery")).scalar() or {}
            quarantined = [tuple(row) for row in connection.execute(REFUSED)]
            became = {row.record: (row.outcome, row.content, row.nir_encrypted) for row in connection.execute(BECAME)}
        return Verdict(
            state=line.state, reason=line.reason or "", applied=line.applied, balanced=line.balanced, repairs=dict(repairs),
            quarantined=quarantined, records=became,
        )  # fmt: skip

    def close(self):
        for hub in self._hubs.values():
            hub.engine.dispose()
