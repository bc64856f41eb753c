"""Certify a département's import tool: leave it the sync files of a difficult month, and read what it answers."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from connectors.writers.files import sha256_of
from hub.sharing.acknowledgements import answers_in
from hub.sharing.sync_file import KINDS, files_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connectors.declaration import Flow
    from mappings.declaration import OutMapping

FIRST_DAY = datetime(2026, 11, 2, 4, 30, tzinfo=UTC)
PEOPLE = ("D-1", "D-2", "D-3")
STRANGER = "D-9"
SPACE = UUID("0d5b7b3c-4a55-4e1e-9a31-8f5d9d0b6a10")
PATIENCE = 60.0  # seconds a tool may take for one step
QUIET = 0.2

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One step of the scenario: what was asked of the tool, whether it did it, and what was seen."""

    step: str
    passed: bool
    seen: str


@dataclass
class Scenario:
    """Leaves files in ``folder``/retour, runs the tool, reads ``folder``/accuses; ``run`` is how the tool is run once."""

    folder: Path
    flow: Flow
    mapping: OutMapping
    run: Callable[[], None]
    sequence: int = 0
    previous: str | None = None
    answered: dict[UUID, bool] = field(default_factory=dict)

    def play(self) -> Iterator[Result]:
        """Every step in turn."""
        for name in ("retour", "accuses"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "personnes.csv").write_text("identifiant\n" + "".join(f"{each}\n" for each in PEOPLE), "utf-8")
        first, ids = self._file(PEOPLE)
        yield self._step("un premier fichier est chargé, chaque ligne accusée", first, accepted=ids)
        following, ids = self._file(PEOPLE[:2])
        yield self._step("le suivant est chargé après lui", following, accepted=ids)
        yield self._step(
            "le même fichier une seconde fois ne change rien, et rien n'est refusé", following, accepted=ids
        )
        strange, ids = self._file((PEOPLE[0], STRANGER))
        yield self._step(
            "une personne inconnue est refusée seule, les autres lignes sont acceptées",
            strange,
            accepted=ids[:1],
            refused=ids[1:],
        )
        late, late_ids = self._file(PEOPLE[:1])
        early, early_ids = self._file(PEOPLE[1:])
        yield self._step("un jour manque : le fichier d'après n'est pas chargé", early, silent=early_ids)
        yield self._step(
            "le jour manquant arrive : les deux sont chargés, dans l'ordre", late, accepted=[*late_ids, *early_ids]
        )
        whole, ids = self._file(PEOPLE)
        altered = tuple(
            (name, content if name.endswith(".json") else content.replace(b"@exemple", b"@exempel"))
            for name, content in whole
        )
        yield self._step("un fichier altéré en route n'est pas chargé", altered, silent=ids)
        yield self._step("il l'est une fois renvoyé", whole, accepted=ids)
        arriving, ids = self._file(PEOPLE[:1])
        yield self._step("un envoi dont le manifeste n'est pas là attend", arriving[:-1], silent=ids)
        yield self._step("son manifeste arrive", arriving[-1:], accepted=ids)
        full, ids = self._file(PEOPLE, kind="full")
        yield self._step("un fichier complet est chargé", full, accepted=ids)
        empty, _ = self._file(())
        yield self._step("un fichier sans personne ne l'arrête pas", empty)
        last, ids = self._file(PEOPLE)
        yield self._step("celui d'après est chargé", last, accepted=ids)

    def _file(self, people: tuple[str, ...], *, kind: str = "delta") -> tuple[Files, list[UUID]]:
        self.sequence += 1
        head = SimpleNamespace(
            id=self.sequence, sequence=self.sequence, kind=kind, previous_sha256=self.previous,
            name=f"hub_{self.flow.partner}_{self.sequence:06d}_{KINDS[kind]}",
            created_at=FIRST_DAY + timedelta(days=self.sequence),
        )  # fmt: skip
        rows = [self._row(person) for person in people]
        files = files_of(head, self.flow, self.mapping, rows).files
        self.previous = sha256_of(files[0][1])
        return files, [row.id for row in rows]

    def _row(self, person: str) -> Any:
        return SimpleNamespace(
            id=uuid5(SPACE, f"{self.sequence} {person}"), sequence=self.sequence,
            payload={
                "reference": {"identifiers.departement_id": person},
                "fields": {"rsa.state": "2", "contact.email": f"j{self.sequence}@exemple.fr"},
            },
        )  # fmt: skip

    def _step(
        self, step: str, files: Files, *, accepted: list[UUID] | None = None, refused: list[UUID] | None = None,
        silent: list[UUID] | None = None,
    ) -> Result:  # fmt: skip
        for name, content in files:
            (self.folder / "retour" / name).write_bytes(content)
        try:
            self.run()
        except (subprocess.SubprocessError, OSError) as error:
            return Result(step=step, passed=False, seen=f"l'outil ne s'est pas terminé : {type(error).__name__}")
        self._read_answers()
        wrong = [
            *(f"{each} n'est pas accusé" for each in accepted or [] if self.answered.get(each) is not True),
            *(f"{each} n'est pas refusé" for each in refused or [] if self.answered.get(each) is not False),
            *(f"{each} est accusé trop tôt" for each in silent or [] if self.answered.get(each) is True),
        ]
        return Result(step=step, passed=not wrong, seen="; ".join(wrong) or "comme attendu")

    def _read_answers(self) -> None:
        for path in sorted((self.folder / "accuses").glob("*_accuse.csv")):
            with path.open("rb") as content:
                self.answered |= {answer[0]: answer[1] for answer in answers_in(content) if answer is not None}
            path.unlink()


def command(words: str, folder: Path) -> Callable[[], None]:
    """Run an import tool as its people do; ``{dossier}`` stands for the folder. Raises when it fails or does not end."""
    given = [word.replace("{dossier}", str(folder)) for word in shlex.split(words)]

    def run() -> None:
        subprocess.run(given, check=True, timeout=PATIENCE, capture_output=True)  # noqa: S603 - the caller's own tool
        time.sleep(QUIET)

    return run


def certify(folder: Path, flow: Flow, mapping: OutMapping, run: Callable[[], None]) -> list[Result]:
    """The report: each step, passed or not. A step's files follow from the ones before, whether or not the tool took them."""
    return list(Scenario(folder, flow, mapping, run).play())
