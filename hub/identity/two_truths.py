"""Two truths: two partners vouch for one person's civil status, and disagree. The field's owner is asked."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

import orjson
import yaml

from hub.storage.statements import ask
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.comparable import Known
    from hub.identity.french.person import Person

KIND = "deux_verites"

OPEN = """
insert into review_case (record_a, record_b, kind, evidence, owner, opened_at)
select d.a, d.b, %(kind)s, cast(d.evidence as jsonb), d.owner, %(now)s
from unnest(%(a)s::bigint[], %(b)s::bigint[], %(evidence)s::text[], %(owners)s::text[]) d(a, b, evidence, owner)
where not exists (
  select from review_case r
  where r.record_a = d.a and r.record_b = d.b and r.kind = %(kind)s and r.evidence = cast(d.evidence as jsonb))
on conflict (record_a, record_b) where closed_at is null do nothing
returning 1
"""

CLOSE = """
update review_case r set closed_at = %(now)s, closed_by = 'hub'
where r.closed_at is null and r.kind = %(kind)s and (r.record_a = any(%(records)s::bigint[]) or r.record_b = any(%(records)s::bigint[]))
  and not exists (
    select from unnest(%(a)s::bigint[], %(b)s::bigint[], %(evidence)s::text[]) d(a, b, evidence)
    where d.a = r.record_a and d.b = r.record_b and cast(d.evidence as jsonb) = r.evidence)
"""


def _apart(name: str) -> Callable[[Person, Person], bool]:
    def differ(one: Person, other: Person) -> bool:
        said = (getattr(one, name), getattr(other, name))
        return None not in said and said[0] != said[1]

    return differ


def _names_apart(one: Person, other: Person) -> bool:
    """Birth and usage names: either may answer to either."""
    names, others = {one.birth_bare, one.usage_bare} - {None}, {other.birth_bare, other.usage_bare} - {None}
    return bool(names and others) and names.isdisjoint(others)


def _first_names_apart(one: Person, other: Person) -> bool:
    return bool(one.first_names and other.first_names) and not {one.first_two, one.first_name} & {
        other.first_two, other.first_name,
    }  # fmt: skip


DIFFER: Mapping[str, Callable[[Person, Person], bool]] = {
    "identity.birth_name": _names_apart,
    "identity.first_names": _first_names_apart,
    "identity.birth_date": _apart("born"),
    "identity.birth_place_code": _apart("place"),
    "identity.sex": _apart("sex"),
}


@cache
def vouched_for() -> tuple[str, ...]:
    """The fields that a certified record vouches for; raises ``FixTheDeclaration`` on one that cannot be compared."""
    given = yaml.safe_load(files("hub.dossiers").joinpath("survivorship.yml").read_text(encoding="utf-8"))["certified"]
    for path in given:
        if path not in DIFFER:
            raise FixTheDeclaration(
                f"hub/dossiers/survivorship.yml: certified: {path} is not one of {', '.join(DIFFER)}."
            )
    return tuple(given)


def keep_two_truths(
    connection: Connection, people: Mapping[int, Known], parts: Iterable[Collection[int]], *, waits: bool, now: datetime
) -> int:
    """Open and close the cases of some persons, of whom one ``waits`` or none does; returns how many were opened. A case that was
    decided is not opened again.
    """
    found = [
        (a, b, fields)
        for members in parts
        for a, b in combinations(sorted(members), 2)
        if (fields := _disagreements(people[a], people[b]))
    ]
    known = {
        "kind": KIND, "now": now, "records": list(people), "a": [a for a, _, _ in found], "b": [b for _, b, _ in found],
        "evidence": [orjson.dumps({"champs": fields}).decode() for *_, fields in found],
    }  # fmt: skip
    if waits:
        ask(connection, (CLOSE, known))
    if not found:
        return 0
    owners = [facts()[fields[0]].owner.value for *_, fields in found]
    return len(ask(connection, (OPEN, known | {"owners": owners}))[0])


def _disagreements(one: Known, other: Known) -> list[str]:
    if one.partner == other.partner or one.certified is None or other.certified is None:
        return []
    return [path for path in vouched_for() if DIFFER[path](one.person, other.person)]
