"""Which pairs are worth comparing: hashed keys, one rule after another, blocks that are too large set aside and counted.

Two certified numbers decide by themselves: equal, the pair is found by the number; different, it is forbidden. So every other rule looks
only at pairs where one side at least has no certified number, which leaves a fraction of the pairs and loses none.

DuckDB computes the keys of a rule while the records of the rule before it are brought together, in columns of numbers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hub.identity.french.numbers import State
from hub.identity.match.blocks import Blocks, Everybody, gather, pairs_of

if TYPE_CHECKING:
    import duckdb

LARGEST_BLOCK = 4_000
TURNED = ("year", "least(month, day)", "greatest(month, day)")
NAMES = ("birth_bare", "usage_bare")
HEARD = ("birth_heard", "usage_heard")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way to find pairs: expressions on a record, each giving a key; records that share a key are compared."""

    name: str
    keys: tuple[str, ...]


def _key(*parts: str, of: tuple[str, ...] = ()) -> str:
    """The hash of some values, when all are there. ``of`` are the columns that they are parts of."""
    present = " AND ".join(f"{column} IS NOT NULL" for column in of or parts)
    return f"CASE WHEN {present} THEN hash({', '.join(parts)}) END"


def _either_way(one: str, other: str, *parts: str) -> str:
    """One key for two words, whichever comes first."""
    return _key(f"least({one}, {other})", f"greatest({one}, {other})", *parts, of=(one, other, *parts))


def _begins(name: str) -> str:
    return _key(f"left({name}, 4)", "left(first_name, 3)", "year", "month", of=(name, "first_name", "year", "month"))


NUMBER = Rule(name="numéro", keys=(_key("nir"),))
RULES = (
    Rule(name="un nom ou le prénom entendus, date", keys=tuple(
        _key(word, *TURNED, of=(word, "born")) for word in (*HEARD, "first_heard"))),
    Rule(name="nom et prénom entendus, dans un ordre ou dans l'autre, année", keys=tuple(
        _either_way(word, "first_heard", "year") for word in HEARD)),
    Rule(name="nom et prénom entendus, jour et mois", keys=tuple(_key(word, "first_heard", "month", "day") for word in HEARD)),
    Rule(name="nom et prénom, lieu de naissance", keys=tuple(_key(word, "first_name", "place") for word in NAMES)),
    Rule(name="nom et prénom, code postal", keys=tuple(_key(word, "first_name", "postcode") for word in NAMES)),
    Rule(name="date et lieu de naissance", keys=(_key("born", "place"),)),
    Rule(name="date de naissance, code postal", keys=(_key("born", "postcode"),)),
    Rule(name="téléphone", keys=(_key("phone"),)),
    Rule(name="courriel", keys=(_key("email"),)),
    Rule(name="débuts du nom et du prénom, mois", keys=tuple(_begins(name) for name in NAMES)),
    Rule(name="date, début du prénom ou du nom", keys=(
        _key("born", "left(first_name, 3)", "sex", of=("born", "first_name", "sex")),
        _key("born", "left(birth_bare, 4)", of=("born", "birth_bare")))),
    Rule(name="fin du numéro, prénom", keys=(
        f"CASE WHEN len(nir) = 13 THEN {_key('right(nir, 8)', 'first_name', of=('first_name',))} END",)),
    Rule(name="adresse, prénom", keys=(_key("postcode", "street", "first_name"),)),
    Rule(name="adresse, nom", keys=tuple(_key("postcode", "street", word) for word in HEARD)),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """What one rule found, and what it set aside because the blocks were too large."""

    rule: str
    pairs: int
    large_blocks: int
    pairs_set_aside: int


def find_pairs(connection: duckdb.DuckDBPyConnection, *, within: bool) -> list[Blocked]:
    """Fill ``candidates`` with the distinct pairs (a, b), a < b, that some rule finds."""
    connection.execute("CREATE OR REPLACE TABLE found (a INTEGER, b INTEGER)")
    everybody = _everybody(connection, within=within)
    said, rules = [], (NUMBER, *RULES)
    with ThreadPoolExecutor(max_workers=1) as beside:
        gathering = beside.submit(gather, _keys(connection, NUMBER), _all_free(everybody))
        for place, rule in enumerate(rules):
            keys = _keys(connection, rules[place + 1]) if place + 1 < len(rules) else None
            blocks = gathering.result()
            if keys is not None:
                gathering = beside.submit(gather, keys, everybody)
            said.append(_keep(connection, rule, _all_free(everybody) if rule is NUMBER else everybody, blocks))
    connection.execute("CREATE OR REPLACE TABLE candidates AS SELECT DISTINCT a, b FROM found")
    connection.execute("DROP TABLE found")
    return said


def _everybody(connection: duckdb.DuckDBPyConnection, *, within: bool) -> Everybody:
    found = connection.execute(f"SELECT rid, src, nir_state < {int(State.CERTIFIED)} AS free FROM records").fetchnumpy()
    rid, source, free = (np.asarray(found[name]) for name in ("rid", "src", "free"))
    return Everybody(rid=rid, source=source, free=free, within=within)


def _all_free(everybody: Everybody) -> Everybody:
    return replace(everybody, free=np.ones_like(everybody.free))


def _keys(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[np.ndarray]:
    """The keys of a rule, a column each, zero for a record without it. A record has a key once."""
    columns = ", ".join(f"coalesce({key}, 0)::UBIGINT AS k{place}" for place, key in enumerate(rule.keys))
    found = connection.execute(f"SELECT {columns} FROM records").fetchnumpy()
    keys = [np.asarray(column) for column in found.values()]
    for place, key in enumerate(keys):
        for earlier in keys[:place]:
            key[key == earlier] = 0
    return keys


def _keep(connection: duckdb.DuckDBPyConnection, rule: Rule, everybody: Everybody, blocks: Blocks) -> Blocked:
    """A block counts its pairs before they are made: one of a million alike would be a million millions."""
    large = blocks.pairs > LARGEST_BLOCK
    made = 0
    for a, b in pairs_of(blocks.where(~large), everybody):
        connection.register("arriving", pa.table({"a": a, "b": b}))
        connection.execute("INSERT INTO found SELECT a, b FROM arriving")
        connection.unregister("arriving")
        made += len(a)
    return Blocked(
        rule=rule.name, pairs=made, large_blocks=int(large.sum()), pairs_set_aside=int(blocks.pairs[large].sum())
    )
