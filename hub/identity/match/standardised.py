"""The French pack over a whole table: each distinct spelling is read once, by the same functions as a single record.

Plain values (most) are read in SQL; whatever is not plain goes to the pack, once per distinct value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hub.identity.french import contacts, names, numbers
from hub.identity.french.dates import Born, birth_date
from hub.identity.french.person import SEXES
from hub.identity.french.places import birth_place, departement
from hub.identity.french.text import sounding
from hub.identity.match.cells import CELLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import duckdb

SHARED_BY = 4
TEXT, WORDS = pa.string(), pa.list_(pa.string())


def standardise_all(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """From ``said`` to ``records``: the columns of ``Person``, and ``src``, ``rid``. Says how many values too many records carry."""
    connection.execute(CELLS)
    _read_dates(connection)
    _read_places(connection)
    _read_surnames(connection)
    _read_first_names(connection)
    _read_contacts(connection)
    connection.execute(RECORDS)
    _read_numbers(connection)
    return _forget_shared(connection)


def _distinct(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def _keep(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, pa.DataType], rows: Iterable[Sequence[Any]]
) -> None:
    """Make a table of what was read, one row a spelling."""
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrow = pa.table(
        {name: pa.array(values, type=kind) for (name, kind), values in zip(columns.items(), by_column, strict=True)}
    )
    connection.register("arriving", arrow)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM arriving")
    connection.unregister("arriving")


def _read_dates(connection: duckdb.DuckDBPyConnection) -> None:
    spelt = _distinct(connection, "SELECT DISTINCT birth_date FROM said WHERE birth_date IS NOT NULL")
    read = ((text, born.number, born.year, born.month, born.day) for (text,) in spelt for born in (birth_date(text),))
    kinds = {"born": pa.int32(), "year": pa.int16(), "month": pa.int8(), "day": pa.int8()}
    _keep(connection, "read_dates", {"text": TEXT, **kinds}, read)


def _read_places(connection: duckdb.DuckDBPyConnection) -> None:
    """The year tells which country a code was in."""
    spelt = _distinct(connection, f"SELECT DISTINCT birth_place_insee, {ERA} FROM said LEFT JOIN read_dates d ON d.text = said.birth_date"
                      " WHERE birth_place_insee IS NOT NULL")  # fmt: skip
    rows = []
    for text, era in spelt:
        year = era or None
        place = birth_place(text, year=year)
        rows.append((text, era, place, departement(place, year=year)))
    _keep(connection, "read_places", {"text": TEXT, "era": pa.int16(), "place": TEXT, "departement": TEXT}, rows)


ERA = "(CASE WHEN year IS NULL THEN 0 WHEN year < 1963 THEN 1962 WHEN year < 1968 THEN 1967 ELSE 2000 END)::SMALLINT"


def _read_surnames(connection: duckdb.DuckDBPyConnection) -> None:
    """A plain cell is one word: folding it first leaves few distinct ones. Others may hold two names."""
    spelt = _distinct(connection, "SELECT birth_cell FROM cells WHERE birth_cell IS NOT NULL"
                      " UNION SELECT usage_cell FROM cells WHERE usage_cell IS NOT NULL")  # fmt: skip
    rows = []
    for (text,) in spelt:
        born, used, unsaid = (names.surname(part) for part in names.split_cell(text))
        rows.append((text, *_surname(born), *_surname(used), *_surname(unsaid)))
    parts = ("whole", "bare", "heard", "words")
    kinds = {
        f"{role}_{part}": WORDS if part == "words" else TEXT for role in ("born", "used", "unsaid") for part in parts
    }
    _keep(connection, "read_surnames", {"text": TEXT, **kinds}, rows)


def _surname(name: names.Surname | None) -> tuple[Any, ...]:
    return (None, None, None, None) if name is None else (name.whole, name.bare, sounding(name.bare), list(name.words))


def _read_first_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Plain words are parted in SQL, once for each row; other cells are read by the pack, once for each spelling. Then every first
    first name is heard once.
    """
    spelt = _distinct(
        connection,
        "SELECT DISTINCT first_names FROM said JOIN cells USING (rid) WHERE cells.words IS NULL AND first_names IS NOT NULL",
    )
    rows = [(text, list(given)) for (text,) in spelt if (given := names.first_names(text))]
    _keep(connection, "read_first_names", {"text": TEXT, "words": WORDS}, rows)
    first = _distinct(
        connection, "SELECT words[1] FROM cells WHERE words IS NOT NULL UNION SELECT words[1] FROM read_first_names"
    )
    _keep(connection, "heard_first_names", {"word": TEXT, "heard": TEXT}, ((word, sounding(word)) for (word,) in first))


BY_HAND: dict[str, Callable[[str | None], str | None]] = {
    "phone": contacts.phone, "postcode": contacts.postcode, "email": contacts.email, "address": contacts.street,
}  # fmt: skip


def _read_contacts(connection: duckdb.DuckDBPyConnection) -> None:
    for column, read in BY_HAND.items():
        spelt = _distinct(connection, f"SELECT DISTINCT said.{column} FROM said JOIN cells USING (rid)"
                          f" WHERE cells.{column} IS NULL AND said.{column} IS NOT NULL")  # fmt: skip
        _keep(connection, f"read_{column}", {"text": TEXT, "value": TEXT}, ((text, read(text)) for (text,) in spelt))


def _contact(column: str) -> str:
    return f"coalesce(c.{column}, r_{column}.value)"


SEX = (
    "CASE upper(s.sex) "
    + " ".join(f"WHEN '{word}' THEN '{sex}'" for word, sex in SEXES.items())
    + " WHEN 'M.' THEN '1' END"
)


def _pick(part: str, *roles: str) -> str:
    return "coalesce(" + ", ".join(f"{side}.{role}_{part}" for role, side in (role.split("@") for role in roles)) + ")"


def _born(part: str) -> str:
    return _pick(part, "born@n", "born@u", "unsaid@n")


def _used(part: str) -> str:
    return _pick(part, "used@u", "used@n", "unsaid@u")


RECORDS = f"""
CREATE OR REPLACE TABLE records AS
WITH cells AS (
  SELECT s.rid, s.source, s.birth_date, s.birth_place_insee, s.sex, c.nir AS nir_said, c.plain, birth_cell, usage_cell,
    coalesce(c.words, f.words) AS first_words, {_contact("postcode")} AS postcode, {_contact("address")} AS street,
    {_contact("phone")} AS phone, {_contact("email")} AS email
  FROM said s JOIN cells c USING (rid) LEFT JOIN read_first_names f ON c.words IS NULL AND f.text = s.first_names
  LEFT JOIN read_phone r_phone ON c.phone IS NULL AND r_phone.text = s.phone
  LEFT JOIN read_postcode r_postcode ON c.postcode IS NULL AND r_postcode.text = s.postcode
  LEFT JOIN read_email r_email ON c.email IS NULL AND r_email.text = s.email
  LEFT JOIN read_address r_address ON c.address IS NULL AND r_address.text = s.address
), joined AS (
  SELECT s.rid, sources.src, nir_said, plain, first_words[1] AS first_name, array_to_string(first_words[1:2], '') AS first_two, h.heard AS first_heard,
    coalesce(first_words, []) AS first_names,
    d.born, d.year, d.month, d.day, p.place, p.departement, {SEX} AS sex,
    {_born("whole")} AS born_whole, {_born("bare")} AS born_bare, {_born("heard")} AS born_heard, {_born("words")} AS born_words,
    {_used("whole")} AS used_whole, {_used("bare")} AS used_bare, {_used("heard")} AS used_heard, {_used("words")} AS used_words,
    postcode, street, phone, email
  FROM cells s JOIN sources ON sources.name = s.source
  LEFT JOIN read_surnames n ON n.text = s.birth_cell LEFT JOIN read_surnames u ON u.text = s.usage_cell
  LEFT JOIN heard_first_names h ON h.word = first_words[1] LEFT JOIN read_dates d ON d.text = s.birth_date
  LEFT JOIN read_places p ON p.text = s.birth_place_insee AND p.era = {ERA.replace("year", "d.year")}
), named AS (
  SELECT *, born_whole IS NOT NULL AND used_whole IS NOT NULL AND born_bare <> used_bare AS two FROM joined
)
SELECT rid, src, nir_said, plain, first_name, first_two, first_heard, first_names, born, year, month, day, place, departement, sex,
  coalesce(born_whole, used_whole) AS birth_name, coalesce(born_bare, used_bare) AS birth_bare,
  coalesce(born_heard, used_heard) AS birth_heard,
  CASE WHEN two THEN used_whole END AS usage_name, CASE WHEN two THEN used_bare END AS usage_bare,
  CASE WHEN two THEN used_heard END AS usage_heard,
  CASE WHEN two THEN list_distinct(born_words || used_words) ELSE coalesce(born_words, used_words, []) END AS name_words,
  postcode, street, phone, email, split_part(email, '@', 1) AS mailbox
FROM named
"""


def _read_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    """Plain numbers are judged in SQL beside their record; the others by the pack, each beside its own."""
    odd = _distinct(connection, "SELECT DISTINCT nir_said, sex, year, month, place FROM records"
                    " WHERE nir_said IS NOT NULL AND NOT plain")  # fmt: skip
    rows = []
    for text, sex, year, month, place in odd:
        read = numbers.number(text, sex=sex, born=Born(year=year, month=month), place=place)
        rows.append((text, sex, year, month, place, read.value, int(read.state)))
    kinds = {
        "text": TEXT,
        "sex": TEXT,
        "year": pa.int16(),
        "month": pa.int8(),
        "place": TEXT,
        "nir": TEXT,
        "state": pa.int8(),
    }
    _keep(connection, "read_numbers", kinds, rows)
    connection.execute(NUMBERED)


TOLD = "CASE WHEN nir_said[6:7] IN ('97','98') THEN nir_said[6:8] WHEN year < 1968 AND nir_said[6:7] IN ('75','78','91','92','93','94','95') THEN '75' ELSE nir_said[6:7] END"
COUNTRY = "CASE WHEN nir_said[6:7] IN ('91','92','93','94') THEN '99352' WHEN nir_said[6:7] = '95' THEN '99350' WHEN nir_said[6:7] = '96' THEN '99351' END"
AGREE = f"""[sex = nir_said[1], lpad((year % 100)::VARCHAR, 2, '0') = nir_said[2:3], month = nir_said[4:5]::TINYINT,
  CASE WHEN place IS NOT NULL THEN ({TOLD}) = departement OR coalesce(place = ({COUNTRY}), false) END]"""
NUMBERED = f"""
CREATE OR REPLACE TABLE records AS
WITH judged AS (
  SELECT *, CASE WHEN plain THEN {AGREE} END AS agree,
    CASE WHEN plain AND len(nir_said) = 15 THEN 97 - nir_said[1:13]::BIGINT % 97 = nir_said[14:15]::BIGINT END AS key_right
  FROM records
), told AS (
  SELECT *, len(list_filter(agree, lambda x: x)) AS yes, len(list_filter(agree, lambda x: NOT x)) AS no FROM judged
)
SELECT t.* EXCLUDE (nir_said, plain, agree, key_right, yes, no),
  CASE WHEN plain THEN nir_said[1:13] ELSE r.nir END AS nir,
  coalesce(CASE WHEN nir_said IS NULL THEN {int(numbers.State.NONE)} WHEN NOT plain THEN r.state
    WHEN key_right = false THEN {int(numbers.State.SUSPECT)}
    WHEN yes >= {numbers.ENOUGH_AGREE} AND yes + no >= 4 - {numbers.MOST_UNKNOWN}
      THEN CASE WHEN key_right THEN {int(numbers.State.CERTIFIED)} ELSE {int(numbers.State.VALID)} END
    WHEN no > 1 THEN {int(numbers.State.SUSPECT)} ELSE {int(numbers.State.VALID)} END, 0)::TINYINT AS nir_state
FROM told t LEFT JOIN read_numbers r ON NOT t.plain AND r.text = t.nir_said AND r.sex IS NOT DISTINCT FROM t.sex
  AND r.year IS NOT DISTINCT FROM t.year AND r.month IS NOT DISTINCT FROM t.month AND r.place IS NOT DISTINCT FROM t.place
"""


def _forget_shared(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """A phone, a mail box or a number that more than four records of one file carry tells nobody: null."""
    forgotten = {}
    for column, also in (
        ("phone", ""),
        ("email", ", mailbox = NULL"),
        ("nir", f", nir_state = {int(numbers.State.DUMMY)}"),
    ):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE shared AS SELECT DISTINCT {column} AS value FROM records WHERE {column} IS NOT NULL"
            f" GROUP BY src, {column} HAVING count(*) > {SHARED_BY}"
        )
        row = connection.execute("SELECT count(*) FROM shared").fetchone()
        if row and row[0]:
            forgotten[column] = int(row[0])
            connection.execute(f"UPDATE records SET {column} = NULL{also} WHERE {column} IN (SELECT value FROM shared)")
    return forgotten
