"""Which pairs are worth comparing: hashed keys, one index for each rule, blocks that are too large set aside and counted.

Two certified numbers decide by themselves: equal, the pair is found by the number; different, it is forbidden. So every other rule looks
only at pairs where one side at least has no certified number, which leaves a fraction of the pairs and loses none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.identity.french.numbers import State

if TYPE_CHECKING:
    import duckdb

LARGEST_BLOCK = 4_000
TURNED = "CASE WHEN born IS NOT NULL THEN hash(year, least(month, day), greatest(month, day)) END"
NAMES = ("birth_bare", "usage_bare")
HEARD = ("birth_heard", "usage_heard")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way to find pairs: expressions on a record, each giving a key; records that share a key are compared."""

    name: str
    keys: tuple[str, ...]

    @property
    def sql(self) -> str:
        return f"list_filter([{', '.join(self.keys)}], lambda k: k IS NOT NULL)" if len(self.keys) > 1 else self.keys[0]


def _key(*parts: str) -> str:
    present = " AND ".join(f"({part}) IS NOT NULL" for part in parts)
    return f"CASE WHEN {present} THEN hash({', '.join(parts)}) END"


NUMBER = Rule(name="numéro", keys=(_key("nir"),))
RULES = (
    Rule(name="un nom ou le prénom entendus, date", keys=tuple(_key(word, TURNED) for word in (*HEARD, "first_heard"))),
    Rule(name="nom et prénom entendus, année", keys=tuple(_key(word, "first_heard", "year") for word in HEARD)),
    Rule(name="nom et prénom entendus, jour et mois", keys=tuple(_key(word, "first_heard", "month", "day") for word in HEARD)),
    Rule(name="nom et prénom, lieu de naissance", keys=tuple(_key(word, "first_name", "place") for word in NAMES)),
    Rule(name="nom et prénom, code postal", keys=tuple(_key(word, "first_name", "postcode") for word in NAMES)),
    Rule(name="nom et prénom inversés, année", keys=tuple(
        _key(f"{word} || '+' || first_heard", "year") for word in HEARD)
        + tuple(_key(f"first_heard || '+' || {word}", "year") for word in HEARD)),
    Rule(name="date et lieu de naissance", keys=(_key("born", "place"),)),
    Rule(name="date de naissance, code postal", keys=(_key("born", "postcode"),)),
    Rule(name="téléphone", keys=(_key("phone"),)),
    Rule(name="courriel", keys=(_key("email"),)),
    Rule(name="débuts du nom et du prénom, mois", keys=tuple(
        _key(f"{word}[1:4]", "first_name[1:3]", "year", "month") for word in NAMES)),
    Rule(name="date, début du prénom ou du nom", keys=(_key("born", "first_name[1:3]", "sex"), _key("born", "birth_bare[1:4]"))),
    Rule(name="fin du numéro, prénom", keys=(_key("CASE WHEN len(nir) = 13 THEN nir[6:] END", "first_name"),)),
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
    said = [_find(connection, NUMBER, "true", within=within)]
    free = f"nir_state < {int(State.CERTIFIED)}"
    said += [_find(connection, rule, free, within=within) for rule in RULES]
    connection.execute("CREATE OR REPLACE TABLE candidates AS SELECT DISTINCT a, b FROM found")
    connection.execute("DROP TABLE found")
    return said


def _find(connection: duckdb.DuckDBPyConnection, rule: Rule, few: str, *, within: bool) -> Blocked:
    """Keys of the few against keys of all. A block counts its pairs before they are made; one too large is set aside."""
    keys = f"unnest({rule.sql})" if len(rule.keys) > 1 else rule.sql
    one_side = f"SELECT rid, src, {keys} AS k FROM records"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE few AS SELECT DISTINCT rid, src, k FROM ({one_side} WHERE {few}) WHERE k IS NOT NULL"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE hits AS SELECT rid, src, k FROM ({one_side}) WHERE k IN (SELECT k FROM few)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE large AS SELECT k, n.number * h.number AS pairs FROM"
        " (SELECT k, count(*) AS number FROM few GROUP BY k) n JOIN (SELECT k, count(*) AS number FROM hits GROUP BY k) h USING (k)"
        f" WHERE n.number * h.number > {LARGEST_BLOCK}"
    )
    row = connection.execute("SELECT count(*), coalesce(sum(pairs), 0)::BIGINT FROM large").fetchone() or (0, 0)
    if row[0]:  # before the join: after it, a block of a million alike would already be a million millions
        connection.execute("DELETE FROM few WHERE k IN (SELECT k FROM large)")
    apart = "few.rid <> hits.rid" if within else "few.src <> hits.src"
    made = connection.execute(
        "INSERT INTO found SELECT least(few.rid, hits.rid), greatest(few.rid, hits.rid) FROM few JOIN hits USING (k)"
        f" WHERE {apart}"
    ).fetchone()
    return Blocked(
        rule=rule.name, pairs=int(made[0]) if made else 0, large_blocks=int(row[0]), pairs_set_aside=int(row[1])
    )
