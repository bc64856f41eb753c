"""What the pretend France Travail holds: its people, the tokens it gave, what it was told."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.sandbox.france_travail.people import FtPerson

ACCESS_TOKEN_LIFE = 1500  # seconds
USER_TOKEN_LIFE = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Written:
    """Something France Travail was told about one of its users."""

    who: str
    body: dict[str, Any] = field(repr=False)
    idempotency_key: str | None
    received_at: datetime
    provider_id: str


class Register:
    """Touched by the server's thread only, except for reading."""

    def __init__(self, *, people: Mapping[str, FtPerson], clock: Callable[[], float], seed: int) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._access: dict[str, tuple[float, frozenset[str]]] = {}
        self._users: dict[str, tuple[float, str]] = {}
        self._told: dict[tuple[str, str], Written] = {}
        self.decisions: list[Written] = []
        self.appointments: list[Written] = []
        self.load(people)

    def load(self, people: Mapping[str, FtPerson]) -> None:
        """Take the day's picture; what was told until now shows in what is read from now on."""
        by_nir: dict[tuple[str, str], list[FtPerson]] = defaultdict(list)
        for person in people.values():
            if person.nir13:
                by_nir[person.nir13, person.birth_date].append(person)
        self._by_nir = by_nir
        self._people = {person.numero: person for person in people.values()}
        self._decided = {told.who: told.body for told in self.decisions if told.body["etat_decision"] == "ACCEPTEE"}

    def by_nir(self, nir: str, birth_date: str) -> list[FtPerson]:
        return self._by_nir.get((nir[:13], birth_date), [])

    def by_number(self, number: str) -> list[FtPerson]:
        person = self._people.get(number)
        return [person] if person else []

    def decision_on(self, person: FtPerson) -> dict[str, Any] | None:
        return self._decided.get(person.numero)

    def give_access(self, scopes: frozenset[str]) -> str:
        return self._give(self._access, ACCESS_TOKEN_LIFE, scopes)

    def scopes_of(self, token: str) -> frozenset[str] | None:
        expires_at, scopes = self._access.get(token, (0.0, None))
        return scopes if expires_at > self._clock() else None

    def give_user(self, person: FtPerson) -> str:
        return self._give(self._users, USER_TOKEN_LIFE, person.numero)

    def user_of(self, token: str) -> FtPerson | None:
        expires_at, numero = self._users.get(token, (0.0, ""))
        return self._people.get(numero) if expires_at > self._clock() else None

    def forget_tokens(self) -> None:
        self._access.clear()
        self._users.clear()

    def tell(self, book: list[Written], *, who: str, body: dict[str, Any], key: str | None) -> Written:
        """Write once per idempotency key: a replay gives back what the first one got."""
        known = self._told.get((who, key)) if key else None
        if known:
            return known
        written = Written(
            who=who,
            body=body,
            idempotency_key=key,
            received_at=datetime.fromtimestamp(self._clock(), UTC),
            provider_id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
        )
        book.append(written)
        if key:
            self._told[who, key] = written
        return written

    def _give(self, kept: dict[str, tuple[float, Any]], life: int, value: Any) -> str:
        token = f"{self._random.getrandbits(160):040x}"
        kept[token] = (self._clock() + life, value)
        return token
