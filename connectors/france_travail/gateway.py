"""The identity gateway: from a NIR and a birth date, or a France Travail number, to the token that opens a user."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from connectors.france_travail.calls import Call, Calls
from connectors.france_travail.tokens import TokenStore, usable_for
from connectors.france_travail.verdicts import BY_CODE, UNUSABLE, Verdict, verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.france_travail.exchange import Query

USER_TOKEN_LIFE = timedelta(hours=24)
NIR = re.compile(r"[0-9]{5}[0-9AB]{2}[0-9]{6}(?:[0-9]{2})?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NUMBER = re.compile(r"[0-9]{10}[0-9A-Z]")
LOOK_ALIKES = str.maketrans("АВЕКМНОРСТХ", "ABEKMHOPCTX")  # Cyrillic capitals were found in real numbers


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody France Travail recognised: what it said, and the token that opens their data."""

    token: str = field(repr=False)
    search: dict[str, Any] = field(repr=False)
    repairs: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class NotFound:
    """Nobody to speak about, and why."""

    code: str
    verdict: Verdict


def user_token_name(connection: str, key: str) -> str:
    """The name under which a person's user token is kept, so that an erasure can find it."""
    return f"{connection}/{key}"


class Gateway:
    """Searches once a day per person: the token is kept, with what the search said, until either changes."""

    def __init__(self, *, connection: str, calls: Calls, store: TokenStore, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._calls = calls
        self._store = store
        self._clock = clock

    def find(self, query: Query, *, fresh: bool = False) -> User | NotFound:
        """Look for a person; ``fresh`` searches even when a token is kept."""
        search = search_for(query)
        if search is None:
            return NotFound(code="NO_IDENTIFIER", verdict=BY_CODE["NO_IDENTIFIER"])
        kept = None if fresh else self._kept(query, _asked(search))
        return kept or self._search(query, search)

    def _kept(self, query: Query, asked: str) -> User | None:
        text = self._store.get(user_token_name(self._connection, query.key), self._clock())
        kept = orjson.loads(text) if text else {}
        if kept.get("asked") != asked:  # a corrected NIR may be somebody else
            return None
        return User(token=kept["token"], search=kept["search"])

    def _search(self, query: Query, search: Call) -> User | NotFound:
        reply = self._calls.make(search)
        verdict = verdict_on(reply)
        if verdict.finding != "found":
            return NotFound(code=reply.code, verdict=verdict)
        token = reply.text("jetonUsager")
        if not reply.ok or not token:
            return NotFound(code="NO_USER_TOKEN", verdict=UNUSABLE)
        said = {name: value for name, value in reply.body.items() if name != "jetonUsager"}
        kept = orjson.dumps({"token": token, "search": said, "asked": _asked(search)}).decode()
        name = user_token_name(self._connection, query.key)
        self._store.put(name, kept, self._clock() + usable_for(USER_TOKEN_LIFE))
        return User(token=token, search=said, repairs=reply.repairs)


def search_for(query: Query) -> Call | None:
    """The search to make: by NIR and birth date, else by number; ``None`` when neither can be asked."""
    nir, date = _tidy(query.nir), (query.birth_date or "").strip()
    if NIR.fullmatch(nir) and DATE.fullmatch(date):
        return _search_call("par-datenaissance-et-nir", {"dateNaissance": date, "nir": nir})
    number = _tidy(query.france_travail_number).translate(LOOK_ALIKES)
    if NUMBER.fullmatch(number):
        return _search_call("par-numero-francetravail", {"numeroFranceTravail": number})
    return None


def _search_call(way: str, body: dict[str, str]) -> Call:
    return Call(method="POST", path=f"/rechercher-usager/v2/usagers/{way}", body=body)


def _tidy(text: str | None) -> str:
    return "".join(unicodedata.normalize("NFKC", text or "").split()).upper()


def _asked(search: Call) -> str:
    """What was searched for, in a form that can only be compared."""
    return blake2b(orjson.dumps([search.path, search.body]), digest_size=16).hexdigest()
