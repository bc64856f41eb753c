"""Files of people, CSV or Parquet, into one table of text. What is missing or too much is said before anything is compared."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from hub.identity.french.person import COLUMNS
from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Sequence

# What Windows writes where Latin-1 has control characters: Œ, Ÿ, the curled apostrophe.
WINDOWS = {
    code: letter
    for code in range(0x80, 0xA0)
    if (letter := bytes([code]).decode("cp1252", errors="replace")) != "\ufffd"
}
EXPECTED = ("source", "source_id", *COLUMNS)
PLACE = "file_row_number"
MOST_SOURCES = 200
BLOCK = 1 << 24
NULLS = "['', 'NULL', 'null', 'None', 'NaN', 'nan', 'NA', 'N/A']"


@dataclass(frozen=True, kw_only=True)
class Read:
    """What the files held."""

    records: int
    sources: dict[str, int]
    ignored: dict[str, list[str]]
    absent: dict[str, list[str]]
    repeated: dict[str, int]


def read_files(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Read:
    """Make the view ``said``: the columns of every file as text, and a number ``rid`` for each row."""
    parts, ignored, absent, before = [], {}, {}, 0
    with TemporaryDirectory(dir=_spill(connection)) as folder:
        for number, file in enumerate(files):
            _check_there(file)
            relation = _relation(file, Path(folder))
            found = _columns(connection, file, relation)
            _check(file, found)
            ignored[file.name] = [name for name in found if _plain(name) not in EXPECTED]
            absent[file.name] = [name for name in COLUMNS if name not in {_plain(each) for each in found}]
            part = _part(connection, file, found, relation, f"said_{number}")
            parts.append(f"SELECT (place + {before} + 1)::INTEGER AS rid, * EXCLUDE (place) FROM {part}")
            before += _count(connection, part)
    connection.execute(f"CREATE OR REPLACE VIEW said AS {' UNION ALL '.join(parts)}")
    _make_sources(connection)
    counts = dict(connection.execute("SELECT name, records FROM sources ORDER BY src").fetchall())
    _check_identifiers(connection)
    return Read(
        records=sum(counts.values()), sources=counts, ignored=ignored, absent=absent, repeated=_repeated(connection)
    )


def _spill(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """The folder where this run may write for a while, when it has one."""
    row = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    folder = Path(str(row[0])) if row and row[0] else None
    return folder if folder and folder.is_dir() else None


def _part(connection: duckdb.DuckDBPyConnection, file: Path, found: list[str], relation: str, name: str) -> str:
    """The expected columns of a file and the ``place`` of each row in it: Parquet as it lies, read where it is needed; the rest once."""
    if _is_parquet(file) and PLACE not in found:
        numbered = f"{relation.removesuffix(')')}, {PLACE}=true)"
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_select(file, found, numbered, PLACE)}")
    else:
        place = "row_number() OVER () - 1"
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {_select(file, found, relation, place)}")
    return name


def _count(connection: duckdb.DuckDBPyConnection, part: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {part}").fetchone()
    return int(row[0]) if row else 0


def _make_sources(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE OR REPLACE TABLE sources AS SELECT (row_number() OVER (ORDER BY source) - 1)::UTINYINT AS src, source AS name,"
        " count(*)::BIGINT AS records FROM said GROUP BY source"
        if _sources(connection) <= MOST_SOURCES
        else "SELECT 1"
    )


def _sources(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT approx_count_distinct(source) FROM said").fetchone()
    number = int(row[0]) if row else 0
    if number == 0:
        raise FixTheDelivery("the files hold no record")
    if number > MOST_SOURCES * 1.1:
        raise FixTheDelivery(f"column source holds about {number} values: it names the file's sender, not the record")
    return number


def _check_identifiers(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute("SELECT min(rid) FROM said WHERE source_id IS NULL").fetchone()
    if row and row[0] is not None:
        raise FixTheDelivery(f"record {row[0]} has no source_id")


def _repeated(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many identifiers of each source stand on more than one record: a link that names one does not say which record it means."""
    return dict(
        connection.execute(
            "SELECT source, count(*) FROM (SELECT source FROM said GROUP BY source, source_id HAVING count(*) > 1) GROUP BY source"
        ).fetchall()
    )


def _plain(name: str) -> str:
    """A column's name as it is looked for: spaces around it and capitals do not count."""
    return name.strip().lower()


def _encoding(file: Path) -> str:
    """UTF-8 unless the bytes cannot be that: then UTF-16 where it says so, else the Windows-1252 of older spreadsheets."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as source:
        if source.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        source.seek(0)
        try:
            while block := source.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "windows-1252"
    return "utf-8"


def _in_utf_8(file: Path, folder: Path) -> Path:
    """A copy of a file of Windows-1252, for as long as it takes to read it: DuckDB reads no such file."""
    copy = folder / file.name
    with file.open("rb") as source, copy.open("w", encoding="utf-8", newline="") as sink:
        while block := source.read(BLOCK):
            sink.write(block.decode("latin-1").translate(WINDOWS))
    return copy


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in {".parquet", ".pq"}


def _relation(file: Path, folder: Path) -> str:
    """How DuckDB reads a file; ``folder`` takes a copy of it when it needs one."""
    if _is_parquet(file):
        return f"read_parquet('{_quoted(file)}')"
    encoding = _encoding(file)
    if encoding == "windows-1252":
        file, encoding = _in_utf_8(file, folder), "utf-8"
    return (
        f"read_csv('{_quoted(file)}', all_varchar=true, header=true, null_padding=true, strict_mode=false, nullstr={NULLS},"
        f" sample_size=20000, encoding='{encoding}')"
    )


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")


def _check_there(file: Path) -> None:
    if not file.is_file():
        raise FixTheDelivery(f"{file.name}: there is no such file")
    if file.stat().st_size == 0:
        raise FixTheDelivery(f"{file.name} is empty: it has no header")


def _columns(connection: duckdb.DuckDBPyConnection, file: Path, relation: str) -> list[str]:
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise FixTheDelivery(f"{file.name} cannot be read as {file.suffix.lstrip('.') or 'CSV'}") from error
    return [str(row[0]) for row in described]


def _check(file: Path, found: list[str]) -> None:
    names = {_plain(name) for name in found}
    if "source_id" not in names:
        raise FixTheDelivery(f"{file.name} has no column source_id; its columns: {', '.join(found[:40])}")
    if not names & set(COLUMNS):
        raise FixTheDelivery(
            f"{file.name} has none of the columns {', '.join(COLUMNS)}; its columns: {', '.join(found[:40])}"
        )


def _select(file: Path, found: list[str], relation: str, place: str) -> str:
    """The expected columns, in order, as text; the file's name for a source that it does not say. ``place`` counts rows from 0."""
    written = {_plain(name): name.replace('"', '""') for name in reversed(found)}
    parts = []
    for name in EXPECTED:
        column = f"nullif(trim(\"{written[name]}\"::VARCHAR), '')" if name in written else "NULL::VARCHAR"
        if name == "source":
            stem = file.stem.replace("'", "''")
            column = f"coalesce({column}, '{stem}')"
        parts.append(f"{column} AS {name}")
    return f"SELECT {place} AS place, {', '.join(parts)} FROM {relation}"
