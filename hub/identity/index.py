"""The inverted index as records come and change: their keys written, and values that too many records carry told apart."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hub.identity.candidates import pairs_and_who
from hub.identity.french.numbers import State
from hub.identity.keys import KEY_BYTES, MAY_BE_SHARED, NUMBER, SHARED_BY, keys_of
from hub.storage.statements import ask
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from hub.identity.comparable import Known
    from hub.storage.statements import Asked
    from hub.storage.vault import Vault

Key = tuple[int, int, int, bool]
MANY = 1_000  # keys from which copying them is quicker
# More carriers than the flows can hold without crowding: a value that so many carried before is crowded, and they are flagged.
SURELY_CROWDED = 500

FORGET = "delete from identity_key where source_record_id = any(%(records)s::bigint[]) returning key, rule"

ADD = """
insert into identity_key (key, source_record_id, rule, certified)
select * from unnest(%(keys)s::bigint[], %(records)s::bigint[], %(rules)s::bigint[], %(certified)s::boolean[])
"""

# Which records carry a value as one that too many of a flow share, or no more, and whose flag says otherwise.
TO_FLAG = """
with carried as materialized (
  select k.key, k.source_record_id as record, k.rule, i.flow, k.rule = any(i.shared) as flagged
  from (
    select key, source_record_id, rule from identity_key
    where key = any(%(keys)s::bigint[]) and source_record_id = any(%(records)s::bigint[])
    union all
    select o.key, o.source_record_id, o.rule
    from unnest(%(keys)s::bigint[]) w(key) cross join lateral (
      select k.key, k.source_record_id, k.rule from identity_key k
      where k.key = w.key and k.source_record_id <> all(%(records)s::bigint[]) order by k.source_record_id desc limit %(enough)s
    ) o
  ) k join source_identity i using (source_record_id)
), crowded as (
  select distinct key from carried group by key, flow having count(*) > %(most)s
)
select c.record, c.rule, w.key is not null as crowded
from carried c left join crowded w using (key) where (w.key is not null) <> c.flagged
"""

FLAG = """
update source_identity i
set shared = case when f.crowded then array_append(i.shared, %(rule)s::smallint)
                  else array_remove(i.shared, %(rule)s::smallint) end
from unnest(%(records)s::bigint[], %(crowded)s::boolean[]) f(record, crowded)
where i.source_record_id = f.record
"""

CERTIFY = """
update identity_key k set certified = i.nir_state = %(certified)s and not (%(number)s = any(i.shared))
from source_identity i where i.source_record_id = k.source_record_id and k.source_record_id = any(%(records)s::bigint[])
"""


def index(
    connection: Connection, vault: Vault, people: Sequence[Known], *, before: Iterable[int], said: Asked
) -> tuple[set[int], Sequence[Any] | None]:
    """Write what is ``said`` of some records, and their keys, those they had ``before`` forgotten.

    Returns the records, others included, that carry a value which is now, or no more, carried by too many; and the pairs of a few
    records, where no such value may have changed them.
    """
    records = [known.record for known in people]
    gone = [row for (rows,) in [ask(connection, (FORGET, {"records": list(before)}))] for row in rows] if before else []
    digest = vault.hasher("block", KEY_BYTES)
    keys = [
        (key, known.record, rule, known.person.nir_state == State.CERTIFIED)
        for known in people
        for key, rule in keys_of(known.person, digest).items()
    ]
    touched = {row.key for row in gone if row.rule in MAY_BE_SHARED} | {
        key for key, _, rule, _ in keys if rule in MAY_BE_SHARED
    }
    flags = {"keys": list(touched), "records": records, "most": SHARED_BY, "enough": SURELY_CROWDED}
    wrong, found = _add(connection, keys, said=said, then=(TO_FLAG, flags), found=pairs_and_who(records))
    return _flag(connection, wrong), None if wrong else found


def _add(
    connection: Connection, keys: Sequence[Key], *, said: Asked, then: Asked, found: Asked
) -> tuple[list[Any], Sequence[Any] | None]:
    if len(keys) > MANY:
        ask(connection, said)
        copy_rows(connection, "copy identity_key (key, source_record_id, rule, certified) from stdin", keys)
        return ask(connection, then)[0], None
    numbers, records, rules, certified = (
        (list(column) for column in zip(*keys, strict=True)) if keys else ([], [], [], [])
    )
    added = {"keys": numbers, "records": records, "rules": rules, "certified": certified}
    _, wrong, pairs = ask(connection, (f"with kept as ({said[0]}) {ADD}", {**said[1], **added}), then, found)
    return wrong, pairs


def _flag(connection: Connection, wrong: Iterable[tuple[int, int, bool]]) -> set[int]:
    by_rule: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
    for record, rule, crowded in wrong:
        by_rule[rule].append((record, crowded))
    for rule, flags in sorted(by_rule.items()):
        records, said = zip(*flags, strict=True)
        ask(connection, (FLAG, {"rule": rule, "records": list(records), "crowded": list(said)}))
    if by_rule[NUMBER]:
        numbered = [record for record, _ in by_rule[NUMBER]]
        ask(connection, (CERTIFY, {"records": numbered, "certified": int(State.CERTIFIED), "number": NUMBER}))
    return {record for flags in by_rule.values() for record, _ in flags}
