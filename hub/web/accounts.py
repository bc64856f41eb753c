"""Accounts: who may look and act on the screens, with which roles; passwords kept as Argon2id."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import insert, select, update

from schemas.errors import FixTheDeclaration
from schemas.tables import account

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from hub.opening import Hub

ROLES = ("operator", "reviewer", "dpo", "administrator", "partner")
NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
SHORTEST_PASSWORD = 12
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who may use the screens. ``partner`` is the one partner that a partner's own account sees."""

    name: str
    roles: frozenset[str]
    partner: str | None = None
    sessions_from: datetime | None = None


def add(
    hub: Hub, name: str, *, roles: Collection[str], password: str, partner: str | None = None, now: datetime
) -> None:
    """Open an account; raises ``FixTheDeclaration`` when its name, roles, partner or password will not do."""
    fault = _fault(hub, name, roles=roles, partner=partner)
    if fault:
        raise FixTheDeclaration(fault)
    values = {"roles": sorted(roles), "partner": partner, "password": _hashed(password), "created_at": now}
    with hub.engine.begin() as connection:
        if connection.execute(select(account.c.name).where(account.c.name == name)).first():
            raise FixTheDeclaration(f"There is an account {name!r} already: hub users list shows them.")
        connection.execute(insert(account).values(name=name, **values))


def _fault(hub: Hub, name: str, *, roles: Collection[str], partner: str | None) -> str | None:
    partners = {flow.partner for flow in hub.flows.values()}
    if not NAME.fullmatch(name):
        return "An account is named in lower case, with letters, digits, dots and dashes: prenom.nom."
    if not roles or set(roles) - set(ROLES):
        return f"Roles are one or several of {', '.join(ROLES)}."
    if ("partner" in roles) != (partner is not None) or (partner is not None and len(set(roles)) > 1):
        return "The role partner stands alone, and names its partner; the others name none."
    if partner is not None and partner not in partners:
        return f"No partner is called {partner!r}. Known: {', '.join(sorted(partners))}."
    return None


# Whom the demonstration and an embedded store open accounts for: one a role, and one that Airflow knows too.
INVENTED: dict[str, tuple[str, ...]] = {
    "admin": ("operator", "reviewer", "dpo", "administrator"),
    "operateur": ("operator",),
    "instructeur": ("reviewer",),
    "delegue": ("dpo",),
    "caf": ("partner",),
}


def open_invented(hub: Hub, *, now: datetime) -> str | None:
    """Open the invented accounts where there is none at all; returns their one password, drawn now, or None."""
    if listed(hub):
        return None
    password = drawn_password()
    for name, roles in INVENTED.items():
        add(hub, name, roles=roles, password=password, partner=name if "partner" in roles else None, now=now)
    return password


def listed(hub: Hub) -> list[dict[str, Any]]:
    """Every account, without its password."""
    shown = (account.c.name, account.c.roles, account.c.partner, account.c.created_at, account.c.disabled_at)
    with hub.engine.connect() as connection:
        rows = connection.execute(select(*shown).order_by(account.c.name))
        return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name


def disable(hub: Hub, name: str, *, now: datetime) -> None:
    """Close an account, and the sessions it has open; raises ``FixTheDeclaration`` when there is none of that name."""
    _change(hub, name, disabled_at=now, sessions_from=now)


def set_password(hub: Hub, name: str, password: str, *, now: datetime) -> None:
    """Give another password: open sessions end, a lock is lifted, a disabled account may be used again."""
    _change(
        hub, name, password=_hashed(password), sessions_from=now, failures=0, locked_until=None, disabled_at=None
    )  # fmt: skip


def end_sessions(hub: Hub, name: str, *, now: datetime) -> None:
    """End every session an account has open."""
    _change(hub, name, sessions_from=now)


def _change(hub: Hub, name: str, **values: Any) -> None:
    with hub.engine.begin() as connection:
        if not connection.execute(update(account).where(account.c.name == name).values(**values)).rowcount:
            raise FixTheDeclaration(f"No account is called {name!r}: hub users list shows them.")


def find(hub: Hub, name: str) -> Account | None:
    """An account that may be used now."""
    with hub.engine.connect() as connection:
        row = connection.execute(select(account).where(account.c.name == name, account.c.disabled_at.is_(None))).first()
    if row is None:
        return None
    return Account(name=row.name, roles=frozenset(row.roles), partner=row.partner, sessions_from=row.sessions_from)


def check(hub: Hub, name: str, password: str, *, now: datetime) -> Account | None:
    """The account whose password this is. Five wrong ones in a row lock it for five minutes; an unknown name takes as long."""
    with hub.engine.begin() as connection:
        row = connection.execute(select(account).where(account.c.name == name).with_for_update()).first()
        right = _is(password, row.password if row else _nobodys())
        if row is None or row.disabled_at is not None or (row.locked_until is not None and row.locked_until > now):
            return None
        failures = 0 if right else row.failures + 1
        locked = now + LOCKED_FOR if failures >= MOST_FAILURES else None
        counted = {"failures": 0 if locked else failures, "locked_until": locked}
        connection.execute(update(account).where(account.c.name == name).values(**counted))
    return find(hub, name) if right else None


def drawn_password() -> str:
    """A password nobody chose."""
    return secrets.token_urlsafe(15)


def _hashed(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise FixTheDeclaration(f"A password has {SHORTEST_PASSWORD} characters or more.")
    return _argon2(secrets.token_bytes(16)).derive_phc_encoded(password.encode())


def _argon2(salt: bytes) -> Argon2id:
    """What OWASP recommends: 19 MiB, two passes, one lane."""
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)


def _is(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True


@cache
def _nobodys() -> str:
    return _argon2(bytes(16)).derive_phc_encoded(secrets.token_bytes(16))
