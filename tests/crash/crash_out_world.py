"""The world of the trials on the way out: an outbox that waits, partners that count what they are told, and what all must come to."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid5

import orjson
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parent.parent / "integration"))

from crash_out_line import Line
from crash_world import KILLED, Forker
from outbox_world import NOW, OutboxWorld, number_of, people_of

from hub.sandbox.france_travail import FranceTravailServer
from hub.sandbox.partners import FilePartner
from hub.sandbox.sftp_server import SftpServer
from hub.sharing import journal
from hub.sharing.journal import Disclosure
from hub.storage.store import create_database, drop_database

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from sqlalchemy import URL

PEOPLE = 10
TURNS = 8
SHARE = (("share", "pole_emploi"), ("share", "departement_08"))
ACKNOWLEDGE = (("acknowledge", "departement_08"),)
TOLD = {"rsa.state": "4", "contact.email": "z@exemple.fr"}
PASS = """
update rate_budget set next_slot_at = now() - interval '1 hour', open_until = open_until - interval '1 hour',
  probe_until = probe_until - interval '1 hour', slowed_at = slowed_at - interval '1 hour'
"""


@dataclass
class OutWorld:
    """Opened with ``with``: one waiting outbox, copied for each trial."""

    folder: Path
    server: URL
    trials: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        create_database(self.server, "out_before", template="hub_template")
        built = OutboxWorld(self.folder / "before", self.server.set(database="out_before"))
        people = built.people(PEOPLE)
        built.decide(people)
        built.decide(people, partner="departement_08", fields=TOLD)
        for number, who in enumerate(people):
            named = orjson.dumps({"identifiers.departement_id": f"D-{number}"}).decode()
            built.rows(
                "update message set payload = jsonb_set(payload, '{reference}', cast(:named as jsonb)) where person_id = :who",
                named=named, who=who,
            )  # fmt: skip
        with built.engine.begin() as connection:
            journal.append(
                connection,
                [_disclosure(who, partner) for who in people for partner in ("pole_emploi", "departement_08")],
            )
        built.engine.dispose()
        self.sftp = self._stack.enter_context(SftpServer(self.folder / "partners", ("departement_08",)))
        self.forker = Forker("crash_out_forker.py")
        self._stack.callback(self.forker.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def trial(self, server: URL | None = None, **how: Any) -> Trial:
        """A fresh outbox and fresh partners."""
        self.trials += 1
        return Trial(self, f"out_{self.trials}", server or self.server, **how)


def _disclosure(who: Any, partner: str) -> Disclosure:
    return Disclosure(
        at=NOW, partner=partner, person_id=who, agreement=partner, purpose="essai", fields=["rsa.state"],
        message_id=uuid5(who, f"{partner}1"),
    )  # fmt: skip


@dataclass
class Trial:
    """Opened with ``with``: its database, its partners, and the line to the one that has an API."""

    world: OutWorld
    name: str
    server: URL
    context: ssl.SSLContext | None = None
    turn: int = 0
    errors: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> URL:
        return self.server.set(database=self.name)

    @property
    def partner_folder(self) -> Path:
        return self.world.folder / "partners" / "departement_08"

    def __enter__(self) -> Self:
        create_database(self.server, self.name, template="out_before")
        self.home = self.world.folder / self.name
        shutil.copytree(self.world.folder / "before", self.home)
        for name in ("retour", "accuses"):
            shutil.rmtree(self.partner_folder / name, ignore_errors=True)
            (self.partner_folder / name).mkdir()
        self.api = self._stack.enter_context(FranceTravailServer(people_of(PEOPLE)))
        self.line = self._stack.enter_context(Line(self.api.port, context=self.context))
        self.partner = FilePartner(
            name="departement_08", folder=self.partner_folder, own={f"D-{number}": [] for number in range(PEOPLE)}
        )
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        drop_database(self.server, self.name)
        shutil.rmtree(self.home)

    def connect(self, *, api: dict[str, str] | None = None, sftp: dict[str, Any] | None = None) -> None:
        """Write how to reach the partners; ``api`` and ``sftp`` say it wrongly."""
        secrets = self.home / "secrets"
        secrets.mkdir(exist_ok=True)
        scheme = "https" if self.context else "http"
        connection = self.api.connection()
        for name in ("token_url", "base_url"):
            _, _, path = connection["extra"][name].split("//")[1].partition("/")
            connection["extra"][name] = f"{scheme}://127.0.0.1:{self.line.port}/{path}"
        connection["extra"] |= {"timeout_seconds": "1", "rate_per_second": "1000"} | (api or {})
        (secrets / "pole_emploi_api.json").write_bytes(orjson.dumps(connection))
        given = self.world.sftp.connection("departement_08")
        (secrets / "departement_08_sftp.json").write_bytes(orjson.dumps(given | (sftp or {})))

    def run(
        self, steps: Iterable[tuple[str, str]], *, meanwhile: Callable[[int], None] | None = None, **how: Any
    ) -> int:
        """One run of some steps in a child; returns how it ended."""
        environment = {
            "HUB_HOME": str(self.home),
            "HUB_DATABASE_URL": self.url.render_as_string(hide_password=False),
            "HUB_SECRETS_DIR": str(self.home / "secrets"),
        }
        notes = {"passed": str(self.home / "passed.json"), "error": str(self.home / "error.txt")}
        job = {"environment": environment, "steps": list(steps), "turn": self.turn, **notes, **how}
        self.turn += 1
        ended = self.world.forker.run(job, meanwhile=meanwhile)
        error = self.home / "error.txt"
        if ended not in {0, KILLED}:
            self.errors.append(error.read_text())
        error.unlink(missing_ok=True)
        return ended

    def passed(self) -> dict[str, Any]:
        return orjson.loads((self.home / "passed.json").read_bytes())

    def rows(self, statement: str, **known: Any) -> list[tuple[Any, ...]]:
        engine = create_engine(self.url)
        try:
            with engine.begin() as connection:
                found = connection.execute(text(statement), known)
                return [tuple(row) for row in found] if found.returns_rows else []
        finally:
            engine.dispose()

    def settle(self) -> None:
        """Run and run again, as time passes, until everybody was told and has answered."""
        for _ in range(TURNS):
            self.rows(PASS)
            self.run(SHARE)
            self.partner.load()
            self.run(ACKNOWLEDGE)
            if self.rows("select distinct state from message") == [("acknowledged",)]:
                return

    def difference(self) -> str:
        """Empty when every partner's state, and the store, are what they must come to; else what is not."""
        wrong = []
        told = Counter(each.who for each in self.api.decisions)
        if told != Counter(number_of(which) for which in range(PEOPLE)):
            wrong.append(f"France Travail was told {sorted(told.items())}")
        if {each.body["parcours"] for each in self.api.decisions} != {"PSP"}:
            wrong.append("France Travail was told something else")
        if self.partner.learnt != {f"D-{number}": TOLD for number in range(PEOPLE)} or self.partner.complaints:
            wrong.append(f"the département knows {len(self.partner.learnt)}, complains: {self.partner.complaints}")
        states = Counter(dict(self.rows("select partner || ' ' || state, count(*) from message group by 1")))
        if states != {"pole_emploi acknowledged": PEOPLE, "departement_08 acknowledged": PEOPLE}:
            wrong.append(f"messages: {dict(states)} {self.rows('select distinct code, reason from message')}")
        wrong += self._wrong_in_store()
        wrong += [f"unforeseen: {error}" for error in self.errors if error.startswith("Unforeseen")]
        return "\n".join(wrong)

    def _wrong_in_store(self) -> Iterable[str]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            verified = journal.verify(connection)
            files = connection.execute(
                text("select sequence, deposited_at is not null from sync_file order by sequence")
            ).all()
        engine.dispose()
        if verified.first_bad is not None or verified.entries != 2 * PEOPLE:
            yield f"journal: {verified}"
        if [tuple(row) for row in files] != [(number, True) for number in range(1, len(files) + 1)]:
            yield f"sync files: {files}"
