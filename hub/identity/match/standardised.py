"""The French pack over a whole table: each distinct spelling is read once, by the same functions as a single record.

Plain values (most) are read in SQL; whatever is not plain goes to the pack, once per distinct value.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hub.identity.french import contacts, names, numbers
from hub.identity.french.dates import Born, birth_date
from hub.identity.french.places import birth_place, departement
from hub.identity.french.text import sounding
from hub.identity.match import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import duckdb

SHARED_BY = 4
TEXT, WORDS = pa.string(), pa.list_(pa.string())


def standardise_all(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """From ``said`` to ``records``: the columns of ``Person``, and ``src``, ``rid``. Says how many values too many records carry."""
    _read_dates(connection)
    _read_places(connection)
    _read_surnames(connection)
    _read_first_names(connection)
    _read_homes(connection)
    connection.execute(RECORDS)
    _read_contacts(connection)
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
    """A plain cell is one name, and nothing says which; others may hold two."""
    connection.execute(cells.SURNAMES)
    _hear(connection, "heard_surnames", "SELECT DISTINCT word FROM spelt_surnames WHERE word IS NOT NULL")
    rows = []
    for (text,) in _distinct(connection, "SELECT text FROM spelt_surnames WHERE word IS NULL"):
        born, used, unsaid = (names.surname(part) for part in names.split_cell(text))
        rows.append((text, *_surname(born), *_surname(used), *_surname(unsaid)))
    parts = ("whole", "bare", "heard", "words")
    kinds = {
        f"{role}_{part}": WORDS if part == "words" else TEXT for role in ("born", "used", "unsaid") for part in parts
    }
    _keep(connection, "read_surnames", {"text": TEXT, **kinds}, rows)
    connection.execute(
        "INSERT INTO read_surnames BY NAME SELECT text, word AS unsaid_whole, word AS unsaid_bare, heard AS unsaid_heard,"
        " [word] AS unsaid_words FROM spelt_surnames JOIN heard_surnames USING (word)"
    )


def _surname(name: names.Surname | None) -> tuple[Any, ...]:
    return (None, None, None, None) if name is None else (name.whole, name.bare, sounding(name.bare), list(name.words))


def _hear(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> None:
    """How each of some words sounds."""
    heard = ((word, sounding(word)) for (word,) in _distinct(connection, sql))
    _keep(connection, table, {"word": TEXT, "heard": TEXT}, heard)


def _read_first_names(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(cells.FIRST_NAMES)
    spelt = _distinct(connection, "SELECT text FROM spelt_first_names WHERE words IS NULL")
    rows = [(text, list(given)) for (text,) in spelt if (given := names.first_names(text))]
    _keep(connection, "read_words", {"text": TEXT, "words": WORDS}, rows)
    connection.execute("INSERT INTO read_words SELECT text, words FROM spelt_first_names WHERE words IS NOT NULL")
    _hear(connection, "heard_first_names", "SELECT DISTINCT words[1] FROM read_words")
    joined = _distinct(connection, f"SELECT text FROM read_words WHERE regexp_matches(text, '{names.HYPHENS.pattern}')")
    _keep(
        connection,
        "second_halves",
        {"text": TEXT, "half": TEXT},
        ((text, names.second_half(text)) for (text,) in joined),
    )
    connection.execute(
        "CREATE OR REPLACE TABLE read_first_names AS SELECT text, words AS first_names, words[1] AS first_name,"
        " array_to_string(words[1:2], '') AS first_two, heard AS first_heard, half AS second_half"
        " FROM read_words JOIN heard_first_names ON word = words[1] LEFT JOIN second_halves USING (text)"
    )


def _read_homes(connection: duckdb.DuckDBPyConnection) -> None:
    spelt = _distinct(connection, "SELECT DISTINCT postcode FROM said WHERE postcode IS NOT NULL")
    _keep(
        connection,
        "read_postcodes",
        {"text": TEXT, "postcode": TEXT},
        ((text, contacts.postcode(text)) for (text,) in spelt),
    )
    connection.execute(cells.STREETS)
    odd = _distinct(connection, "SELECT text FROM spelt_streets WHERE street IS NULL")
    _keep(
        connection, "read_streets", {"text": TEXT, "street": TEXT}, ((text, contacts.street(text)) for (text,) in odd)
    )
    connection.execute("INSERT INTO read_streets SELECT * FROM spelt_streets WHERE street IS NOT NULL")


def _pick(part: str, *roles: str) -> str:
    return "coalesce(" + ", ".join(f"{side}.{role}_{part}" for role, side in (role.split("@") for role in roles)) + ")"


def _born(part: str) -> str:
    return _pick(part, "born@n", "born@u", "unsaid@n")


def _used(part: str) -> str:
    return _pick(part, "used@u", "used@n", "unsaid@u")


RECORDS = f"""
CREATE OR REPLACE TABLE records AS
WITH joined AS (
  SELECT s.rid, sources.src, {cells.CLEANED} AS nir_cleaned, s.nir AS nir_said, {cells.PLAIN} AS plain,
    f.first_name, f.first_two, f.second_half, f.first_heard, coalesce(f.first_names, []) AS first_names,
    d.born, d.year, d.month, d.day, p.place, p.departement, {cells.SEX} AS sex,
    {_born("whole")} AS born_whole, {_born("bare")} AS born_bare, {_born("heard")} AS born_heard, {_born("words")} AS born_words,
    {_used("whole")} AS used_whole, {_used("bare")} AS used_bare, {_used("heard")} AS used_heard, {_used("words")} AS used_words,
    c.postcode, w.street, {cells.PHONE} AS phone, {cells.EMAIL} AS email
  FROM said s JOIN sources ON sources.name = s.source
  LEFT JOIN read_surnames n ON n.text = s.birth_name LEFT JOIN read_surnames u ON u.text = s.usage_name
  LEFT JOIN read_first_names f ON f.text = s.first_names LEFT JOIN read_dates d ON d.text = s.birth_date
  LEFT JOIN read_places p ON p.text = s.birth_place_insee AND p.era = {ERA.replace("year", "d.year")}
  LEFT JOIN read_postcodes c ON c.text = s.postcode LEFT JOIN read_streets w ON w.text = s.address
), told AS (
  SELECT *, born_whole IS NOT NULL AND used_whole IS NOT NULL AND born_bare <> used_bare AS two,
    CASE WHEN plain THEN left(nir_cleaned, 13)::BIGINT END AS told,
    CASE WHEN plain AND len(nir_cleaned) = 15 THEN 97 - left(nir_cleaned, 13)::BIGINT % 97 = right(nir_cleaned, 2)::BIGINT END AS key_right
  FROM joined
), judged AS (
  SELECT *, {cells.YES} AS yes, {cells.NO} AS no FROM told
)
SELECT rid, src, first_name, first_two, second_half, first_heard, first_names, born, year, month, day, place, departement, sex,
  coalesce(born_whole, used_whole) AS birth_name, coalesce(born_bare, used_bare) AS birth_bare,
  coalesce(born_heard, used_heard) AS birth_heard,
  CASE WHEN two THEN used_whole END AS usage_name, CASE WHEN two THEN used_bare END AS usage_bare,
  CASE WHEN two THEN used_heard END AS usage_heard,
  CASE WHEN two THEN list_distinct(born_words || used_words) ELSE coalesce(born_words, used_words, []) END AS name_words,
  postcode, street, phone, email, split_part(email, '@', 1) AS mailbox,
  CASE WHEN plain THEN left(nir_cleaned, 13) ELSE nir_said END AS nir, {cells.STATE} AS nir_state
FROM judged
"""


BY_HAND: dict[str, tuple[Callable[[str | None], str | None], str]] = {
    "phone": (contacts.phone, ""), "email": (contacts.email, ", mailbox = split_part(value, '@', 1)"),
}  # fmt: skip


def _read_contacts(connection: duckdb.DuckDBPyConnection) -> None:
    """What was marked as not plain."""
    for column, (read, also) in BY_HAND.items():
        odd = _distinct(
            connection, f"SELECT DISTINCT {column} FROM records WHERE starts_with({column}, '{cells.UNREAD}')"
        )
        rows = ((text, read(text.removeprefix(cells.UNREAD))) for (text,) in odd)
        _keep(connection, "read_contacts", {"text": TEXT, "value": TEXT}, rows)
        connection.execute(f"UPDATE records SET {column} = value{also} FROM read_contacts WHERE {column} = text")


def _read_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    """Numbers that are not plain, each beside its own record."""
    odd = _distinct(connection, "SELECT rid, nir, sex, year, month, place FROM records WHERE nir_state < 0")
    read = cache(_number)
    kinds = {"who": pa.int32(), "value": TEXT, "state": pa.int8()}
    _keep(connection, "read_numbers", kinds, ((rid, *read(*said)) for rid, *said in odd))
    connection.execute("UPDATE records SET nir = value, nir_state = state FROM read_numbers WHERE rid = who")


def _number(
    text: str, sex: str | None, year: int | None, month: int | None, place: str | None
) -> tuple[str | None, int]:
    read = numbers.number(text, sex=sex, born=Born(year=year, month=month), place=place)
    return read.value, int(read.state)


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
