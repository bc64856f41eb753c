"""Invented people: households, couples, twins, homonyms, and what each partner truly knows of each.

The truth of a person is one ``Adult``. Partners see it through ``hub.sandbox.dirt``. Everything follows from the seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from schemas.nir import key_of

FIRST_DAY = date(2026, 10, 31)
DEPARTEMENTS = ("08", "52")
OTHER_HOMES = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Adult:
    """One invented adult, as things really are."""

    number: int
    household: int
    departement: str
    role: str
    sex: str
    birth_name: str
    usage_name: str
    first_names: tuple[str, ...]
    birth_date: date
    birth_place: tuple[str, str]
    birth_rank: int | None
    nir: str
    address: tuple[str, str, str]
    commune: tuple[str, str, str]
    address_since: date
    phone: str
    email: str
    in_caf: bool
    in_ft: bool
    in_departement: bool
    rsa_state: str
    suspended_since: date | None
    rights_and_duties: bool
    claim_date: date
    ft_status: str
    ft_since: date
    ft_category: str
    agency: int
    job: int
    pathway: str
    decided_on: date
    structure: str
    referent: tuple[str, str]
    contract_start: date | None
    appointment_on: date | None

    @property
    def claim_number(self) -> str:
        return f"{10_000_000_000 + self.household * 7:011d}"

    @property
    def caf_number(self) -> str:
        return f"{1_000_000 + self.household:07d}"

    @property
    def ft_number(self) -> str:
        return f"{40_000_000_000 + self.number * 13:011d}"

    @property
    def ft_local_id(self) -> str:
        return f"{1_000_000 + self.number:07d}{'ABCDEFGHJK'[self.number % 10]}"

    @property
    def extract_id(self) -> str:
        return f"{self.number:08x}-0000-4000-8000-{self.number * 31:012x}"

    @property
    def departement_id(self) -> str:
        return f"{self.departement}{100_000 + self.number}"


@cache
def words() -> dict[str, Any]:
    """What names and places are drawn from."""
    text = files("hub.sandbox").joinpath("people.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


class Population:
    """``size`` adults, about half in each of two départements; ``on(day)`` is how things stand that day."""

    def __init__(self, *, seed: int, size: int) -> None:
        self.seed = seed
        self._draw = random.Random(seed)
        self.adults: list[Adult] = []
        self._orders: dict[str, int] = {}
        household = 0
        while len(self.adults) < size:
            household += 1
            self._next = len(self.adults)
            self.adults.extend(self._household(household, size - len(self.adults)))

    def _household(self, number: int, room: int) -> list[Adult]:
        kind = self._draw.random()
        first = self._adult(number)
        if room == 1 or kind < 0.55:
            return [first]
        self._next += 1
        if kind < 0.60:
            twin = self._relative_of(first, birth_date=first.birth_date, birth_rank=2)
            return [replace(first, birth_rank=1), twin]
        if kind < 0.63:
            return [replace(first, usage_name=first.birth_name), self._homonym_of(first)]
        if kind < 0.68:
            later = first.birth_date + timedelta(days=self._draw.randrange(400, 2000))
            return [first, self._relative_of(first, birth_date=later, birth_rank=None)]
        return [first, self._partner_of(first)]

    def _adult(self, household: int) -> Adult:
        draw, stock = self._draw, words()
        sex = draw.choice("12")
        departement = DEPARTEMENTS[household % 2]
        names = stock["men" if sex == "1" else "women"]
        birth_name = draw.choice(stock["surnames"]).upper()
        married = sex == "2" and draw.random() < 0.35
        given = tuple(dict.fromkeys(draw.choices(names, k=draw.choice((1, 1, 2, 3)))))
        commune = tuple(draw.choice(stock["communes"][departement]))
        born = date(1961, 1, 1) + timedelta(days=draw.randrange(16_000))
        place = tuple(draw.choice(stock["birth_places"]))
        if place[1].startswith("2") and born.year < 1976:
            place = (place[0], f"20{place[1][2:]}")
        adult = Adult(
            number=self._next, household=household, departement=departement, role="DEM", sex=sex,
            birth_name=birth_name, usage_name=draw.choice(stock["surnames"]).upper() if married else birth_name,
            first_names=given, birth_date=born, birth_place=(place[0], place[1]), birth_rank=None,
            nir=self._nir(sex, born, place[1]), address=self._address(), commune=(commune[0], commune[1], commune[2]),
            address_since=FIRST_DAY - timedelta(days=draw.randrange(60, 4000)),
            phone=self._phone(), email="", in_caf=True, in_ft=True,
            in_departement=True, rsa_state=draw.choice("2222234"),
            suspended_since=None, rights_and_duties=draw.random() < 0.85,
            claim_date=FIRST_DAY - timedelta(days=draw.randrange(90, 2500)),
            ft_status="Inscrit", ft_since=FIRST_DAY - timedelta(days=draw.randrange(30, 1500)),
            ft_category=draw.choice("123"), agency=draw.randrange(2) + (0 if departement == "08" else 2),
            job=draw.randrange(5), pathway=draw.choice(("emploi", "socio_pro", "social")),
            decided_on=FIRST_DAY - timedelta(days=draw.randrange(5, 400)), structure=draw.choice(stock["structures"]),
            referent=(draw.choice(stock["surnames"]), draw.choice(stock["women"])),
            contract_start=FIRST_DAY - timedelta(days=draw.randrange(10, 150)) if draw.random() < 0.6 else None,
            appointment_on=FIRST_DAY + timedelta(days=draw.randrange(3, 40)) if draw.random() < 0.5 else None,
        )  # fmt: skip
        return self._known(replace(adult, email=f"personne{adult.number}@exemple.fr"))

    def _known(self, adult: Adult) -> Adult:
        """Who knows this person; somebody always does."""
        draw = self._draw
        in_caf, in_ft, in_departement = draw.random() < 0.85, draw.random() < 0.7, draw.random() < 0.75
        suspended = FIRST_DAY - timedelta(days=draw.randrange(5, 90)) if adult.rsa_state in "34" else None
        return replace(
            adult, in_caf=in_caf or not (in_ft or in_departement), in_ft=in_ft, in_departement=in_departement,
            suspended_since=suspended,
        )  # fmt: skip

    def _relative_of(self, one: Adult, *, birth_date: date, birth_rank: int | None) -> Adult:
        """A twin or a sibling in a home of their own: same name, same birth place, another first name."""
        draw = self._draw
        names = [name for name in words()["men" if one.sex == "1" else "women"] if name not in one.first_names]
        return self._known(
            replace(
                one,
                number=self._next,
                household=one.household + OTHER_HOMES,
                first_names=(draw.choice(names),),
                usage_name=one.birth_name,
                birth_date=birth_date,
                birth_rank=birth_rank,
                nir=self._nir(one.sex, birth_date, one.birth_place[1]),
                address=self._address(),
                phone=self._phone(),
                email=f"personne{self._next}@exemple.fr",
            )
        )

    def _homonym_of(self, one: Adult) -> Adult:
        """Same names and sex, another birth, another home."""
        other = self._adult(one.household + OTHER_HOMES)
        return replace(
            other, birth_name=one.birth_name, usage_name=one.birth_name, first_names=one.first_names, sex=one.sex,
            nir=self._nir(one.sex, other.birth_date, other.birth_place[1]),
        )  # fmt: skip

    def _partner_of(self, one: Adult) -> Adult:
        """One home, one phone, one address, one CAF number; sometimes one first name."""
        other = self._adult(one.household)
        sex = "1" if one.sex == "2" else "2"
        shared = words()["shared_first_names"]
        first_names = (self._draw.choice(words()["men" if sex == "1" else "women"]),)
        if one.first_names[0] in shared:
            first_names = (one.first_names[0],)
        return replace(
            other, role="CJT", sex=sex, first_names=first_names, address=one.address, commune=one.commune,
            address_since=one.address_since, phone=one.phone, email=one.email, departement=one.departement,
            usage_name=one.usage_name if self._draw.random() < 0.5 else other.birth_name, in_caf=one.in_caf or other.in_caf,
            nir=self._nir(sex, other.birth_date, other.birth_place[1]), claim_date=one.claim_date, rsa_state=one.rsa_state,
            suspended_since=one.suspended_since,
        )  # fmt: skip

    def _nir(self, sex: str, born: date, place: str) -> str:
        start = f"{sex}{born:%y%m}{place}"
        self._orders[start] = self._orders.get(start, 0) + 1
        return f"{start}{self._orders[start]:03d}"

    def _phone(self) -> str:
        return f"+33{self._draw.choice('67')}{self._draw.randrange(10**8):08d}"

    def _address(self) -> tuple[str, str, str]:
        stock = words()
        return str(self._draw.randrange(1, 120)), self._draw.choice(stock["ways"]), self._draw.choice(stock["streets"])

    def on(self, day: int) -> list[Adult]:
        """Everybody as of ``day``: a few move, a few change situation, each day."""
        adults = self.adults
        for each in range(1, day + 1):
            adults = [self.next_day(adult, each) for adult in adults]
        return adults

    def next_day(self, adult: Adult, day: int) -> Adult:
        """The same person on ``day``, as they were the day before or changed."""
        today = FIRST_DAY + timedelta(days=day)
        home = random.Random(f"{self.seed}-{day}-{adult.household}-home")
        chance = home.random()
        if chance < 0.02:
            return replace(adult, address=(str(home.randrange(1, 120)), "rue", "des Lilas"), address_since=today)
        if chance < 0.03:
            return replace(adult, rsa_state="4", suspended_since=today)
        chance = random.Random(f"{self.seed}-{day}-{adult.number}").random()
        if chance < 0.02:
            return replace(adult, pathway="emploi", decided_on=today)
        if chance < 0.03:
            return replace(adult, ft_category="5")
        return adult


def nir_with_key(nir: str) -> str:
    """Thirteen characters and their key."""
    return nir + key_of(nir)
