"""The sandbox: every partner at once, on real servers, with an invented population that changes from day to day."""

from __future__ import annotations

import io
import shutil
import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Self

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.departement_files import write_pivot, write_webrsa
from hub.sandbox.dirt import seen_by
from hub.sandbox.france_travail import FranceTravailServer, FtFaults
from hub.sandbox.judge import judge
from hub.sandbox.morning import morning_files
from hub.sandbox.partners import FilePartner
from hub.sandbox.pole_emploi_extract import PATHWAYS, ft_people, write_extract
from hub.sandbox.population import DEPARTEMENTS, FIRST_DAY, Adult, Population
from hub.sandbox.sftp_server import HOST, SftpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _write(content: bytes, sink: IO[bytes]) -> int:
    return sink.write(content)


ACCOUNTS = ("caf", "pole_emploi", "departement_08", "departement_52")
PARTNERS_LOOK_EVERY = 0.3


class Sandbox:
    """Open it with ``with``; ``serving()`` keeps the partners at work beside you."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        size: int,
        faults: FtFaults | None = None,
        bind: str = HOST,
        known_as: str = HOST,
    ) -> None:
        self.folder = folder
        self.seed = seed
        self._faults = faults or FtFaults()
        self._bind, self._known_as = bind, known_as
        self.population = Population(seed=seed, size=size)
        self.day = 0
        self._ft_own: dict[str, list[Adult]] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._sftp = self._stack.enter_context(
            SftpServer(self.folder, ACCOUNTS, bind=self._bind, known_as=self._known_as)
        )
        people = self.population.on(0)
        self._api = self._stack.enter_context(
            FranceTravailServer(
                ft_people(people, self.seed), faults=self._faults, bind=self._bind, known_as=self._known_as
            )
        )
        self._partners = {
            name: FilePartner(name=name, folder=self.folder / name, own={})
            for name in ACCOUNTS
            if name != "pole_emploi"
        }
        self._know(people)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connections(self) -> dict[str, dict[str, Any]]:
        """How the hub reaches each partner."""
        api = self._api.connection()
        api["extra"]["rate_per_second"] = "600"  # it is on this machine: the real one's quota is not known
        return {f"{name}_sftp": self._sftp.connection(name) for name in ACCOUNTS} | {"pole_emploi_api": api}

    def _know(self, people: list[Adult]) -> None:
        """Each partner's own people, under the number by which it knows them."""
        self._remember(self._ft_own, {adult.ft_number: adult for adult in people if adult.in_ft})
        for departement in DEPARTEMENTS:
            followed = self._of_departement(people, departement)
            own = self._partners[f"departement_{departement}"].own
            self._remember(own, {adult.departement_id: adult for adult in followed})
        self._remember(self._partners["caf"].own, {self._caf_key(adult): adult for adult in people if adult.in_caf})

    @staticmethod
    def _remember(own: dict[str, list[Adult]], today: dict[str, Adult]) -> None:
        for key, adult in today.items():
            known = own.setdefault(key, [])
            if not known or known[-1] != adult:
                known.append(adult)

    def _of_departement(self, people: list[Adult], departement: str) -> list[Adult]:
        return [adult for adult in people if adult.in_departement and adult.departement == departement]

    def _caf_key(self, adult: Adult) -> str:
        seen = seen_by("caf", adult, self.seed)
        return f"{adult.claim_number}|{seen.birth_date.isoformat()}|{seen.first_names[0]}"

    def deposit_day(self, day: int) -> list[str]:
        """Every partner speaks: day 0 is everybody, later days the daily flows; returns the names of the files left."""
        people = self.population.on(day)
        with self._lock:
            self.day = day
            self._know(people)
            self._api.load(ft_people(people, self.seed))
        before = {adult.number: adult for adult in self.population.on(day - 1)} if day else {}
        changed = [adult for adult in people if before.get(adult.number) != adult]
        left = [self._deposit_cnaf(changed, departement, day) for departement in DEPARTEMENTS]
        extract = [adult for adult in people if adult.in_ft]
        left.append(
            self._deposit(
                "pole_emploi",
                f"extract_spie_{day:03d}_principal.csv",
                lambda sink: write_extract(sink, extract, seed=self.seed),
            )
        )
        pivot, webrsa = (self._of_departement(people, departement) for departement in DEPARTEMENTS)
        left.append(
            self._deposit(
                "departement_08", f"pivot_{day:03d}.csv", lambda sink: write_pivot(sink, pivot, seed=self.seed)
            )
        )
        left.append(
            self._deposit(
                "departement_52", f"webrsa_{day:03d}.csv", lambda sink: write_webrsa(sink, webrsa, seed=self.seed)
            )
        )
        return left

    def _deposit_cnaf(self, adults: list[Adult], departement: str, day: int) -> str:
        households = {adult.household for adult in adults}
        people = of_departement(
            (adult for adult in self.population.on(day) if adult.household in households), departement
        )
        name = f"RSABE{'I' if day else 'M'}{departement}_{FIRST_DAY:%Y%m%d}_{day:03d}.xml"
        when = FIRST_DAY + timedelta(days=day)
        return self._deposit(
            "caf",
            name,
            lambda sink: write_cnaf(sink, people, departement=departement, when=when, seed=self.seed, full=day == 0),
        )

    def _deposit(self, account: str, name: str, write: Callable[[IO[bytes]], int]) -> str:
        content = io.BytesIO()
        write(content)
        temporary = self.folder / account / "depot" / f".{name}.part"
        temporary.write_bytes(content.getvalue())
        temporary.rename(self.folder / account / "depot" / name)
        return name

    def redeposit(self) -> list[str]:
        """Every file left so far, the same bytes under another name."""
        left = []
        for account in ACCOUNTS:
            for path in sorted((self.folder / account / "depot").iterdir()):
                content = path.read_bytes()
                again = f"{path.stem}_bis{path.suffix}"
                if not path.stem.endswith("_bis"):
                    left.append(self._deposit(account, again, partial(_write, content)))
        return left

    def deposit_morning(self) -> list[str]:
        """The morning after day 0: files that leave something to a person, and Pôle emploi refuses what it is told for a while."""
        people = self.population.on(0)
        self._api.refuse_content(until_told=True)
        return [
            self._deposit(account, name, partial(_write, content))
            for account, name, content in morning_files(people, seed=self.seed)
        ]

    def mend(self) -> None:
        """Pôle emploi accepts again what it is told."""
        self._api.refuse_content(until_told=False)

    def partners_work(self) -> int:
        """Let every partner load what it was left, once; returns how many messages they took."""
        with self._lock:
            return sum(partner.load() for partner in self._partners.values())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The partners work in the background for as long as the context lasts."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(PARTNERS_LOOK_EVERY):
                self.partners_work()

        thread = threading.Thread(target=work, name="sandbox-partners", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=10)

    def report(self) -> dict[str, dict[str, Any]]:
        """What each partner knows now that it did not say itself, as the partners see it."""
        with self._lock:
            seen: dict[str, dict[str, Any]] = {}
            for name, partner in self._partners.items():
                seen[name] = {
                    "follows": len(partner.own),
                    "messages": len(partner.messages),
                    **judge(name, partner.own, partner.learnt),
                    "messages_twice": partner.repeated,
                    "unknown_people": partner.unknown_people,
                    "complaints": list(partner.complaints),
                }
            seen["pole_emploi"] = self._pole_emploi()
            return seen

    def _pole_emploi(self) -> dict[str, Any]:
        back = {code: pathway for pathway, code in PATHWAYS.items()}
        learnt: dict[str, dict[str, Any]] = {}
        for written in self._api.decisions:
            told = {
                "orientation.pathway": back.get(written.body["parcours"]),
                "orientation.decided_on": written.body["date_decision"],
            }
            learnt.setdefault(written.who, {}).update(told)
        for written in self._api.appointments:
            learnt.setdefault(written.who, {})["appointment.starts_at"] = written.body["date"]
        return {
            "follows": len(self._ft_own),
            "messages": len(self._api.decisions) + len(self._api.appointments),
            **judge("pole_emploi", self._ft_own, learnt),
            "messages_twice": 0,
            "unknown_people": 0,
            "complaints": [],
        }
